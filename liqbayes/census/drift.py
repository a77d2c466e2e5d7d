"""How levels move: share moved after a time, renewal hazard, and the half-life of a map."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.census.bootstrap import AccountDraws, effective, quantiles
from liqbayes.census.fate import (
    HORIZONS,
    LEAST_ACCOUNTS,
    START_GAP_HOURS,
    TOLERANCE_HOURS,
    bars_after,
    check_markets,
)
from liqbayes.census.sightings import Sightings, first_touch
from liqbayes.census.table import Census
from liqbayes.conventions import BINS, PRICE_RANGE
from liqbayes.panel import MarketPanel

FloatArray = NDArray[np.float64]

# Fixed before any run.
#: How far a level must move, in log price, to count as moved.
MOVED = (0.01, 0.02, 0.05, 0.1)
#: Relative change of size below which a position counts as unchanged.
SAME_SIZE = 1e-3
#: Threshold and horizon of the renewal hazard that is compared with a prior.
HEADLINE_MOVED, HEADLINE_HOURS = 0.02, 24.0
#: Limits of the lags, in hours, that the half-life is read from.
LAGS = (0.0, 0.5, 1.0, 2.0, 4.0, 6.0, 9.0, 12.0, 18.0, 24.0, 36.0, 48.0, 72.0, 96.0, 144.0)
#: Widths of a bin in log price: that of the default map, and two wider ones.
WIDTHS = (float(np.log(PRICE_RANGE[1] / PRICE_RANGE[0]) / BINS), 0.01, 0.02)


def drift_rows(census: Census, panels: Mapping[str, MarketPanel]) -> pd.DataFrame:
    """Untouched positions that were seen again about a horizon later.

    Returns
    -------
    DataFrame
        ``account``, ``horizon``, ``hours`` (true time between the two sightings), ``value``
        (notional at the start of what survived), ``moved`` (absolute change of the log level;
        infinite where a level came or went) and ``same_size``.
    """
    check_markets(census, panels)
    parts = []
    for market, panel in panels.items():
        s = Sightings.of(census, market)
        for time in census.apart(START_GAP_HOURS):
            at = int(np.searchsorted(census.times, time))
            for horizon in HORIZONS:
                bars = bars_after(panel, time, horizon)
                rows = s.starts(at)
                if bars is None or not rows.size:
                    continue
                level, side = s.level[rows, at], s.side[rows]
                rows = rows[first_touch(level, side, bars.low, bars.high, 0.0) == bars.low.size]
                after = np.full(rows.size, s.hours[at])
                near = s.nearest(rows, s.hours[at] + horizon, TOLERANCE_HOURS, after)
                rows, near = rows[near >= 0], near[near >= 0]
                alive = s.size[rows, near] > 0
                rows, near = rows[alive], near[alive]
                ratio = s.size[rows, near] / s.size[rows, at]
                parts.append(
                    pd.DataFrame(
                        {
                            "account": s.account[rows],
                            "horizon": horizon,
                            "hours": s.hours[near] - s.hours[at],
                            "value": s.value[rows, at] * np.minimum(ratio, 1.0),
                            "moved": moved(s.level[rows, at], s.level[rows, near]),
                            "same_size": np.abs(ratio - 1.0) <= SAME_SIZE,
                        }
                    )
                )
    return pd.concat(parts, ignore_index=True)


def moved(before: FloatArray, after: FloatArray) -> FloatArray:
    """Absolute change of the log level; 0 if there is none before and after, else infinite."""
    none = np.isinf(before) & np.isinf(after)
    with np.errstate(invalid="ignore"):
        change = np.abs(np.log(after) - np.log(before))
    return np.where(none, 0.0, change)


def drift(
    rows: pd.DataFrame, accounts: AccountDraws
) -> tuple[pd.DataFrame, dict[tuple[float, float, str, str], FloatArray]]:
    """Share of surviving positions whose level has moved, and the hazard that this amounts to.

    Were levels renewed at a rate v, a share 1 - exp(-v h) would have moved after h hours: v =
    -log(1 - share) / mean hours. Positions that were not traded say most about renewal, which the
    model has happen without trading.

    Returns
    -------
    table : DataFrame
        One row a horizon, threshold, weighting and group (``all`` or ``unchanged size``).
    hazards : dict
        Draws of the hazard per day by the same key.
    """
    out, hazards = [], {}
    for horizon in HORIZONS:
        for threshold in MOVED:
            for weighting in ("notional", "position"):
                for group in ("all", "unchanged size"):
                    at = rows[(rows["horizon"] == horizon) & (rows["same_size"] | (group == "all"))]
                    account = at["account"].to_numpy()
                    weight = at["value"].to_numpy() if weighting == "notional" else np.ones(len(at))
                    if np.unique(account).size < LEAST_ACCOUNTS:
                        continue
                    changed = np.where(at["moved"].to_numpy() > threshold, 1.0, 0.0)
                    share = accounts.mean(account, weight, changed)
                    hours = accounts.mean(account, weight, at["hours"].to_numpy())
                    with np.errstate(divide="ignore"):
                        hazard = -np.log1p(-share) * 24.0 / hours
                    hazards[horizon, threshold, weighting, group] = hazard
                    out.append(
                        {
                            "hours": horizon,
                            "moved_by": threshold,
                            "weighting": weighting,
                            "group": group,
                            **_named("share", share),
                            **_named("per_day", hazard),
                            "rows": len(at),
                            "accounts": int(np.unique(account).size),
                            "effective_accounts": effective(account, weight),
                        }
                    )
    return pd.DataFrame(out), hazards


def half_life(
    census: Census, markets: Sequence[str], accounts: AccountDraws
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Time until half of the notional with a level is no longer in its bin of the map.

    Notional stays if it is still open and its level moved by less than a bin's width. Every pair
    of snapshots counts; the share that stays is averaged by lag, made monotone, and crosses one
    half where the logarithms of its neighbours, interpolated, do.

    Returns
    -------
    lives : DataFrame
        Interval of the half-life in hours by bin width, weighting of the unseen (``left out`` or
        ``gone``); infinite where half stays to the longest lag.
    curve : DataFrame
        Share that stays by lag.
    """
    account, lag, weight, seen, stays = _pairs(census, markets)
    lives, curve = [], []
    edges = np.array(LAGS)
    bin_of = np.searchsorted(edges, lag, side="right") - 1
    for w, width in enumerate(WIDTHS):
        for unseen in ("left out", "gone"):
            used = seen if unseen == "left out" else np.ones(seen.size, bool)
            share, mid = [], []
            for i in range(edges.size - 1):
                at = used & (bin_of == i)
                if np.unique(account[at]).size < LEAST_ACCOUNTS:
                    continue
                share.append(accounts.mean(account[at], weight[at], stays[w, at]))
                mid.append(float(np.average(lag[at], weights=weight[at])))
                curve.append(
                    {
                        "width": width,
                        "unseen": unseen,
                        "lag_hours": mid[-1],
                        **_named("stays", share[-1]),
                        "rows": int(at.sum()),
                    }
                )
            lives.append(
                {"width": width, "unseen": unseen, **_named("hours", crossing(mid, share))}
            )
    return pd.DataFrame(lives), pd.DataFrame(curve)


