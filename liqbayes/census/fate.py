"""Level fate: what happens to positions once price reaches their level, and how levels move."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.census.bootstrap import AccountDraws, effective, quantiles
from liqbayes.census.sightings import Sightings, first_touch
from liqbayes.census.table import Census
from liqbayes.errors import InputError
from liqbayes.panel import MarketPanel

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

# Fixed before any run.
#: Hours after a snapshot at which positions are looked for again.
HORIZONS = (24.0, 48.0, 72.0)
#: Snapshots that positions start from are at least so far apart.
START_GAP_HOURS = 12.0
#: How far from the horizon a sighting may be.
TOLERANCE_HOURS = 6.0
#: How far past a level price must go: none, and 1 % for prices of another venue.
BEYOND = (0.0, 0.01)
#: Horizon and margin of the estimate that is compared with a prior.
HEADLINE_HOURS, HEADLINE_BEYOND = 24.0, 0.0
#: Fewer touched accounts than this are no estimate.
LEAST_ACCOUNTS = 5
#: Levels as they stood at the start, or at the last snapshot before price reached them.
LEVELS = ("at the start", "just before")
WEIGHTS = ("notional", "position")
#: What is assumed of positions whose account was not seen again in time.
UNSEEN = ("left out", "gone", "kept", "unknown")


@dataclass(frozen=True)
class Followed:
    """Positions followed from a snapshot to a horizon; arrays over rows.

    Attributes
    ----------
    market, level : ndarray of str
        ``level`` is one of `LEVELS`.
    account, side : ndarray of int
    horizon, beyond : ndarray
    value : ndarray
        Notional at the start.
    touched : ndarray of bool
        Whether price reached the level that stood at the start.
    low, high : ndarray
        Least and most that can be kept.
    """

    market: NDArray[np.str_]
    level: NDArray[np.str_]
    account: IntArray
    side: IntArray
    horizon: FloatArray
    beyond: FloatArray
    value: FloatArray
    touched: BoolArray
    low: FloatArray
    high: FloatArray

    def where(self, rows: BoolArray) -> "Followed":
        """Some of the rows."""
        return Followed(**{name: values[rows] for name, values in vars(self).items()})


def follow(census: Census, panels: Mapping[str, MarketPanel]) -> Followed:
    """Follow every position of every start snapshot to every horizon within the data.

    A level counts as touched if a bar that begins after the snapshot and ends before the horizon
    reaches it. Levels move while price approaches them; so positions are also followed from the
    last snapshot before their touch, whichever that is, and then dropped if they are touched
    later than that. Starts whose window has unknown prices are left out.

    Raises
    ------
    InputError
        If no window of any market lies within both snapshots and prices.
    """
    check_markets(census, panels)
    parts: list[Followed] = []
    for market, panel in panels.items():
        sightings = Sightings.of(census, market)
        apart = set(census.apart(START_GAP_HOURS))
        for at, time in enumerate(census.times):
            for horizon in HORIZONS:
                if sightings.hours[at] + horizon > sightings.hours[-1] + TOLERANCE_HOURS:
                    continue
                bars = bars_after(panel, time, horizon)
                if bars is None or not sightings.starts(at).size:
                    continue
                for beyond in BEYOND:
                    rows, touched_after = _followed(market, sightings, at, horizon, beyond, bars)
                    if time in apart:
                        parts.append(rows)
                    next_one = sightings.hours[at + 1] - sightings.hours[at]
                    fresh = rows.touched & (touched_after <= next_one)
                    fresh |= ~rows.touched & (time in apart)
                    level = np.full(rows.level.size, LEVELS[1])
                    parts.append(replace(rows, level=level).where(fresh))
    if not parts:
        raise InputError(
            f"no snapshot is followed by prices and another snapshot {HORIZONS[0]:g} hours later; "
            "give a longer census, or panels that cover it."
        )
    return Followed(
        **{name: np.concatenate([getattr(p, name) for p in parts]) for name in vars(parts[0])}
    )


def _followed(
    market: str, sightings: Sightings, at: int, horizon: float, beyond: float, bars: "Bars"
) -> tuple[Followed, FloatArray]:
    """Positions of one start, and the hours after which each was touched (0 if it was not)."""
    rows = sightings.starts(at)
    touch = first_touch(
        sightings.level[rows, at], sightings.side[rows], bars.low, bars.high, beyond
    )
    hours = np.append(bars.hours, 0.0)[touch]
    after = sightings.hours[at] + hours
    low, high = sightings.kept(rows, at, horizon, TOLERANCE_HOURS, after)
    return Followed(
        market=np.full(rows.size, market),
        level=np.full(rows.size, LEVELS[0]),
        account=sightings.account[rows],
        side=sightings.side[rows],
        horizon=np.full(rows.size, horizon),
        beyond=np.full(rows.size, beyond),
        value=sightings.value[rows, at],
        touched=touch < bars.low.size,
        low=low,
        high=high,
    ), hours


def check_markets(census: Census, panels: Mapping[str, MarketPanel]) -> None:
    """Refuse panels of markets in which the census has no position.

    Raises
    ------
    InputError
    """
    if not panels:
        raise InputError("no panel is given; give one for each market, MARKET=FILE.")
    foreign = sorted(set(panels) - set(census.markets))
    if foreign:
        raise InputError(
            f"the census has no positions in {', '.join(foreign)}; its markets are "
            f"{', '.join(census.markets)}."
        )


@dataclass(frozen=True)
class Bars:
    """Extremes of bars after a time, and the hours from then to each bar's end."""

    low: FloatArray
    high: FloatArray
    hours: FloatArray


