"""Fits made without sampling: draws near the prior's centre, put together as a real fit is."""

from importlib import import_module
from unittest.mock import patch

import numpy as np
import xarray as xr

from liqbayes.model.data import prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.spec import ModelSpec
from liqbayes.panel import MarketPanel
from liqbayes.sampling.config import SamplerConfig
from liqbayes.sampling.fit import assemble
from liqbayes.sampling.run import Draws
from liqbayes.simulate import market_preset, simulate_market
from tests.model import markets


def draws_of(
    evaluator: Evaluator, chains: int = 2, draws: int = 30, *, scale: float = 0.4, seed: int = 5
) -> Draws:
    """Draws of ``z`` around the prior's centre, with the statistics of a sampler."""
    rng = np.random.default_rng(seed)
    z = scale * rng.standard_normal((chains, draws, evaluator.layout.n))
    shape = ("chain", "draw")
    stats = xr.Dataset(
        {
            "diverging": (shape, np.zeros((chains, draws), bool)),
            "energy": (shape, rng.normal(100.0, 3.0, (chains, draws))),
            "lp": (shape, rng.normal(-100.0, 3.0, (chains, draws))),
            "reached_max_treedepth": (shape, np.zeros((chains, draws), bool)),
        }
    )
    coords = {"chain": np.arange(chains), "draw": np.arange(draws)}
    z = xr.DataArray(
        z,
        dims=(*shape, "parameter"),
        coords={**coords, "parameter": evaluator.layout.labels},
    )
    return Draws(z, stats.assign_coords(coords), 1.0, 1.0, False, ())


def fake_fit(
    panel: MarketPanel,
    spec: ModelSpec,
    *,
    chains: int = 2,
    draws: int = 30,
    scale: float = 0.4,
    seed: int = 11,
    history: MarketPanel | None = None,
    taken: Draws | None = None,
    prior_draws: int = 300,
) -> xr.DataTree:
    """What ``fit`` returns, with draws that no sampler took."""
    evaluator = Evaluator.of(spec, prepare(spec, panel, history))
    config = SamplerConfig(draws=max(draws, 4), tune=20, chains=chains, cores=1, seed=seed)
    if taken is None:
        taken = draws_of(evaluator, chains, draws, scale=scale)
    with patch.object(import_module("liqbayes.sampling.fit"), "PRIOR_DRAWS", prior_draws):
        return assemble(evaluator, panel, history, taken, config)


def small_market(bars: int = 144) -> MarketPanel:
    """A simulated hourly market with a feed and funding."""
    return simulate_market(market_preset("default", bars=bars), 3).panel


def linear_fit(**options: int) -> xr.DataTree:
    return fake_fit(small_market(), markets.small_spec(), **options)


def inverse_fit() -> xr.DataTree:
    table = markets.bars(100, seed=2, feed=False)
    price = table["close"]
    table["volume"] *= price
    table["open_interest"] *= price
    return fake_fit(
        markets.panel(table, markets.INVERSE), markets.small_spec(), draws=12, prior_draws=100
    )


def aggregate_fit() -> xr.DataTree:
    return fake_fit(
        markets.panel(markets.aggregate(100), markets.AGGREGATE), markets.small_spec(), draws=12
    )


def gappy_panel() -> MarketPanel:
    """Open interest unknown in bars 40 to 44 of 100."""
    table = markets.bars(100, seed=4)
    table.iloc[40:45, table.columns.get_loc("open_interest")] = np.nan
    return markets.panel(table)


def open_interest(fit: xr.DataTree) -> float:
    """Last open interest of one side in the contract's unit, read from the panel alone."""
    last = fit["panel"].to_dataset().isel(time=-1)
    if "open_interest_linear" in last:
        linear = float(last["open_interest_linear"]) * float(last["close"])
        return linear + float(last["open_interest_inverse"])
    return float(last["open_interest"])