def crossing(lag: Sequence[float], share: Sequence[FloatArray]) -> FloatArray:
    """Lag at which a falling share crosses one half, shape (draw,); infinite if it does not."""
    x = np.concatenate([[0.0], lag])
    y = np.minimum.accumulate(np.vstack([np.ones_like(share[0]), *share]), axis=0)
    y = np.log(np.maximum(y, 1e-12))
    below = y <= np.log(0.5)
    out = np.full(y.shape[1], np.inf)
    for j in np.flatnonzero(below.any(axis=0)):
        i = int(below[:, j].argmax())
        out[j] = x[i - 1] + (x[i] - x[i - 1]) * (np.log(0.5) - y[i - 1, j]) / (
            y[i, j] - y[i - 1, j]
        )
    return out


def _pairs(census: Census, markets: Sequence[str]) -> tuple[NDArray[np.generic], ...]:
    """Account, lag, notional, whether seen again, and the share that stays (width, row)."""
    parts: list[tuple[NDArray[np.generic], ...]] = []
    for market in markets:
        s = Sightings.of(census, market)
        for a in range(s.hours.size):
            rows = s.starts(a)
            rows = rows[np.isfinite(s.level[rows, a])]
            for b in range(a + 1, s.hours.size):
                again = np.isfinite(s.size[rows, b])
                ratio = np.where(again, s.size[rows, b] / s.size[rows, a], 0.0)
                change = moved(s.level[rows, a], np.nan_to_num(s.level[rows, b], nan=np.inf))
                stay = np.minimum(ratio, 1.0) * (change <= np.array(WIDTHS)[:, None])
                lag = np.full(rows.size, s.hours[b] - s.hours[a])
                parts.append((s.account[rows], lag, s.value[rows, a], again, stay))
    return tuple(np.concatenate(column, axis=-1) for column in zip(*parts, strict=True))


def _named(name: str, draws: FloatArray) -> dict[str, float]:
    if np.isinf(draws).any():
        # an infinite draw is a value: quantiles by order, not by interpolation
        values = np.quantile(draws, (0.05, 0.5, 0.95), method="higher")
        low, middle, high = (float(v) for v in values)
    else:
        low, middle, high = quantiles(draws)
    return {f"{name}_low": low, f"{name}_median": middle, f"{name}_high": high}
