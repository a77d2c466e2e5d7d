"""Results of an invented fit, made of the invented outputs of the plot tests."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from liqbayes.checks import Verdict
from liqbayes.contracts import load_contract
from liqbayes.model import load_spec
from liqbayes.report import Results
from liqbayes.report.reduce import bin_prior_share
from tests.plots import synthetic

SIDES = ["long", "short"]


def results(**changes: Any) -> Results:
    """A converged fit of 240 hourly bars; `changes` replace fields."""
    rng = np.random.default_rng(11)
    levels = synthetic.levels(draws=40)
    risk = synthetic.at_risk(levels)
    held = levels["quantity"].sum("price") + levels["below"] + levels["above"] + levels["none"]
    mark = levels.attrs["mark_price"]
    total = rng.gamma(3.0, 100.0, size=(2, 40, 2))
    dims = ("chain", "draw", "side")
    windows = synthetic.LEVERAGE_WINDOWS
    average = 5 + rng.random((2, 40, 2, len(windows)))
    average[..., -1] = np.nan
    leverage, broad = synthetic.leverage(draws=40), synthetic.leverage(concentration=12.0)
    entry = synthetic.entry(draws=40)
    made = Results(
        contract=load_contract("binance:BTCUSDT"),
        spec=load_spec("baseline"),
        attrs={
            "interrupted": "false",
            "panel_hash": "ab" * 32,
            "oi_conservation_error": "1.5e-12",
            "versions": json.dumps({"liqbayes": "0.1.0"}),
            "sampler": json.dumps(
                {
                    "name": "nutpie",
                    "seconds": 12.5,
                    "draws": 40,
                    "tune": 100,
                    "chains": 2,
                    "seed": 7,
                    "notes": [],
                }
            ),
        },
        span=("2024-03-01T00:00:00", "2024-03-11T00:00:00"),
        label="binance:BTCUSDT, 1 h bars",
        levels=levels,
        levels_prior=synthetic.levels(draws=40, seed=9, spread=1.0),
        bin_prior_share=bin_prior_share(
            levels["quantity"], synthetic.levels(draws=40, seed=9, spread=1.0)["quantity"]
        ),
        at_risk=xr.Dataset({"share": risk, "quote": risk * held * mark}),
        realised_total=xr.Dataset(
            {"quantity": (dims, total), "quote": (dims, total * 55_000)}, coords={"side": SIDES}
        ),
        delta=synthetic.delta(draws=40),
        leverage=leverage,
        leverage_prior=broad,
        opened=leverage,
        opened_prior=broad,
        average_leverage=xr.DataArray(
            average, dims=(*dims, "window"), coords={"side": SIDES, "window": windows}
        ),
        entry=entry,
        entry_prior=synthetic.entry(draws=40, concentration=60.0),
        heatmap=synthetic.heatmap(bars=30, bins=60),
        converged=True,
        reasons=(),
        diagnostics={
            "divergences": 0,
            "max_rhat": 1.004,
            "min_ess_bulk": 900.0,
            "min_ess_tail": 800.0,
            "min_ebfmi": 0.8,
        },
        prior_share={"at_risk_long": 0.2, "entry_vwap_long": float("nan")},
        prior_book_share={"long": 0.05, "short": 0.06},
        verdicts=(
            Verdict("R-hat", "ok", 1.004, 1.01, "largest, of a parameter"),
            Verdict("scale: log L", "warn", 0.2, float("inf"), "from the prior"),
        ),
    )
    return replace(made, **changes)


def medians(value: Any) -> Any:
    """A summary with each interval replaced by its median: a truth that every interval holds."""
    if isinstance(value, dict):
        return {k: medians(v) for k, v in value.items()}
    return value[1] if isinstance(value, list) and len(value) == 3 else value
