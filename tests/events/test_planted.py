"""What is planted is found, and nothing is where nothing is."""

import numpy as np
import pytest

from liqbayes.errors import InputError
from liqbayes.events.consumption import after_moves, moves
from liqbayes.events.definitions import (
    ALPHA,
    CONSUMPTION,
    DELTA_LEADS,
    LEAD,
    MAGNETISM,
    RETURN_LEADS,
    SWEPT,
)
from liqbayes.events.lead import lead
from liqbayes.events.magnetism import attraction
from liqbayes.events.planted import Planted, planted_evidence, rates

# What the strictest step of Holm's adjustment over 15 tests asks for.
STRICT = ALPHA / 15


def test_planted_reversal_is_found_in_the_swept_arm():
    data = planted_evidence(Planted(CONSUMPTION, 5.0), bars=700, draws=3, seed=1)
    found = after_moves(data, moves(data), SWEPT, 4)
    assert found.p_value() < STRICT and found.interval()[1] < 0


def test_planted_attraction_is_found():
    data = planted_evidence(Planted(MAGNETISM, 0.6), bars=1500, draws=3, seed=1)
    found, probability, _ = attraction(data, 4)
    assert found.p_value() < STRICT and found.interval()[0] > 0 and probability > 0


def test_planted_lead_is_found_in_its_direction_only():
    data = planted_evidence(Planted(LEAD, 0.5), bars=700, draws=3, seed=1)
    ahead, behind = lead(data, 1, DELTA_LEADS), lead(data, 1, RETURN_LEADS)
    assert ahead.p < STRICT and ahead.estimate.interval()[0] > 0
    assert behind.p > STRICT and ahead.estimate.value > 3 * abs(behind.estimate.value)


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
