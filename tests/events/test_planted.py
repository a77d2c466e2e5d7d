"""What is planted is found, and nothing is where nothing is."""

import numpy as np
import pytest

from liqbayes.errors import InputError
from liqbayes.events.definitions import ALPHA, CONSUMPTION, DELTA_LEADS, LEAD, MAGNETISM, SWEPT
from liqbayes.events.planted import Planted, planted_evidence, rates
from liqbayes.events.study import study


def p_of(table, question, test, hours):
    chosen = table["question"].eq(question) & table["test"].eq(test)
    return table[chosen & table["horizon_hours"].eq(hours)].iloc[0]


def test_planted_reversal_is_found_in_the_swept_arm():
    table = study(planted_evidence(Planted(CONSUMPTION, 6.0), bars=500, draws=3, seed=1))
    row = p_of(table, CONSUMPTION, SWEPT, 4.0)
    assert row["verdict"] == "found" and row["high"] < 0


def test_planted_attraction_is_found():
    table = study(planted_evidence(Planted(MAGNETISM, 0.8), bars=500, draws=3, seed=1))
    row = p_of(table, MAGNETISM, "reach on density", 4.0)
    assert row["verdict"] == "found" and row["low"] > 0 and row["extra"] > 0


def test_planted_lead_is_found_in_its_direction_only():
    table = study(planted_evidence(Planted(LEAD, 0.5), bars=500, draws=3, seed=1))
    row = p_of(table, LEAD, DELTA_LEADS, 1.0)
    assert row["verdict"] == "found" and row["low"] > 0
    assert p_of(table, LEAD, "returns lead ΔL", 1.0)["verdict"] == "no effect found"


def test_an_unknown_kind_is_refused():
    with pytest.raises(InputError, match="magnetism"):
        Planted("gravity")


@pytest.mark.slow
def test_without_an_effect_tests_reject_at_about_their_level():
    table = rates(Planted(), 80, bars=624, draws=4)
    tests = table[table["rejected"].notna()]
    # each of 15 rates has a binomial interval; one in a thousand of them may miss
    assert (tests["rejected_low"] <= 2 * ALPHA).all()
    assert tests["rejected"].mean() <= 1.5 * ALPHA
    assert 0.84 <= tests["covered"].mean() <= 0.96
    anything = table[table["test"] == "any test"].iloc[0]
    assert anything["found_low"] <= ALPHA


def test_evidence_of_a_seed_is_the_same_and_draws_differ():
    one, two = (planted_evidence(Planted(), bars=120, draws=2, seed=7) for _ in range(2))
    assert np.array_equal(one.close, two.close) and np.array_equal(one.dense, two.dense)
    assert not np.array_equal(one.dense[0], one.dense[1])
