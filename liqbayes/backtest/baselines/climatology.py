"""Past reports, recent ones more often: the forecast that knows nothing of the bar."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.backtest.baselines.equation import check_past
from liqbayes.backtest.baselines.terms import usable
from liqbayes.backtest.forecaster import check_request
from liqbayes.backtest.scores import log_ratio
from liqbayes.backtest.table import BarTable
from liqbayes.contracts import SIDES

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
LEAST_REPORTS = 20
# Half-lives in bars to choose from by the scores of past forecasts, and how many are looked at.
HALF_LIVES = (12.0, 36.0, 120.0, 400.0, np.inf)
TRIALS = 100
BURN_IN = 10


@dataclass(frozen=True)
class Climatology:
    """Weighted empirical distribution of a side's past reports."""

    name: str = "climatology"

    def fit(self, table: BarTable, stop: int) -> "FittedClimatology":
        """Choose each side's half-life on rows before ``stop``.

        Raises
        ------
        InputError
            If too few reports are known.
        """
        past = table.rows(None, stop)
        check_past(past, self.name, LEAST_REPORTS)
        return FittedClimatology(tuple(best_half_life(past.reported[i]) for i in range(len(SIDES))))


@dataclass(frozen=True)
class FittedClimatology:
    """Half-life in bars of each side."""

    half_lives: tuple[float, ...]

    def draws(
        self, table: BarTable, bars: IntArray, *, task: str, size: int, rng: np.random.Generator
    ) -> FloatArray:
        """Draws, shape (side, bar, draw); see `liqbayes.backtest.forecaster.Fitted`."""
        rows = check_request(table, bars, task, size)
        out = np.full((len(SIDES), rows.size, size), np.nan)
        seen = usable(table, rows)
        for side, half_life in enumerate(self.half_lives):
            for i in np.flatnonzero(seen):
                past = table.reported[side, : rows[i]]
                known = np.flatnonzero(np.isfinite(past))
                weight = 0.5 ** ((known[-1] - known) / half_life)
                out[side, i] = rng.choice(past[known], size=size, p=weight / weight.sum())
        return out


def best_half_life(reported: FloatArray) -> float:
    """The half-life whose weighted distributions forecast past reports best, by log-scale CRPS."""
    z = log_ratio(reported[np.isfinite(reported)])
    trials = np.unique(np.linspace(BURN_IN, z.size - 1, TRIALS).astype(int))
    order = np.argsort(z)
    steps = np.diff(z[order])
    age = trials[:, None] - np.arange(z.size)[None, :]
    scores = []
    for half_life in HALF_LIVES:
        weight = np.where(age > 0, 0.5 ** (np.maximum(age, 0) / half_life), 0.0)
        weight /= weight.sum(axis=1, keepdims=True)
        below = np.cumsum(weight[:, order], axis=1)[:, :-1]
        reached = z[order][None, :-1] >= z[trials][:, None]
        scores.append(float((((below - reached) ** 2) @ steps).mean()))
    return HALF_LIVES[int(np.argmin(scores))]
