"""What follows a move into a dense zone, against moves of the same size without one."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.events.definitions import (
    APPROACH,
    APPROACHED,
    BAND_EDGES,
    LEAST_CONTROLS,
    LEAST_EVENTS,
    LEAST_REACH,
    MAP,
    SESSION_HOURS,
    SIZE_EDGES,
    SWEPT,
)
from liqbayes.events.evidence import SIGN, Evidence
from liqbayes.events.inference import Estimate, block_bars, combined, nothing

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
ARMS = (APPROACHED, SWEPT)
_TERCILES = 3


@dataclass(frozen=True, eq=False)
class Moves:
    """Moves of every bar against each side, under the map as it stood before the bar.

    Attributes
    ----------
    coarse, fine : ndarray of int, shape (side, time)
        Cells of the match: side, size of the move and tercile of volatility; and the session of
        the week besides. -1: no move.
    control : ndarray of bool, shape (draw, side, time)
        The move met no dense zone.
    arms : mapping of str to ndarray of bool, shape (draw, side, time)
        By arm.
    studied : ndarray of bool, shape (time,)
    """

    coarse: IntArray
    fine: IntArray
    control: BoolArray
    arms: dict[str, BoolArray]
    studied: BoolArray


def moves(evidence: Evidence, *, mirrored: bool = False) -> Moves:
    """Sort every bar's moves into arms and controls.

    A move against a side goes from the close before the bar to the bar's extreme. It *sweeps* a
    dense zone if it runs through the whole of it; it *approaches* one if it ends less than
    ``APPROACH`` volatilities short of it and has not entered any other. Moves that end inside a
    dense zone are neither, and no controls.

    Parameters
    ----------
    evidence : Evidence
    mirrored : bool
        Take the dense zones of the other side at the same distance, which are a placebo.
    """
    close = np.append(np.nan, evidence.close[:-1])
    sigma = np.append(np.nan, evidence.volatility[:-1])
    with np.errstate(invalid="ignore"):
        reach = np.stack([np.log(close / evidence.low), np.log(evidence.high / close)]) / sigma
    known = np.append(False, evidence.known(MAP)[:-1]) & np.isfinite(reach).all(axis=0)
    reach = np.where(known, reach, -1.0)
    dense = np.zeros_like(evidence.dense)
    dense[:, :, 1:] = evidence.dense[:, :, :-1]
    if mirrored:
        dense = dense[:, ::-1]
    near, far = np.array(BAND_EDGES[:-1]), np.array(BAND_EDGES[1:])
    at = reach[..., None]
    through = (dense & (at >= far)).any(axis=-1)
    inside = (dense & (at >= near) & (at < far)).any(axis=-1)
    short = (dense & (at >= near - APPROACH) & (at < near)).any(axis=-1)
    moved = reach >= LEAST_REACH
    size = np.searchsorted(SIZE_EDGES, reach, side="right")
    tercile = _terciles(sigma, known)
    sides = np.arange(len(SIGN))[:, None]
    coarse = (sides * (len(SIZE_EDGES) + 1) + size) * _TERCILES + tercile
    session, n_sessions = _sessions(evidence)
    fine = coarse * n_sessions + session
    return Moves(
        coarse=np.where(moved, coarse, -1),
        fine=np.where(moved, fine, -1),
        control=moved & ~(through | inside | short),
        arms={APPROACHED: moved & short & ~through & ~inside, SWEPT: moved & through},
        studied=known,
    )


def _terciles(values: FloatArray, known: BoolArray) -> IntArray:
    if not known.any():
        return np.zeros(values.size, np.int64)
    limits = np.quantile(values[known], np.arange(1, _TERCILES) / _TERCILES)
    return np.searchsorted(limits, np.where(known, values, limits[0])).astype(np.int64)


def _sessions(evidence: Evidence) -> tuple[IntArray, int]:
    """Session of the day, apart on weekends, and how many there are."""
    opened = pd.DatetimeIndex(evidence.time)
    a_day = 24 // SESSION_HOURS
    of_day = np.asarray(opened.hour) // SESSION_HOURS
    return np.asarray(of_day + a_day * (np.asarray(opened.day_of_week) >= 5), np.int64), 2 * a_day


def after_moves(evidence: Evidence, found: Moves, arm: str, horizon_bars: int) -> Estimate:
    """Mean return after an arm's moves, in their direction, minus that after matched moves.

    Parameters
    ----------
    evidence : Evidence
    found : Moves
    arm : str
    horizon_bars : int

    Returns
    -------
    Estimate
        In per cent of price; negative: price reversed more than after matched moves.
    """
    signed = 100.0 * SIGN[:, None] * evidence.ahead(horizon_bars)
    usable = np.isfinite(signed)
    span = np.flatnonzero(found.studied)
    if not span.size:
        return nothing("no bar has a map")
    window = slice(span[0], span[-1] + 1)
    values, influence, events = [], [], []
    for treated, control in zip(found.arms[arm], found.control, strict=True):
        value, contribution, n = matched(
            np.where(usable, signed, 0.0), treated & usable, control & usable, found
        )
        values.append(value)
        influence.append(contribution[window])
        events.append(n)
    n = round(float(np.mean(events)))
    if min(events) < LEAST_EVENTS:
        return nothing(
            f"{min(events)} matched events under some draw of the map, and {LEAST_EVENTS} are "
            "needed",
            n,
        )
    return combined(
        np.array(values),
        np.array(influence),
        block=block_bars(horizon_bars, evidence.bar_hours),
        studied=window.stop - window.start,
        n=n,
    )


def matched(
    outcome: FloatArray, treated: BoolArray, control: BoolArray, found: Moves
) -> tuple[float, FloatArray, int]:
    """Mean over events of the outcome minus the mean of the controls in the event's cell.

    An event is compared within its fine cell if that holds ``LEAST_CONTROLS``, else within its
    coarse one, else left out.

    Parameters
    ----------
    outcome : ndarray, shape (side, time)
    treated, control : ndarray of bool, shape (side, time)
    found : Moves

    Returns
    -------
    value : float
        NaN without a matched event.
    influence : ndarray, shape (time,)
        First-order contribution of each bar to the value's deviation; a control's is enlarged by
        ``m / (m - 1)`` under the root for the mean of few that it is measured from.
    n : int
        Matched events.
    """
    codes = (found.fine, found.coarse)
    sizes = [max(int(code.max()) + 1, 1) for code in codes]
    counts = [np.bincount(c[control], minlength=m) for c, m in zip(codes, sizes, strict=True)]
    sums = [
        np.bincount(c[control], outcome[control], minlength=m)
        for c, m in zip(codes, sizes, strict=True)
    ]
    in_fine = treated & (counts[0][found.fine] >= LEAST_CONTROLS)
    in_coarse = treated & ~in_fine & (counts[1][found.coarse] >= LEAST_CONTROLS)
    n = int(in_fine.sum() + in_coarse.sum())
    influence = np.zeros(outcome.shape)
    if not n:
        return np.nan, influence.sum(axis=0), 0
    difference = np.zeros(outcome.shape)
    for chosen, code, count, total in zip((in_fine, in_coarse), codes, counts, sums, strict=True):
        mean = total / np.maximum(count, 1)
        difference[chosen] = outcome[chosen] - mean[code[chosen]]
        events = np.bincount(code[chosen], minlength=count.size)
        weight = events / np.maximum(count, 1) * np.sqrt(count / np.maximum(count - 1, 1))
        of = code[control]
        influence[control] -= weight[of] * (outcome[control] - mean[of])
    value = float(difference.sum() / n)
    used = in_fine | in_coarse
    influence[used] += difference[used] - value
    return value, np.asarray(influence.sum(axis=0) / n), n
