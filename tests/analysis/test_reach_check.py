"""The check of reach probabilities: a law that holds passes, one that does not fails."""

import os
from pathlib import Path

import numpy as np
import pytest

from liqbayes.analysis.errors_of_means import group_means, mean_error
from liqbayes.analysis.reach_check import check_reach, crps
from liqbayes.errors import InputError
from liqbayes.panel import read_panel
from tests.analysis.made import brownian_bars, panel_of


def test_crps_of_a_sample_is_its_definition() -> None:
    x = np.array([0.3, 1.0, 2.5])
    pairs = np.abs(x[:, None] - x[None, :]).mean() / 2
    assert crps(x, 0.7) == pytest.approx(np.abs(x - 0.7).mean() - pairs)


def test_a_law_that_holds_passes_and_a_break_is_found() -> None:
    calm, wild = brownian_bars(700, 0.01, 1), brownian_bars(500, 0.01, 2)
    options = {"horizons": ("1h", "4h"), "first": 700, "every": 3, "refit": 10_000, "n": 99}
    table = check_reach(panel_of(np.concatenate([calm, wild])), **options).calibration
    both = table[table["side"] == "both"]
    inside = (both["low"] <= both["predicted"]) & (both["predicted"] <= both["high"])
    # 14 intervals of 90 % at two horizons of the same bars: dependent, and loose on purpose
    assert inside.mean() >= 0.7
    # moves within a bar that no past bar had in its standard deviations: highs and lows doubled
    wild[:, :2] *= 2.5
    table = check_reach(panel_of(np.concatenate([calm, wild])), **options).calibration
    rare = table[(table["side"] == "both") & (table["predicted"] == 0.1)]
    assert (rare["low"] > 0.1).all()


def test_too_short_a_panel_is_refused() -> None:
    with pytest.raises(InputError, match="origins"):
        check_reach(panel_of(brownian_bars(230, 0.01, 1)), every=10)
    with pytest.raises(InputError, match="whole number"):
        check_reach(panel_of(brownian_bars(500, 0.01, 1)), horizons=("90min",))


def test_errors_of_means_are_those_of_independent_values() -> None:
    values = np.random.default_rng(3).normal(size=400)
    plain = values.std(ddof=1) / 20 * 1.6487
    assert mean_error(values, 1) == pytest.approx(plain, rel=1e-3)
    first = np.arange(400) < 400
    means, errors, _ = group_means(values, (first, ~first), 1)
    assert means[0] == pytest.approx(values.mean())
    assert errors[0] == pytest.approx(plain, rel=1e-2)
    assert np.isnan(means[1])
    # repeated values know no more than the ones they repeat
    _, errors, _ = group_means(np.repeat(values, 4), (np.ones(1600, bool),), 4)
    assert errors[0] == pytest.approx(plain, rel=1e-2)
    assert np.isnan(mean_error(values, 100))


@pytest.mark.devdata
@pytest.mark.slow
@pytest.mark.skipif("LIQBAYES_DEV_DATA" not in os.environ, reason="LIQBAYES_DEV_DATA is not set")
@pytest.mark.parametrize("symbol", ["BTC", "ETH", "SOL"])
def test_reach_is_calibrated_on_real_hours(symbol: str) -> None:
    path = Path(os.environ["LIQBAYES_DEV_DATA"]) / f"binance_{symbol.lower()}usdt_1h.parquet"
    panel = read_panel(path, contract=f"binance:{symbol}USDT")
    table = check_reach(panel, horizons=("1h", "4h", "1d"), every=6).calibration
    both = table[table["side"] == "both"]
    inside = (both["low"] <= both["predicted"]) & (both["predicted"] <= both["high"])
    assert both["low"].notna().all()
    assert inside.mean() >= 0.8
