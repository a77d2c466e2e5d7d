"""Cascades of the agent market beside the fixed point on its true book."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from liqbayes.errors import InputError
from liqbayes.validate import CascadePlan, cascades_on_agent_markets
from liqbayes.validate.cascades import run
from liqbayes.validate.cascades.run import summarise_cascades
from liqbayes.validate.cascades.unit import simulated_cascade


@pytest.mark.slow
def test_market_and_fixed_point_agree_on_the_order_of_a_cascade():
    weak, strong = (simulated_cascade(1, 0.1, impact) for impact in (0.5, 2.0))
    for row in (weak, strong):
        assert row["simulated"] > 0 and 0 < row["closing_share"] <= 1
        # a root of the sum is less than the sum of the roots that the market takes
        assert 0 < row["predicted"] < row["by_rounds"]
        assert row["simulated"] == pytest.approx(row["by_rounds"], rel=0.6)
    assert strong["simulated"] > weak["simulated"] and strong["predicted"] > weak["predicted"]


@pytest.mark.parametrize(("fall", "impact"), [(0.0, 1.0), (1.0, 1.0), (0.1, 0.0)])
def test_falls_that_are_none(fall, impact):
    with pytest.raises(InputError):
        simulated_cascade(1, fall, impact)


def invented(unit):
    """A market twice as strong as the fixed point on it; one of them is not moved at all."""
    if unit.seed == 3:
        raise InputError("a fall of 5 % reaches no level")
    further = 0.0 if unit.seed == 2 else unit.impact * unit.fall
    return {
        "fall": unit.fall,
        "impact": unit.impact,
        "simulated": further,
        "predicted": 0.5 * unit.impact * unit.fall,
        "by_rounds": unit.impact * unit.fall,
    }


def test_a_study_grows_and_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "examine", invented)
    out = tmp_path / "run"
    with ThreadPoolExecutor(1) as executor:
        small = CascadePlan(markets=2, falls=(0.1,), impacts=(1.0,))
        table, outcome = cascades_on_agent_markets(small, out, executor, progress=False)
        assert outcome.done == 2 and table["markets"].tolist() == [2, 1, 1]
        larger = CascadePlan(markets=3, falls=(0.1,), impacts=(1.0, 2.0))
        table, outcome = cascades_on_agent_markets(larger, out, executor, progress=False)
    assert outcome.failed == 2 and outcome.left == 0
    found = table.set_index(["impact", "quantity"])
    assert found.loc[(2.0, "predicted / simulated"), "median"] == pytest.approx(0.5)
    assert found.loc[(2.0, "simulated"), "largest"] == pytest.approx(0.2)
    assert found.loc[(2.0, "simulated"), "smallest"] == 0.0
    assert (out / "cascades.csv").read_text().startswith("fall,impact,markets,quantity")


def test_a_market_that_was_not_moved_has_no_ratio():
    row = {"fall": 0.1, "impact": 1.0, "simulated": 0.0, "predicted": 0.1, "by_rounds": 0.1}
    table = summarise_cascades([row]).set_index("quantity")
    assert table.loc["simulated", "markets"] == 1
    assert table.loc["predicted / simulated", "markets"] == 0
    assert np.isnan(table.loc["predicted / simulated", "median"])


@pytest.mark.parametrize(
    "settings", [{"markets": 0}, {"falls": ()}, {"falls": (1.0,)}, {"impacts": (0.0,)}]
)
def test_studies_that_are_none(settings):
    with pytest.raises(InputError, match=f"--{next(iter(settings))}"):
        CascadePlan(**settings)
