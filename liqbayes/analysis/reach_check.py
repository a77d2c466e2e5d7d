"""Whether price reaches levels as often as the paths say, on bars that had not been seen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import beta
from scipy.stats import norm as normal

from liqbayes.analysis.errors_of_means import LEAST_BLOCKS, mean_error
from liqbayes.analysis.paths import extremes
from liqbayes.analysis.volatility import LEAST_BARS, fit_moves, panel_moves
from liqbayes.errors import InputError
from liqbayes.outputs.windows import duration_seconds
from liqbayes.panel import MarketPanel
from liqbayes.panel.blocks import MEAN_BLOCK_HOURS, stationary_rows

FloatArray = NDArray[np.float64]
# Predicted probabilities whose realised shares are compared.
PROBABILITIES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
SIDES = ("fall", "rise")
BOTH = "both"


@dataclass(frozen=True)
class ReachCheck:
    """Forecasts of falls and rises against what came.

    Attributes
    ----------
    calibration : DataFrame
        ``horizon``, ``side``, ``predicted`` probability of a reach, ``realised`` share of the
        origins at which a level of that probability was reached, with ``low`` and ``high`` (90 %
        interval that allows for overlapping origins, NaN with too few blocks of them),
        ``origins``. Side "both" counts falls and rises together, so that a trend of the panel
        cancels.
    skill : DataFrame
        ``horizon``, ``side``, ``score`` (mean continuous ranked probability score of the largest
        fall or rise, log price), ``baseline`` (the same of bars drawn without a volatility model),
        ``skill`` (1 − score/baseline) with ``low`` and ``high``.
    """

    calibration: pd.DataFrame
    skill: pd.DataFrame


def check_reach(
    panel: MarketPanel,
    *,
    horizons: Sequence[str] = ("1h", "4h", "1d", "7d"),
    first: int | None = None,
    every: int = 6,
    window: int | None = None,
    refit: int = 24,
    n: int = 500,
    seed: int = 1,
) -> ReachCheck:
    """Forecast from many bars of a panel on, each seeing the bars before it alone.

    At each origin the level that paths reach with a probability is compared with the extreme that
    came: a law of paths is calibrated if levels of predicted probability p are reached in a share
    p of the origins.

    Parameters
    ----------
    panel : MarketPanel
    horizons : sequence of str
    first : int, optional
        First origin; default: half of the bars, or the window.
    every : int
        Bars between origins.
    window : int, optional
        Bars before an origin that are used; all by default.
    refit : int
        Bars after which parameters are estimated anew.
    n : int
        Paths at each origin.
    seed : int

    Returns
    -------
    ReachCheck

    Raises
    ------
    InputError
        If the panel is too short for an origin, or a horizon is no whole number of bars.
    """
    moves = panel_moves(panel)
    hours = panel.bar_seconds / 3600.0
    bars = {name: whole_bars(name, panel.bar_seconds) for name in horizons}
    begin = (window or moves.shape[0] // 2) if first is None else first
    origins = np.arange(max(begin, LEAST_BARS), moves.shape[0], every)
    if origins.size < LEAST_BLOCKS:
        raise InputError(
            f"{moves.shape[0]} known bars give {origins.size} origins; a check needs "
            f"{LEAST_BLOCKS}. Give a longer panel or a smaller every."
        )
    rng = np.random.default_rng(seed)
    longest = max(bars.values())
    leave = min(1.0, hours / MEAN_BLOCK_HOURS)
    shape = (len(bars), len(SIDES), origins.size)
    rank, scores = np.full(shape, np.nan), np.full((2, *shape), np.nan)
    parameters: dict[str, float] | None = None
    estimated = -refit
    for k, origin in enumerate(origins):
        past = moves[(0 if window is None else max(origin - window, 0)) : origin]
        if origin - estimated >= refit:
            parameters, estimated = None, int(origin)
        volatility = fit_moves(past, hours, parameters=parameters)
        parameters = {**volatility.parameters, "scale": volatility.scale}
        raw = past[stationary_rows(past.shape[0], (n, longest), leave, rng)]
        raw = np.moveaxis(raw - past[:, 2].mean(), -1, 0)
        model = extremes(volatility.bar_paths(longest, n, rng))
        plain = extremes(raw)
        came = extremes(np.moveaxis(moves[None, origin : origin + longest], -1, 0))
        for i, h in enumerate(bars.values()):
            if origin + h > moves.shape[0]:
                continue
            for j in range(len(SIDES)):
                y = abs(came[j][0, h - 1])
                drawn = np.abs(model[j][:, h - 1])
                below, same = np.count_nonzero(drawn < y), np.count_nonzero(drawn == y)
                rank[i, j, k] = (below + rng.random() * (same + 1)) / (n + 1)
                scores[0, i, j, k] = crps(drawn, y)
                scores[1, i, j, k] = crps(np.abs(plain[j][:, h - 1]), y)
    return _tables(bars, every, rank, scores, hours)


def crps(drawn: FloatArray, came: float) -> float:
    """Continuous ranked probability score of a sample (Gneiting and Raftery 2007, eq. 21)."""
    x = np.sort(drawn)
    weight = 2 * np.arange(1, x.size + 1) - x.size - 1
    return float(np.abs(x - came).mean() - (weight * x).sum() / x.size**2)


def whole_bars(horizon: str, bar_seconds: int) -> int:
    """Bars of a horizon.

    Raises
    ------
    InputError
        If it is no duration or no whole number of bars.
    """
    seconds = duration_seconds(horizon)
    if seconds % bar_seconds:
        raise InputError(
            f"horizon {horizon!r} is no whole number of bars of {bar_seconds} s; use a multiple."
        )
    return seconds // bar_seconds


def _tables(
    bars: dict[str, int],
    every: int,
    rank: FloatArray,
    scores: FloatArray,
    hours: float,
) -> ReachCheck:
    calibration, skill = [], []
    for i, (name, h) in enumerate(bars.items()):
        # reaches within a horizon overlap, and volatility clusters within a day
        length = -int(-max(h, MEAN_BLOCK_HOURS / hours) // every)
        known = np.isfinite(rank[i]).all(axis=0)
        if not known.any():
            continue
        for side, part in ((SIDES[0], [0]), (SIDES[1], [1]), (BOTH, [0, 1])):
            u = rank[i][part][:, known]
            for p in PROBABILITIES:
                hit = (u > 1 - p).mean(axis=0)
                row = (name, side, p, hit.mean(), *_share_interval(hit, length), hit.size)
                calibration.append(row)
            of_model, of_plain = scores[:, i][:, part][:, :, known].mean(axis=1)
            base = of_plain.mean()
            gain = 1 - of_model.mean() / base
            error = mean_error((of_plain - of_model) / base, length)
            row = (name, side, of_model.mean(), base, gain, gain - error, gain + error)
            skill.append(row)
    first = ["horizon", "side"]
    return ReachCheck(
        pd.DataFrame(
            calibration, columns=[*first, "predicted", "realised", "low", "high", "origins"]
        ),
        pd.DataFrame(skill, columns=[*first, "score", "baseline", "skill", "low", "high"]),
    )


def _share_interval(hit: FloatArray, length: int) -> tuple[float, float]:
    """Jeffreys interval of a share, for as many origins as vary like these if independent.

    At least one to a block, so that a share of 0 or 1 is not certain (Brown, Cai and DasGupta
    2001, doi 10.1214/ss/1009213286).
    """
    error = mean_error(hit, length)
    if np.isnan(error):
        return float("nan"), float("nan")
    share, blocks = hit.mean(), hit.size // length
    spread = (error / normal.ppf(0.95)) ** 2
    n = np.clip(share * (1 - share) / spread, blocks, hit.size) if spread > 0 else blocks
    low, high = (beta.ppf(q, share * n + 0.5, (1 - share) * n + 0.5) for q in (0.05, 0.95))
    return float(low), float(high)
