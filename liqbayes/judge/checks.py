"""What can be said of a map before any score: sides, prices, amounts, ages, repetitions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.contracts import SIDES
from liqbayes.errors import InputError
from liqbayes.judge.held import newest
from liqbayes.judge.sweeps import Sweeps
from liqbayes.panel import MarketPanel
from liqbayes.peers import LevelMap
from liqbayes.peers.bars import trigger_price

FloatArray = NDArray[np.float64]
#: Share of a side's amount that may lie on the wrong side of the price, for rounding of bins.
WRONG_SIDE_WARN = 0.02
#: Above this the sides are swapped or the prices are not of this market: no score.
WRONG_SIDE_FAIL = 0.5
#: Share of snapshots with such a side, or with more than there is: neither is rounding any more.
SNAPSHOTS_FAIL = 0.1
#: Sum of a side's amounts over open interest; more is impossible, less may lie outside the map.
MOST_OF_INTEREST, LEAST_OF_INTEREST = 1.1, 0.9
#: Share of bars without a snapshot young enough, or of snapshots equal to the one before.
STALE_WARN = 0.1
REPEATED_WARN = 0.01
FROZEN_WARN = 0.5


@dataclass(frozen=True)
class Ruling:
    """One verdict.

    Attributes
    ----------
    check : str
    status : {"ok", "warn", "fail"}
        ``fail`` of a check of the map means that it is not scored.
    value, limit : float or None
    text : str
        In plain language.
    """

    check: str
    status: str
    value: float | None
    limit: float | None
    text: str


def check_map(
    levels: LevelMap, panel: MarketPanel, sweeps: Sweeps, *, relative: bool, max_age_hours: float
) -> tuple[LevelMap, list[Ruling]]:
    """Check a map against the market it is of.

    Parameters
    ----------
    levels : LevelMap
        Amounts relative or in the panel's quantity unit.
    panel : MarketPanel
    sweeps : Sweeps
    relative : bool
        Whether only ratios of amounts within a snapshot and side mean anything.
    max_age_hours : float

    Returns
    -------
    levels : LevelMap
        Levels that occur twice are added up.
    rulings : list of Ruling

    Raises
    ------
    InputError
        If no snapshot lies inside the panel.
    """
    last = _last_bar(levels, panel)
    if not (last >= 0).any():
        raise InputError(
            f"the map's times, {levels.time[0]} to {levels.time[-1]}, do not meet the panel's, "
            f"{panel.time[0]} to {panel.time[-1]} (UTC); check zone and unit of its times."
        )
    merged, twice = _merged(levels)
    rulings = [_sides(merged, panel, last), _interest(merged, panel, last, relative=relative)]
    rulings += [_stale(merged, sweeps, max_age_hours), _frozen(merged), _repeated(twice)]
    return merged, rulings


def _last_bar(levels: LevelMap, panel: MarketPanel) -> NDArray[np.int64]:
    """Last bar that had closed at each snapshot, shape (snapshot,); -1 outside the panel."""
    step = np.timedelta64(panel.bar_seconds, "s")
    ends = (np.asarray(panel.time) + step).astype("datetime64[ns]")
    at = np.searchsorted(ends, levels.time, side="right") - 1
    return np.where(levels.time >= ends[-1] + step, -1, at)


def _sides(levels: LevelMap, panel: MarketPanel, last: NDArray[np.int64]) -> Ruling:
    close = trigger_price(panel, "close")
    price = np.where(last >= 0, close[np.maximum(last, 0)], np.nan)[levels.snapshot]
    known = np.isfinite(price)
    wrong = np.where(levels.side == 0, levels.price > price, levels.price < price)
    shares, broken = [], np.zeros(levels.time.size, bool)
    for j in range(len(SIDES)):
        mine = known & (levels.side == j)
        of_side, there = (
            np.bincount(levels.snapshot[rows], levels.amount[rows], levels.time.size)
            for rows in (mine & wrong, mine)
        )
        total = float(there.sum())
        shares.append(float(of_side.sum()) / total if total > 0 else 0.0)
        broken |= of_side > WRONG_SIDE_FAIL * there
    worst = max(shares)
    by_side = f"{shares[0]:.1%} of the longs' amount lies above price and {shares[1]:.1%} of the "
    by_side += "shorts' below it"
    if min(shares) > WRONG_SIDE_FAIL:
        text = f"the sides are swapped: {by_side}. Longs are liquidated below the price."
        return Ruling("sides", "fail", worst, WRONG_SIDE_FAIL, text)
    if worst > WRONG_SIDE_FAIL:
        text = f"{by_side}: the map is of another market, time or price unit."
        return Ruling("sides", "fail", worst, WRONG_SIDE_FAIL, text)
    inside = np.unique(levels.snapshot[known])
    often = float(broken[inside].mean()) if inside.size else 0.0
    if often > SNAPSHOTS_FAIL:
        text = (
            f"in {often:.1%} of the snapshots most of a side lies on the wrong side of the price: "
            "their sides are swapped, or they are of another market or time."
        )
        return Ruling("sides", "fail", often, SNAPSHOTS_FAIL, text)
    status = "warn" if worst > WRONG_SIDE_WARN else "ok"
    text = by_side + (
        "; such levels would be gone and are not scored" if status == "warn" else ", as it should"
    )
    return Ruling("sides", status, worst, WRONG_SIDE_WARN, text)


def _interest(
    levels: LevelMap, panel: MarketPanel, last: NDArray[np.int64], *, relative: bool
) -> Ruling:
    interest = np.asarray(panel.values("open_interest"), float)
    before = np.where(last >= 0, interest[np.maximum(last, 0)], np.nan)
    ratio = levels.totals() / before
    known = np.isfinite(ratio).all(axis=0)
    if not known.any():
        return Ruling(
            "open interest", "warn", None, None, "open interest is unknown at every snapshot"
        )
    long, short = (float(np.median(each)) for each in ratio[:, known])
    largest = max(long, short)
    if relative:
        text = (
            "amounts are relative: nothing is claimed of their sum, and each side of each snapshot "
            f"is scaled to its open interest. Read as {panel.contract.quantity_unit} they would be "
            f"{long:.3g} (longs) and {short:.3g} (shorts) times open interest"
        )
        # a quantity that is not conserved may still be a good map of ratios: said, and scored
        odd = largest > MOST_OF_INTEREST or min(long, short) < LEAST_OF_INTEREST
        return Ruling("open interest", "warn" if odd else "ok", largest, MOST_OF_INTEREST, text)
    by_side = (
        f"the median snapshot holds {long:.3g} of open interest in longs, {short:.3g} in shorts"
    )
    if largest > MOST_OF_INTEREST:
        text = (
            f"{by_side}: more than there is. Not scored; if only ratios of amounts are meant, "
            "judge it with --amounts relative"
        )
        return Ruling("open interest", "fail", largest, MOST_OF_INTEREST, text)
    often = float((ratio[:, known] > MOST_OF_INTEREST).any(axis=0).mean())
    if often > SNAPSHOTS_FAIL:
        text = (
            f"{often:.1%} of the snapshots hold more of a side than there is. Not scored; if only "
            "ratios of amounts are meant, judge it with --amounts relative"
        )
        return Ruling("open interest", "fail", often, SNAPSHOTS_FAIL, text)
    least = min(long, short)
    if least < LEAST_OF_INTEREST:
        text = (
            f"{by_side}: every contract has a long and a short, so the rest lies outside the map, "
            "has no level, or was lost"
        )
        return Ruling("open interest", "warn", least, LEAST_OF_INTEREST, text)
    return Ruling("open interest", "ok", least, LEAST_OF_INTEREST, f"{by_side}: conserved")


def _stale(levels: LevelMap, sweeps: Sweeps, max_age_hours: float) -> Ruling:
    inside = sweeps.time >= levels.time[0]
    lacking = newest(levels, sweeps, max_age_hours)[inside] < 0
    share = float(lacking.mean()) if lacking.size else 1.0
    spacing = "one snapshot"
    if levels.time.size > 1:
        hours = float(np.median(np.diff(levels.time)) / np.timedelta64(1, "h"))
        spacing = f"a snapshot every {hours:g} hours"
    text = f"{spacing}; {share:.1%} of the bars since the first have none of the last "
    text += f"{max_age_hours:g} hours and are not scored"
    return Ruling("staleness", "warn" if share > STALE_WARN else "ok", share, STALE_WARN, text)


def _frozen(levels: LevelMap) -> Ruling:
    order = np.lexsort((levels.price, levels.side, levels.snapshot))
    bounds = np.searchsorted(levels.snapshot[order], np.arange(levels.time.size + 1))
    rows = np.stack([levels.side, levels.low, levels.high, levels.amount])[:, order]
    pairs = range(1, levels.time.size)
    same = sum(
        np.array_equal(rows[:, bounds[i - 1] : bounds[i]], rows[:, bounds[i] : bounds[i + 1]])
        for i in pairs
    )
    share = same / max(len(pairs), 1)
    status = "warn" if share > FROZEN_WARN else "ok"
    text = f"{share:.1%} of the snapshots repeat the one before unchanged"
    return Ruling("frozen snapshots", status, share, FROZEN_WARN, text)


def _repeated(share: float) -> Ruling:
    text = f"{share:.1%} of the rows repeat time, side and price of another"
    if share > 0:
        text += "; their amounts are added up"
    status = "warn" if share > REPEATED_WARN else "ok"
    return Ruling("duplicates", status, share, REPEATED_WARN, text)


def _merged(levels: LevelMap) -> tuple[LevelMap, float]:
    """Levels of one snapshot, side and price added up, and the share of rows that repeat one."""
    order = np.lexsort((levels.high, levels.low, levels.side, levels.snapshot))
    snapshot, side = levels.snapshot[order], levels.side[order]
    low, high = levels.low[order], levels.high[order]
    new = np.ones(order.size, bool)
    new[1:] = (np.diff(snapshot) != 0) | (np.diff(side) != 0)
    new[1:] |= (np.diff(low) != 0) | (np.diff(high) != 0)
    first = np.flatnonzero(new)
    amount = np.add.reduceat(levels.amount[order], first)
    share = 1.0 - first.size / order.size
    merged = LevelMap(
        levels.time,
        snapshot[first],
        side[first],
        low[first],
        high[first],
        amount,
        levels.notes,
    )
    return merged, share
