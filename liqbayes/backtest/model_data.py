"""Prepared data of a panel as a forecast may know them: cut, followed along a path, falsified."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.backtest.table import PRICES, BarTable
from liqbayes.engine.path import PricePath
from liqbayes.engine.touches import build_touches
from liqbayes.errors import InputError
from liqbayes.model.data import SIDES, Leg, ModelData, initial_book, prepare
from liqbayes.model.feeds import Feed
from liqbayes.model.spec import ModelSpec
from liqbayes.panel import MarketPanel
from liqbayes.panel.columns import LEGS
from liqbayes.validate.lfo.cut import cut

FloatArray = NDArray[np.float64]
# Bars whose relation of a leg's turnover to the market's is taken for bars of a path.
RECENT = 168
# By how much a false path of prices lags the true one.
FALSE_LAG = np.timedelta64(7, "D")
SHIFTED, SWAPPED, PERMUTED, MEMORYLESS = (
    "shifted-week",
    "sides-swapped",
    "oi-permuted",
    "memoryless",
)
PLACEBOS = (SHIFTED, SWAPPED, PERMUTED, MEMORYLESS)


def known_data(spec: ModelSpec, panel: MarketPanel, origin: int, table: BarTable) -> ModelData:
    """Data of a table's bars with the scales of the bars before an origin.

    From the first row that is not the panel's own, the table is a path that might have been: its
    prices and turnover are followed, open interest stays at its last value, and nothing is known
    of reports and funding.

    Parameters
    ----------
    spec : ModelSpec
    panel : MarketPanel
    origin : int
        Bars that scales are taken from.
    table : BarTable
        Begins as the panel does.

    Raises
    ------
    InputError
        If the table departs from the panel before the origin, or where the model follows no book.
    """
    whole = prepare(spec, panel, seen=origin)
    own = BarTable.of(panel)
    same = common_rows(own, table)
    if same < min(origin, table.n_bars):
        raise InputError(
            f"the table differs from the panel from bar {same} on, before the origin {origin}; "
            "give the table of the same panel."
        )
    data = cut(whole, same)
    return data if same == table.n_bars else followed(spec, data, origin, table)


def common_rows(own: BarTable, table: BarTable) -> int:
    """Leading rows in which two tables hold the same prices and turnover."""
    n = min(own.n_bars, table.n_bars)
    differs = np.zeros(n, bool)
    for name in (*PRICES, "turnover"):
        a, b = getattr(own, name)[:n], getattr(table, name)[:n]
        differs |= (a != b) & ~(np.isnan(a) & np.isnan(b))
    return int(np.argmax(differs)) if differs.any() else n


def followed(spec: ModelSpec, data: ModelData, origin: int, table: BarTable) -> ModelData:
    """Data with the rows of a table after them as a path.

    Raises
    ------
    InputError
        If the data do not end inside a segment.
    """
    n, more = data.n_bars, table.n_bars - data.n_bars
    if data.path.segments[-1][1] != n:
        raise InputError(
            f"no book is followed at bar {n}, where a path begins: price, volume or open interest "
            "is unknown there. Begin paths where all are known."
        )
    prices = {
        name: np.concatenate([getattr(data.path, name), getattr(table, name)[n:]])
        for name in PRICES
    }
    first = data.path.segments[-1][0]
    path = PricePath(**prices, segments=(*data.path.segments[:-1], (first, n + more)))
    return replace(
        data,
        path=path,
        start=_longer(data.start, more, 0),
        legs=tuple(_leg(spec, data, leg, path, origin, table) for leg in data.legs),
        block=_longer(data.block, more, data.block[-1]),
        turnover_step=_longer(data.turnover_step, more, data.turnover_step[-1]),
        covariates=np.concatenate([data.covariates, np.zeros((more, data.covariates.shape[1]))]),
        bridged=_longer(data.bridged, more, True),
        feeds={
            side: Feed(
                bars=feed.bars,
                reported=_longer(feed.reported, more, 0.0),
                known=_longer(feed.known, more, False),
            )
            for side, feed in data.feeds.items()
        },
        capacity=_longer(data.capacity, more, data.capacity[-1]),
    )


def _longer[A: np.generic](values: NDArray[A], more: int, last: object) -> NDArray[A]:
    return np.concatenate([values, np.full(more, last, values.dtype)])


def _leg(
    spec: ModelSpec, data: ModelData, leg: Leg, path: PricePath, origin: int, table: BarTable
) -> Leg:
    n, more = data.n_bars, table.n_bars - data.n_bars
    recent = slice(max(0, n - RECENT), n)
    # legs and other venues' volumes have turnovers of their own, in proportion to the market's
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = leg.turnover[recent] / table.turnover[recent]
    ratio = ratio[np.isfinite(ratio) & (ratio > 0)]
    factor = float(np.median(ratio)) if ratio.size else 1.0
    mean_price = np.mean([getattr(table, name)[n:] for name in PRICES], axis=0)
    by_price = bool(np.ptp(leg.to_common) > 0)
    touches = {}
    for side in SIDES:
        near, far = data.cells.distances(leg.kind, side)
        touches[side] = build_touches(
            path,
            side,
            near,
            far,
            book=initial_book(spec, data.bar_hours),
            n_nodes=spec.entry_nodes,
            seen=origin,
        )
    return replace(
        leg,
        interest=_longer(leg.interest, more, leg.interest[-1]),
        before=_longer(leg.before, more, leg.interest[-1]),
        turnover=np.concatenate([leg.turnover, factor * np.nan_to_num(table.turnover[n:])]),
        to_common=np.concatenate([leg.to_common, mean_price if by_price else np.ones(more)]),
        at_close=np.concatenate([leg.at_close, table.close[n:] if by_price else np.ones(more)]),
        touches=touches,
    )


def shifted_prices(panel: MarketPanel) -> MarketPanel:
    """The panel with the prices of a week before: its levels lie where price never came from.

    Of an aggregate the coin leg keeps its coins and is worth what they cost at the false price.
    """
    frame = panel.to_frame()
    names = [c for c in panel.columns if c.removeprefix("mark_") in PRICES]
    bars = int(FALSE_LAG / np.timedelta64(panel.bar_seconds, "s"))
    frame[names] = frame[names].shift(bars)
    if panel.has(LEGS[0]):
        frame["open_interest"] = _of_legs(frame)
    return _like(panel, frame)


def permuted_interest(panel: MarketPanel, origin: int, seed: int) -> MarketPanel:
    """The panel with the changes of its open interest in another order.

    Changes before the origin change places among themselves; later ones are drawn from them, so
    that nothing of the future enters. Legs of an aggregate are moved together, each in its own
    unit, since changes of their value hold those of price. Volume over open interest stays as it
    is.
    """
    frame = panel.to_frame()
    rng = np.random.default_rng([seed, origin])
    legs = LEGS if panel.has(LEGS[0]) else ("open_interest",)
    changes = np.diff(np.log(frame[list(legs)].to_numpy()), axis=0)
    known = np.flatnonzero(np.isfinite(changes).all(axis=1))
    early, late = known[known < origin - 1], known[known >= origin - 1]
    moved = changes.copy()
    moved[early] = changes[rng.permutation(early)]
    if early.size:
        moved[late] = changes[rng.choice(early, late.size)]
    start = np.zeros((1, len(legs)))
    false, true = (np.concatenate([start, np.nancumsum(c, axis=0)]) for c in (moved, changes))
    before = frame["open_interest"].copy()
    for i, name in enumerate(legs):
        frame[name] = frame[name] * np.exp(false[:, i] - true[:, i])
    if len(legs) > 1:
        frame["open_interest"] = _of_legs(frame)
    factor = (frame["open_interest"] / before).ffill().fillna(1.0).shift(fill_value=1.0)
    for name in ("volume", "taker_buy_volume"):
        if panel.has(name):
            frame[name] = frame[name] * factor
    return _like(panel, frame)


def _of_legs(frame: pd.DataFrame) -> pd.Series:
    """Open interest of an aggregate in quote at the close."""
    linear, inverse = LEGS
    return frame[linear] * frame["close"] + frame[inverse]


def _like(panel: MarketPanel, frame: pd.DataFrame) -> MarketPanel:
    provenance = panel.provenance
    return MarketPanel.from_frame(
        frame, panel.contract, provenance=provenance, bar_seconds=panel.bar_seconds
    )
