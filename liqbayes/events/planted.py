"""Made-up evidence with a known effect, or with none: the studies should find the one only.

Effects are planted at the level of densities and prices, so that nothing is fitted. Prices have a
volatility that wanders and heavy tails; densities are autocorrelated; the truth is one more draw of
the posterior whose draws the studies see. Densities, and of liquidations what moves do not explain,
come from elsewhere than prices, so that without an effect there is none to find.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from liqbayes.errors import InputError
from liqbayes.events.definitions import (
    ALPHA,
    BAND_EDGES,
    BAND_MIDDLES,
    CONSUMPTION,
    DELTA_LEADS,
    LEAD,
    MAGNETISM,
    MAP,
    PROBABILITY,
    SWEPT,
)
from liqbayes.events.evidence import Evidence, dense_bands, spans
from liqbayes.events.study import FOUND, study

FloatArray = NDArray[np.float64]
#: What each kind plants, and the tests in which it should show.
TARGETS = {CONSUMPTION: (SWEPT,), MAGNETISM: ("reach on density",), LEAD: (DELTA_LEADS,)}
#: Steps of price inside a bar, hours over which a planted reversal is spread, and how long
#: densities remember (share kept a bar, of the side and of the band).
_STEPS, _REVERSAL_BARS = 12, 4
_KEPT_SIDE, _KEPT_BAND = 0.97, 0.9
_WARM = 240


@dataclass(frozen=True)
class Planted:
    """What is planted.

    Attributes
    ----------
    kind : str or None
        Question: after a sweep of a dense zone price goes back; price drifts to the side that is
        denser; ΔL beyond what the bar's return explains moves the next return.
    size : float
        Of the effect in volatilities of a bar: the whole reversal; the drift of a bar per unit of
        difference of log density; the next return per standard deviation of ΔL.
    """

    kind: str | None = None
    size: float = 0.0

    def __post_init__(self) -> None:
        """Refuse unknown kinds."""
        if self.kind not in (None, *TARGETS):
            raise InputError(f"the kind is {self.kind!r}; use one of {', '.join(TARGETS)}.")


def planted_evidence(
    planted: Planted, *, bars: int = 624, draws: int = 8, seed: int = 0
) -> Evidence:
    """Evidence of a market of hours with an effect.

    Parameters
    ----------
    planted : Planted
    bars : int
        Hours under study.
    draws : int
        Of the map.
    seed : int
    """
    rng = np.random.default_rng(seed)
    n = bars + _WARM
    n_spans, n_bands = len(spans(1.0)), len(BAND_MIDDLES)
    # first the truth, then draws: all of one posterior around a common mean
    mean = _wander(rng, (1, 2, n, n_bands), 0.4)
    density = mean + _wander(rng, (1 + draws, 2, n, n_bands), 0.2)
    dense = dense_bands(density.astype(np.float32), 1.0)
    unexplained = _autoregressive(rng, (2, n), 0.5)
    sigma = 0.005 * np.exp(0.3 * _autoregressive(rng, (n,), 0.98))
    steps = rng.standard_t(4, (n, _STEPS)) / np.sqrt(2.0 * _STEPS)
    gap = density[0, 1].mean(axis=-1) - density[0, 0].mean(axis=-1)
    difference = unexplained[0] - unexplained[1]
    drift = np.zeros(n + _REVERSAL_BARS + 1)
    if planted.kind == MAGNETISM:
        drift[1 : n + 1] = planted.size * gap
    elif planted.kind == LEAD:
        drift[1 : n + 1] = planted.size * difference / np.sqrt(2.0)
    log_price = 0.0
    low, high, close = np.empty(n), np.empty(n), np.empty(n)
    scale = sigma[0]
    for t in range(n):
        path = log_price + np.cumsum(sigma[t] * (steps[t] + drift[t] / _STEPS))
        low[t], high[t], close[t] = min(log_price, path.min()), max(log_price, path.max()), path[-1]
        if planted.kind == CONSUMPTION and t > 0:
            for j, moved in enumerate((log_price - low[t], high[t] - log_price)):
                through = dense[0, j, t - 1] & (moved / scale >= np.array(BAND_EDGES[1:]))
                if through.any():
                    back = planted.size / _REVERSAL_BARS * (1.0 if j == 0 else -1.0)
                    drift[t + 1 : t + 1 + _REVERSAL_BARS] += back
        scale = np.sqrt(0.97 * scale**2 + 0.03 * (close[t] - log_price) ** 2)
        log_price = close[t]
    returns = np.diff(close, prepend=0.0) / sigma
    noise = 0.3 * rng.standard_normal((draws, 2, n))
    along = np.stack([-returns, returns])
    flow = 1e-4 * np.exp(along + unexplained + noise)
    flow[..., :_WARM] = np.nan
    seen = np.repeat(density[1:, :, :, None], n_spans, axis=3).astype(np.float32)
    seen[:, :, :_WARM] = np.nan
    dense[..., :_WARM, :] = False
    start = np.datetime64("2024-01-01", "ns")
    return Evidence(
        time=start + np.arange(n) * np.timedelta64(1, "h"),
        bar_hours=1.0,
        high=100.0 * np.exp(high),
        low=100.0 * np.exp(low),
        close=100.0 * np.exp(close),
        log_density={MAP: seen},
        dense=dense[1:],
        flow=flow,
    )


def _autoregressive(
    rng: np.random.Generator, shape: tuple[int, ...], kept: float, axis: int = -1
) -> FloatArray:
    """Series of unit variance that keep a share of themselves from bar to bar."""
    from scipy.signal import lfilter

    shocks = np.sqrt(1.0 - kept**2) * rng.standard_normal(shape)
    first = [slice(None)] * len(shape)
    first[axis] = slice(0, 1)
    shocks[tuple(first)] /= np.sqrt(1.0 - kept**2)
    return np.asarray(lfilter([1.0], [1.0, -kept], shocks, axis=axis))


def _wander(rng: np.random.Generator, shape: tuple[int, ...], spread: float) -> FloatArray:
    """Log densities (draw, side, time, band): a part of the side and a part of the band."""
    side = _autoregressive(rng, (*shape[:3], 1), _KEPT_SIDE, axis=2)
    return np.asarray(spread * (side + _autoregressive(rng, shape, _KEPT_BAND, axis=2)))


def rates(
    planted: Planted, markets: int, *, bars: int = 624, draws: int = 8, seed: int = 0
) -> pd.DataFrame:
    """How often the tests of made-up markets reject, with binomial intervals.

    Parameters
    ----------
    planted : Planted
    markets : int
    bars, draws : int
    seed : int

    Returns
    -------
    DataFrame
        One row a test: ``question``, ``test``, ``horizon_hours``, ``markets``; ``rejected`` (p
        below 5 %), ``found`` (after Holm's adjustment) and ``covered`` (the 90 % interval holds
        zero), each with ``_low`` and ``_high``, 95 % by Clopper and Pearson; ``detectable`` (mean
        of what the tests say they can find) and ``spread`` (of the estimates). A last row "any
        test": markets in which anything was found.
    """
    tables = []
    for market in range(markets):
        found = study(planted_evidence(planted, bars=bars, draws=draws, seed=seed + market))
        tables.append(found.assign(market=market))
    return rates_of(pd.concat(tables))


def rates_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Rates of tests of made-up markets that have been studied.

    Parameters
    ----------
    frame : DataFrame
        Tests of `liqbayes.events.study.study` under each other, with a column ``market``.

    Returns
    -------
    DataFrame
        See `rates`.
    """
    markets = int(frame["market"].nunique())
    rows: list[dict[str, Any]] = []
    for (question, test, hours), group in frame.groupby(
        ["question", "test", "horizon_hours"], sort=False
    ):
        known = group[group["p"].notna()]
        if not len(known):
            continue
        zero = (known["low"] <= 0) & (known["high"] >= 0)
        rows.append(
            {
                "question": question,
                "test": test,
                "horizon_hours": hours,
                "markets": len(known),
                **_rate("rejected", int((known["p"] < ALPHA).sum()), len(known)),
                **_rate("found", int((known["verdict"] == FOUND).sum()), len(known)),
                **_rate("covered", int(zero.sum()), len(known)),
                "mean": float(known["median"].mean()),
                "spread": float(known["median"].std()),
                "detectable": float(known["detectable"].mean()),
            }
        )
    anything = frame.loc[frame["verdict"] == FOUND, "market"].nunique()
    last = {"question": "all", "test": "any test", "markets": markets}
    rows.append({**last, **_rate("found", int(anything), markets)})
    return pd.DataFrame(rows)


def _rate(name: str, hits: int, n: int) -> dict[str, float]:
    interval = stats.binomtest(hits, n).proportion_ci(0.95)
    return {name: hits / n, f"{name}_low": interval.low, f"{name}_high": interval.high}


#: Nominal rates that ``rates`` is read against.
NOMINAL = {"rejected": ALPHA, "covered": PROBABILITY}
