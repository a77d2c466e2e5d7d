"""Whether results depend on the grid: number of leverage cells, and bar length."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.model.spec import ModelSpec
from liqbayes.panel import MarketPanel
from liqbayes.sampling import fit
from liqbayes.simulate import market_preset, resample_market, simulate_market
from liqbayes.validate.challenges import risks, shift

FloatArray = NDArray[np.float64]
CELLS = (12, 24, 48)
# Bar lengths of one simulated market, in seconds, the finest first.
BARS = (300, 3600)
DAYS = 5
# Largest shift of a median between grids, in pooled posterior standard deviations.
LIMIT = 0.2

Step = Callable[[str], None]


def with_cells(spec: ModelSpec, cells: int) -> ModelSpec:
    """The specification with another number of leverage cells."""
    resolution = {**spec.source["resolution"], "cells": cells}
    return ModelSpec.from_mapping({**spec.source, "resolution": resolution})


def resolution_check(
    spec: ModelSpec,
    *,
    bars: int = 504,
    draws: int = 1000,
    tune: int = 500,
    chains: int = 2,
    seed: int = 1,
    on_step: Step = lambda _: None,
) -> pd.DataFrame:
    """Fit one simulated market on different grids and compare shares at risk.

    Parameters
    ----------
    spec : ModelSpec
    bars : int
        Hourly bars of the market that is fitted with different numbers of cells.
    draws, tune, chains, seed : int
        Of every fit. The Monte Carlo error of a shift is about ``sqrt(2 / ESS)``.
    on_step : callable
        Told in words what is done next.

    Returns
    -------
    DataFrame
        One row a comparison and output: ``comparison``, ``quantity``, ``shift`` (difference of
        medians in pooled posterior standard deviations, on the logit scale), ``inside``.
    """

    def fitted(chosen: ModelSpec, data: MarketPanel) -> dict[str, FloatArray]:
        return risks(
            fit(chosen, data, draws=draws, tune=tune, chains=chains, seed=seed, progress=False)
        )

    rows: list[dict[str, object]] = []

    def compare(name: str, one: dict[str, FloatArray], other: dict[str, FloatArray]) -> None:
        for quantity in one:
            moved = shift(one[quantity], other[quantity])
            rows.append(
                {
                    "comparison": name,
                    "quantity": quantity,
                    "shift": moved,
                    "inside": abs(moved) <= LIMIT,
                }
            )

    panel = simulate_market(market_preset("default", bars=bars), seed).panel
    by_cells = {}
    for cells in CELLS:
        on_step(f"{cells} cells")
        by_cells[cells] = fitted(with_cells(spec, cells), panel)
    for cells in CELLS[:-1]:
        compare(f"{cells} against {CELLS[-1]} cells", by_cells[CELLS[-1]], by_cells[cells])
    fine = simulate_market(
        market_preset("default", bars=DAYS * 86_400 // BARS[0], bar_seconds=BARS[0]), seed
    )
    by_bar = []
    for seconds in BARS:
        on_step(f"bars of {seconds // 60} minutes")
        market = fine if seconds == BARS[0] else resample_market(fine, seconds)
        by_bar.append(fitted(spec, market.panel))
    compare("hours against five minutes", *by_bar)
    return pd.DataFrame(rows)
