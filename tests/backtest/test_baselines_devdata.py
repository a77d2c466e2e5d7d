"""On real feeds: the order of the baselines and their coverage, before the test block."""

import os
from pathlib import Path

import numpy as np
import pytest

from liqbayes import read_panel
from liqbayes.backtest.baselines import plain_baselines
from liqbayes.backtest.scores import score_bars
from liqbayes.backtest.table import BarTable

DIRECTORY = os.environ.get("LIQBAYES_DEV_DATA")
PANELS = (("binance_btcusdt_1h", "binance:BTCUSDT"), ("binance_solusdt_1h", "binance:SOLUSDT"))


@pytest.mark.devdata
@pytest.mark.skipif(not DIRECTORY, reason="needs LIQBAYES_DEV_DATA")
@pytest.mark.parametrize(("file", "contract"), PANELS)
def test_more_information_forecasts_better(file, contract):
    table = BarTable.of(read_panel(Path(DIRECTORY) / f"{file}.parquet", contract=contract))
    start, stop = table.n_bars // 2, 7 * table.n_bars // 10
    rng = np.random.default_rng(0)
    crps = {}
    for forecaster in plain_baselines():
        draws = np.full((2, stop - start, 200), np.nan)
        for origin in range(start, stop, 48):
            bars = np.arange(origin, min(origin + 48, stop))
            fitted = forecaster.fit(table, origin)
            draws[:, bars - start] = fitted.draws(
                table, bars, task="conditional", size=200, rng=rng
            )
        means = [score_bars(draws[s], table.reported[s, start:stop]).means() for s in (0, 1)]
        crps[forecaster.name] = np.mean([m["crps_log"] for m in means])
        assert 0.8 < np.mean([m["coverage90"] for m in means]) < 0.98, forecaster.name
    assert crps["regression"] < 0.65 * crps["climatology"]
    assert crps["autoregressive"] < 1.03 * crps["climatology"]
    for name in ("distance", "hawkes"):
        assert crps["regression"] < 1.03 * crps[name] < 0.75 * crps["climatology"]
