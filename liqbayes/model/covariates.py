"""What voluntary changes of open interest may follow: moves of the bar, by name."""

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from liqbayes.engine.path import PricePath
from liqbayes.errors import SpecError

FloatArray = NDArray[np.float64]

# hours whose low or high a bar has to pass to count as a new one
EXTREME_HOURS = 24.0
NAMES = ("return", "absolute_return", "log_range", "new_low", "new_high")


def covariates(
    path: PricePath, hours: float, names: Sequence[str], seen: int | None = None
) -> FloatArray:
    """Moves of each bar, on fixed scales; shape (time, covariate).

    Scaled by 1 % per square-root hour, so that the priors mean the same at every bar length; all
    but the return are centred. ``new_low`` and ``new_high`` say how far a bar goes beyond the
    extreme of the day before it, where stop orders crowd (Osler 2005, doi
    10.1016/j.jimonfin.2004.12.002).

    Parameters
    ----------
    path : PricePath
    hours : float
        Length of a bar.
    names : sequence of str
        Of ``NAMES``, with the return first, or none: the labels of the prior ``oi_response``.
    seen : int, optional
        Bars that the centres are taken from; default: all.

    Raises
    ------
    SpecError
        If a name is unknown or the first is not the return.
    """
    if not names:
        return np.zeros((path.n_bars, 0))
    unknown = [name for name in names if name not in NAMES]
    if unknown or names[0] != NAMES[0]:
        raise SpecError(
            f"the labels of oi_response are {list(names)}; give 'return' first, then any of "
            f"{', '.join(NAMES[1:])}."
        )
    scale = 0.01 * np.sqrt(hours)
    r = np.log(path.close / path.open) / scale
    spread = np.log(path.high / path.low) / scale
    bars = max(round(EXTREME_HOURS / hours), 1)
    low, high = np.log(path.low) / scale, np.log(path.high) / scale
    lowest, highest = -_highest_before(-low, bars), _highest_before(high, bars)
    found = {
        "return": r,
        "absolute_return": np.abs(r),
        "log_range": np.log(np.maximum(spread, 0.05)),
        # a bar with no known day before it makes no new extreme
        "new_low": np.nan_to_num(np.maximum(lowest - low, 0.0)),
        "new_high": np.nan_to_num(np.maximum(high - highest, 0.0)),
    }
    z = np.stack([found[name] for name in names], axis=1)
    inside = np.isfinite(r)
    z[:, 1:] -= z[:seen][inside[:seen], 1:].mean(axis=0)
    return np.where(inside[:, None], z, 0.0)


def _highest_before(values: FloatArray, bars: int) -> FloatArray:
    """Largest known value of the bars before each, NaN where none is known."""
    padded = np.concatenate([np.full(bars, np.nan), values[:-1]])
    return np.asarray(np.fmax.reduce(sliding_window_view(padded, bars), axis=1))
