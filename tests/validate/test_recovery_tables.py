"""Verdicts on invented rows: what passes, what fails, what counts and what is set apart."""

import json

import numpy as np
import pytest

from liqbayes.errors import InputError
from liqbayes.validate.recovery.markets import AXES, N_DEVELOPMENT, markets
from liqbayes.validate.recovery.outputs import FAMILIES, OUTPUTS, interval_of, width_of
from liqbayes.validate.recovery.tables import (
    ALL,
    HELD,
    MISSED,
    NOT_SHIPPED,
    TOO_FEW,
    judge,
    summary_of,
)
from tests.validate.recovery_rows import failed_row, invented_rows, widths

RULES = ("fixed-mix",)


def verdicts(result, kind):
    return {
        (t.arm, t.regime, t.output, t.limit): t.verdict for t in result.targets if t.kind == kind
    }


@pytest.fixture(scope="module")
def calibrated():
    return judge(invented_rows(rules=RULES), RULES)


def test_calibrated_intervals_pass(calibrated):
    """Each of 22 shares of 100 is 0.9 with sd 0.03, so that chance leaves one or two outside."""
    found = verdicts(calibrated, "coverage")
    assert len(found) == 2 * len(OUTPUTS)
    assert sum(v == MISSED for v in found.values()) <= 2
    regimes = verdicts(calibrated, "regime coverage")
    assert set(regimes.values()) == {HELD}
    assert set(verdicts(calibrated, "width").values()) == {HELD}
    assert set(verdicts(calibrated, "score").values()) == {HELD}
    assert calibrated.failed == 0


def test_intervals_half_as_wide_fail():
    result = judge(invented_rows(shrink=0.5), ())
    assert set(verdicts(result, "coverage").values()) == {MISSED}
    regimes = verdicts(result, "regime coverage")
    assert np.mean([v == MISSED for v in regimes.values()]) > 0.8


def test_intervals_as_wide_as_the_priors_are_not_sharp():
    rows = invented_rows()
    for row in rows:
        row["width"] = widths(row["prior"], row["prior"])
    assert set(verdicts(judge(rows, ()), "width").values()) == {MISSED}


def test_intervals_that_score_worse_than_the_prior():
    rows = invented_rows(rules=RULES)
    for row in rows:
        for score in row["score"].values():
            score["prior"] = 0.5 * score["posterior"]
    found = verdicts(judge(rows, RULES), "score")
    assert {v for k, v in found.items() if "prior" in k[3]} == {MISSED}
    assert {v for k, v in found.items() if "fixed-mix" in k[3]} == {HELD}


def test_every_regime_has_its_rows(calibrated):
    table = calibrated.table
    names = {f"{a}: {x}" if a != "prior" else x for a, levels in AXES.items() for x in levels}
    assert set(table["regime"]) == {ALL, *names}
    # without a feed what it would have reported is no regime
    bare = table[table["arm"] == "none"]
    assert not bare["regime"].str.startswith("reporting share").any()
    assert set(table["output"]) == {*OUTPUTS, *FAMILIES}
    crash = table[(table["regime"] == "path: crash") & (table["output"] == "at_risk")]
    assert (crash["markets"] == 20).all() and (crash["n"] == 160).all()
    assert (crash["effective_n"] <= 160).all()


def test_failures_count_as_missed_and_wide():
    rows = invented_rows()
    rows[:60] = [
        failed_row(row["market"], row["arm"], simulated=i % 3 > 0)
        for i, row in enumerate(rows[:60])
    ]
    result = judge(rows, ())
    assert result.failed == 60
    assert set(verdicts(result, "coverage").values()) == {MISSED}
    # 30 of 100 infinitely wide: the median is still finite, and larger
    table = result.table[result.table["regime"] == ALL]
    assert (table["failed"] == 30).all() and (table["n"] >= 100).all()
    with pytest.raises(InputError, match="stuck"):
        judge([failed_row(N_DEVELOPMENT, "feed")], ())


