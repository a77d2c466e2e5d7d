"""A market whose book is known and whose feed is complete: there the map must help."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from liqbayes.backtest import BacktestPlan, backtest
from liqbayes.simulate import market_preset, simulate_market


@pytest.mark.slow
def test_the_map_helps_where_it_must(tmp_path):
    """Against the regression, with real fits; swapped and shifted levels must not.

    Loose: one market, one fit, ten days of bars; the estimates move by some 0.02 between machines.
    """
    market = simulate_market(market_preset("full-feed", bars=960), 1)
    plan = BacktestPlan(
        "baseline", market.panel, refit="60D", tasks=("conditional",), draws=100, tune=250
    )
    with ThreadPoolExecutor(1) as executor:
        result, outcome = backtest(plan, tmp_path / "out", executor, progress=False)
    assert outcome.failed == outcome.left == 0
    summary = result.summary
    estimate = summary["ablation"]["conditional"]["pooled"][1]
    assert estimate < 1.0
    for name in ("shifted-week", "sides-swapped"):
        assert estimate < summary["placebo"][name]["conditional"]["pooled"][1]
    covered = [s["coverage90"] for s in summary["scores"]["conditional"]["model"].values()]
    assert all(0.75 < share <= 1.0 for share in covered)
