"""Did the margins hold: exceedances of later periods against the chosen probability."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

FloatArray = NDArray[np.float64]

COVERAGE = 0.90
HELD, TOO_LOW, TOO_HIGH, UNKNOWN = "held", "too low", "too high", "no forecast"


@dataclass(frozen=True)
class Origin:
    """A forecast is made with the periods before ``at`` and judged on ``at`` to ``until``.

    Attributes
    ----------
    at, until : int
        Periods, half open.
    """

    at: int
    until: int


def origins(n: int, first: int, refits: int) -> tuple[Origin, ...]:
    """Split the periods from ``first`` on into as many stretches as there are refits.

    Parameters
    ----------
    n, first : int
    refits : int
        No more are returned than there are periods.
    """
    edges = np.unique(np.linspace(first, n, refits + 1).round().astype(int))
    return tuple(Origin(int(a), int(b)) for a, b in pairwise(edges))


def binomial_interval(hits: int, n: int, coverage: float = COVERAGE) -> tuple[float, float]:
    """Interval of a probability after Clopper and Pearson (1934, doi 10.1093/biomet/26.4.404)."""
    if n == 0:
        return float("nan"), float("nan")
    found = stats.binomtest(hits, n).proportion_ci(confidence_level=coverage, method="exact")
    return float(found.low), float(found.high)


def judge(
    forecasts: Iterable[tuple[Mapping[str, Any], FloatArray, FloatArray]],
) -> pd.DataFrame:
    """One row for each kind of forecast.

    Parameters
    ----------
    forecasts : iterable of tuple
        Of three: a mapping with the columns that name the forecast, among them ``probability``;
        what was forecast and what came, both of shape (period,). A period in which either is NaN
        is left out and counted.

    Returns
    -------
    DataFrame
        These columns; ``periods``, ``left_out``, ``exceeded``, ``rate`` with ``low``
        and ``high`` (binomial, 90 %; independent periods), ``nominal``, ``verdict`` (the margin
        held, was too low, too high), ``quantile_score`` (per mille of price; Gneiting 2011, doi
        10.1198/jasa.2011.r10138: lower is better).
    """
    out = []
    for about, levels, adverse in forecasts:
        known = ~(np.isnan(levels) | np.isnan(adverse))
        m, x = levels[known], adverse[known]
        p, n, hits = float(about["probability"]), int(known.sum()), int((x > m).sum())
        low, high = binomial_interval(hits, n)
        loss = np.where(x > m, (1.0 - p) * (x - m), p * (m - x))
        out.append(
            {
                **about,
                "periods": n,
                "left_out": int(known.size - n),
                "exceeded": hits,
                "rate": hits / n if n else np.nan,
                "low": low,
                "high": high,
                "nominal": p,
                "verdict": _verdict(p, low, high),
                "quantile_score": 1000 * float(loss.mean()) if n else np.nan,
                "mean_level": float(m.mean()) if n else np.nan,
            }
        )
    return pd.DataFrame(out)


def _verdict(p: float, low: float, high: float) -> str:
    if np.isnan(low):
        return UNKNOWN
    if p < low:
        return TOO_LOW
    return TOO_HIGH if p > high else HELD
