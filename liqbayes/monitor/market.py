"""Checks of the bars themselves: gaps, units, silence of the feed, volatility."""

import numpy as np
from numpy.typing import NDArray

from liqbayes.model.data import SIDES
from liqbayes.monitor import limits as at
from liqbayes.monitor.blocks import Blocks, Shift, shift
from liqbayes.monitor.checks import Check
from liqbayes.monitor.forward import REPORTS, Predicted
from liqbayes.monitor.join import Joined

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
NEEDED = ("close", "volume", "open_interest")


def market_checks(joined: Joined, blocks: Blocks, predicted: tuple[Predicted, ...]) -> list[Check]:
    """All checks that need no test of a change.

    Parameters
    ----------
    joined : Joined
    blocks : Blocks
    predicted : tuple of Predicted
    """
    out = [_bars(joined, blocks), *_overlap(joined), _break(joined)]
    by_name = {channel.name: channel for channel in predicted}
    for side in SIDES:
        name = REPORTS.format(side)
        if name in by_name:
            out.append(_feed(joined, blocks, by_name[name], side))
    volatility = _volatility(joined, blocks)
    return out if volatility is None else [*out, volatility]


def column(joined: Joined, name: str) -> FloatArray:
    """A column over history and panel; NaN where the history lacks it."""
    now = np.asarray(joined.panel.values(name), float)
    if joined.history is None:
        return now
    n = joined.history.n_bars
    has = joined.history.has(name)
    before = np.asarray(joined.history.values(name), float) if has else np.full(n, np.nan)
    return np.concatenate([before, now])


def _grade(value: float, amber: float, red: float) -> str:
    return at.RED if value > red else at.AMBER if value > amber else at.GREEN


def _bars(joined: Joined, blocks: Blocks) -> Check:
    known = np.ones(blocks.n_bars, bool)
    for name in NEEDED:
        known &= np.isfinite(column(joined, name))
    share = float(1.0 - known[blocks.judged :].mean())
    status = _grade(share, at.GAP_AMBER, at.GAP_RED)
    text = "of judged bars without price, volume or open interest"
    begun = np.flatnonzero(joined.data.start == 1)
    if (begun >= joined.first).any():
        status = at.worst([status, at.AMBER])
        text += "; after a gap the book was begun anew"
    return Check("bars", "", status, share, None, None, text)


def _overlap(joined: Joined) -> list[Check]:
    out = []
    for name, ratio in joined.overlap.items():
        status = _grade(abs(ratio), at.OVERLAP_AMBER, at.OVERLAP_RED)
        text = "log ratio, new over fit, in bars that both hold"
        out.append(Check("overlap", name, status, ratio, None, None, text))
    return out


def _break(joined: Joined) -> Check:
    """Largest change of open interest that was not traded."""
    data = joined.data
    interest = column(joined, "open_interest")
    volume = column(joined, "volume")
    known = np.flatnonzero(np.isfinite(interest))
    # over a gap, what was traded in all of its bars counts
    traded = np.concatenate([[0.0], np.cumsum(np.nan_to_num(volume))])
    start, stop = known[:-1], known[1:]
    new = stop >= joined.first
    start, stop = start[new], stop[new]
    moved = np.abs(np.log(interest[stop] / interest[start]))
    if not data.proxy_volume:
        possible = traded[stop + 1] - traded[start + 1]
        moved = np.where(np.abs(interest[stop] - interest[start]) > possible, moved, 0.0)
    if moved.size == 0:
        return Check(
            "open interest break", "", at.RED, None, None, None, "open interest is unknown"
        )
    worst = int(np.argmax(moved))
    value = float(moved[worst])
    amber, red = at.BREAK_AMBER, at.BREAK_RED
    if data.proxy_volume:
        amber = red = at.BREAK_UNTRADED
    text = "largest log change that the bar's volume cannot explain"
    if value > amber:
        text += f"; at {str(joined.time()[stop[worst]])[:16]}"
    return Check("open interest break", "", _grade(value, amber, red), value, None, None, text)