def test_exact_zeros_are_set_apart():
    rows = invented_rows()
    name = "at_risk[long, 0.02]"
    for row in rows[:20]:
        row["truth"][name] = 0.0
        row["interval"][name] = [1e-7, 1e-5, 9e-4]
    for row in rows[20:30]:
        # wide enough to have been seen: a miss
        row["truth"][name] = 0.0
        row["interval"][name] = [1e-7, 1e-3, 2e-3]
    table = judge(rows, ()).table
    pooled = table[(table["regime"] == ALL) & (table["output"] == name)]
    assert pooled["zeros_apart"].tolist() == [10, 10]
    assert pooled["n"].tolist() == [90, 90]
    family = table[(table["regime"] == ALL) & (table["output"] == "at_risk")]
    assert family["zeros_apart"].tolist() == [10, 10]


def test_an_end_that_is_nothing_holds_zero():
    """A tenth of the truths is zero, within an interval that begins at 1e-30 or at 1e-7."""
    name, shares = "at_risk[long, 0.02]", []
    for low in (1e-30, 1e-7):
        rows = invented_rows()
        for row in rows[:20]:
            row["truth"][name] = 0.0
            row["interval"][name] = [low, 1e-3, 2e-3]
        table = judge(rows, ()).table
        pooled = table[(table["regime"] == ALL) & (table["output"] == name)]
        assert pooled["zeros_apart"].tolist() == [0, 0]
        shares.append(pooled["coverage"].to_numpy())
    assert shares[0] - shares[1] == pytest.approx(0.1)


def test_few_markets_are_shown_and_not_judged():
    result = judge(invented_rows(n=15), ())
    assert {t.verdict for t in result.targets} == {TOO_FEW, NOT_SHIPPED}
    assert not result.missed and len(result.table)


def test_rule_that_is_not_shipped_is_noted():
    result = judge(invented_rows(n=30), ())
    absent = [t for t in result.targets if t.verdict == NOT_SHIPPED]
    assert {t.arm for t in absent} == {"feed", "none"}
    assert all("fixed-mix" in t.limit for t in absent)
    assert summary_of(result, {}, invented_rows(n=30))["point_rules_not_shipped"] == ["fixed-mix"]


def test_summary_is_plain_json(calibrated):
    rows = invented_rows(rules=RULES)
    rows[0] = failed_row(N_DEVELOPMENT, "feed")
    rows[1] = failed_row(N_DEVELOPMENT, "none", simulated=False)
    rows[2]["convergence"] = rows[2]["convergence"] | {"max_rhat": None}
    summary = summary_of(judge(rows, RULES), {"schema": "s"}, rows)
    again = json.loads(json.dumps(summary, allow_nan=False))
    assert again["failed"] == 2 and again["errors"] == ["SamplingError: stuck"]
    assert again["markets"] == 100 and again["fits"] == 200
    assert again["far_from_prior"]["both"] == pytest.approx(0.5, abs=0.01)
    assert again["convergence"]["rhat_above_1.05"] == 1
    assert again["point_rules_not_shipped"] == []
    assert again["targets_missed"] == sum(t["verdict"] == MISSED for t in again["targets"])


def test_widths_and_intervals():
    values = np.linspace(0.0, 1.0, 1001)
    assert interval_of(values) == pytest.approx([0.05, 0.5, 0.95])
    assert width_of("at_risk[long, 0.1]", [0.1, 0.2, 0.4]) == pytest.approx(0.3)
    assert width_of("total[short]", [0.1, 0.2, 0.4]) == pytest.approx(np.log(4))
    # a lower end at zero has a width all the same
    assert np.isfinite(width_of("total[short]", [0.0, 0.2, 0.4]))


def test_levels_of_rows_are_those_of_the_table(calibrated):
    some = calibrated.comparisons
    market = markets()[7]
    assert (some.loc[some["market"] == 7, "path"] == market.levels["path"]).all()