def bars_after(panel: MarketPanel, time: np.datetime64, hours: float) -> Bars | None:
    """Bars that begin at or after a time and end within so many hours.

    None if a bar is unknown or the panel does not reach that far.
    """
    begin = panel.time
    end = (begin - time) / np.timedelta64(1, "h") + panel.bar_seconds / 3600
    inside = (begin >= time) & (end <= hours)
    if not inside.any() or begin[0] > time or end[-1] < hours:
        return None
    low, high = panel.values("low")[inside], panel.values("high")[inside]
    if np.isnan(low).any() or np.isnan(high).any():
        return None
    return Bars(low, high, end[inside])


def kept_draws(
    rows: Followed, weighting: str, unseen: str, accounts: AccountDraws, free: FloatArray
) -> FloatArray:
    """Share kept, shape (draw,).

    Parameters
    ----------
    rows : Followed
    weighting : {"notional", "position"}
    unseen : {"left out", "gone", "kept", "unknown"}
        Unseen positions are left out, have kept the least or the most they can, or anything in
        between: then each draw has its own share of the way, from ``free``.
    accounts : AccountDraws
    free : ndarray, shape (draw,)
        Uniform on [0, 1]: nothing in the data speaks for any of them.
    """
    if unseen == "left out":
        rows = rows.where(rows.low == rows.high)
    weight = rows.value if weighting == "notional" else np.ones(rows.value.size)
    low = accounts.mean(rows.account, weight, rows.low)
    high = accounts.mean(rows.account, weight, rows.high)
    ways: dict[str, FloatArray | float] = {"gone": 0.0, "kept": 1.0, "left out": 0.0}
    return np.asarray(low + ways.get(unseen, free) * (high - low))


#: Level, horizon, margin, weighting and treatment of the unseen of an estimate.
Key = tuple[str, float, float, str, str]


def removal(
    rows: Followed, accounts: AccountDraws, rng: np.random.Generator
) -> tuple[pd.DataFrame, dict[Key, FloatArray]]:
    """Share removed of touched and untouched positions, and what that says of closing at a touch.

    With background removal at the same rate in both groups, kept(touched) = (1 - c)
    kept(untouched): the touch-to-close share is c = 1 - kept(touched) / kept(untouched), cut to
    [0, 1], where the model has it.

    Returns
    -------
    table : DataFrame
        One row a level, horizon, margin, weighting, treatment of the unseen and group
        (``touched``, ``untouched``, ``closed at a touch``): interval of the share, and what it
        rests on.
    closed : dict
        Draws of c by the same key.
    """
    n = accounts.weights.shape[0]
    free: dict[str, FloatArray] = {
        name: np.asarray(rng.uniform(size=n)) for name in ("touched", "untouched")
    }
    out: list[dict[str, object]] = []
    closed: dict[Key, FloatArray] = {}
    for key in product(LEVELS, HORIZONS, BEYOND, WEIGHTS, UNSEEN):
        level, horizon, beyond, weighting, unseen = key
        at = rows.where((rows.level == level) & (rows.horizon == horizon) & (rows.beyond == beyond))
        groups = {"touched": at.where(at.touched), "untouched": at.where(~at.touched)}
        kept = {
            name: kept_draws(group, weighting, unseen, accounts, free[name])
            if _accounts(group, unseen) >= LEAST_ACCOUNTS
            else np.full(n, np.nan)
            for name, group in groups.items()
        }
        closed[key] = np.clip(1.0 - kept["touched"] / kept["untouched"], 0.0, 1.0)
        shares = {name: 1.0 - value for name, value in kept.items()}
        for name, draws in {**shares, "closed at a touch": closed[key]}.items():
            group = groups.get(name, groups["touched"])
            out.append({**_labels(key, name), **_interval(draws), **_rests(group, weighting)})
    return pd.DataFrame(out), closed


def _accounts(rows: Followed, unseen: str) -> int:
    known = rows.low == rows.high if unseen == "left out" else np.ones(rows.low.size, bool)
    return int(np.unique(rows.account[known]).size)


def _labels(key: Key, group: str) -> dict[str, object]:
    names = ("level", "hours", "beyond", "weighting", "unseen")
    return {**dict(zip(names, key, strict=True)), "group": group}


def _interval(draws: FloatArray) -> dict[str, object]:
    return dict(zip(("low", "median", "high"), quantiles(draws), strict=True))


def _rests(rows: Followed, weighting: str) -> dict[str, object]:
    weight = rows.value if weighting == "notional" else np.ones(rows.value.size)
    seen = rows.low == rows.high
    return {
        "rows": int(rows.value.size),
        "accounts": int(np.unique(rows.account).size),
        "effective_accounts": effective(rows.account, weight),
        "share_seen": float(weight[seen].sum() / weight.sum()) if weight.sum() > 0 else np.nan,
    }