def _feed(joined: Joined, blocks: Blocks, predicted: Predicted, side: str) -> Check:
    """Hours without a value at the end, and the longest silence among the judged bars."""
    hours = joined.data.bar_hours
    reported = column(joined, f"{side}_liquidations")
    known = np.flatnonzero(np.isfinite(reported))
    last = int(known[-1]) if known.size else joined.first - 1
    unknown = (blocks.n_bars - 1 - last) * hours
    status = at.GREEN
    if unknown >= at.UNKNOWN_AMBER_HOURS:
        status = at.RED if unknown >= at.UNKNOWN_RED_HOURS else at.AMBER
        text = f"hours without a value up to the last bar; the last is of {_stamp(joined, last)}"
        return Check("feed gap", side, status, unknown, None, None, text)
    now, length = _deepest_silence(predicted, blocks.judged, blocks.n_bars)
    before, _ = _deepest_silence(predicted, 0, joined.first)
    beyond = now < at.SILENCE_BEYOND * before
    if beyond and now < at.SILENCE_AMBER:
        status = at.RED if now < at.SILENCE_RED else at.AMBER
    text = f"log chance of the longest silence, {length * hours:g} h; {before:.1f} in the fit"
    return Check("feed gap", side, status, now, before, None, text)


def _deepest_silence(predicted: Predicted, start: int, stop: int) -> tuple[float, int]:
    """Log chance and number of bars of the least likely run of zeros among some bars."""
    inside = np.flatnonzero((predicted.bars >= start) & (predicted.bars < stop))
    silent = np.isnan(predicted.level[inside])
    edges = np.flatnonzero(np.diff(np.concatenate([[0], silent.astype(int), [0]])))
    worst, length = 0.0, 0
    for a, b in zip(edges[::2], edges[1::2], strict=True):
        chance = predicted.silence(inside[a:b])
        if chance < worst:
            worst, length = chance, int(b - a)
    return worst, length


def _stamp(joined: Joined, bar: int) -> str:
    return str(joined.time()[bar])[:16]


def _volatility(joined: Joined, blocks: Blocks) -> Check | None:
    """Realised volatility of the judged bars over the range of the fit's own windows."""
    close = column(joined, "close")
    squared = np.concatenate([[np.nan], np.diff(np.log(close))]) ** 2
    width = blocks.n_bars - blocks.judged
    now = realised(squared[blocks.judged :], joined.data.bar_hours)
    starts = range(joined.first - width, -1, -blocks.length)
    windows = [realised(squared[a : a + width], joined.data.bar_hours) for a in starts]
    inside = [value for value in windows if np.isfinite(value)]
    if not inside:
        return None
    if not np.isfinite(now):
        text = "of the judged bars is unknown: too few of their closes are known"
        return Check("volatility", "", at.AMBER, None, max(inside), None, text)
    low, high = min(inside), max(inside)
    found = _days_shift(squared, joined.data.bar_hours, blocks)
    p = 1.0 if found is None else found.p
    outside = now > at.VOLATILITY_AMBER * high or now < at.VOLATILITY_LOW * low
    status = at.GREEN
    if outside and p < at.VOLATILITY_LEVEL_AMBER:
        status = at.AMBER
    if now > at.VOLATILITY_RED * high and p < at.VOLATILITY_LEVEL_RED:
        status = at.RED
    text = f"a day; the fit's windows of the same length: {low:.3g} to {high:.3g}"
    return Check("volatility", "", status, now, high, None if found is None else p, text)


def _days_shift(squared: FloatArray, bar_hours: float, blocks: Blocks) -> Shift | None:
    """Whether the log volatility of the judged blocks differs from that of the fit's."""

    def logs(which: list[tuple[int, int]]) -> FloatArray:
        values = np.array([realised(squared[a:b], bar_hours) for a, b in which])
        return np.log(np.where(values > 0, values, np.nan))

    return shift(logs(blocks.inside()), logs(blocks.window()))


def realised(squared: FloatArray, bar_hours: float) -> float:
    """Root mean squared log return, a day; NaN unless half of the returns are known."""
    known = squared[np.isfinite(squared)]
    if known.size < max(0.5 * squared.size, 2):
        return float("nan")
    return float(np.sqrt(known.mean() * 24.0 / bar_hours))
