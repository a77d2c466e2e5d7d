"""Consumed levels: what bars swept, what they left, and what has come back since."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from liqbayes.analysis.book import BookAt, lumpy_share
from liqbayes.analysis.section import Section
from liqbayes.analysis.tables import amount, put, rows
from liqbayes.engine.recursion import TOUCHED
from liqbayes.errors import InputError
from liqbayes.model.data import SIDES
from liqbayes.outputs.context import Context, Draw

if TYPE_CHECKING:
    from liqbayes.analysis.workspace import Workspace

FloatArray = NDArray[np.float64]

#: Bars of each side whose swept prices are looked at again.
LARGEST = 10
CONVENTIONS = (
    "a zone that has been consumed is expected to reverse the price, or to hold no more fuel; "
    "nothing here was tested for it.",
)


def swept_by_bar(context: Context) -> xr.Dataset:
    """What every bar swept: open interest of earlier bars whose level the bar's price reached.

    Of it a share is closed at its level; the rest gets a new one. What a bar itself opened and
    swept is not part of it, because it stood at no price before. The expectation is exactly what
    the recursion removed; a context of kind "realised" adds the lumps of a real book, each bar's
    share Beta with the draw's effective positions (``outputs.noise``).

    Parameters
    ----------
    context : Context

    Returns
    -------
    Dataset
        ``quantity`` in the contract's unit and ``share`` of the side's open interest before the
        bar, (chain, draw, side, time); ``low`` and ``high`` (side, time): the prices swept, from
        the bar's extreme to the close before it. NaN in bars that are not modelled, and for
        ``low`` and ``high`` also where price did not go against the side.
    """
    data = context.evaluator.data
    share = np.zeros((*context.shape, 2, data.n_bars), np.float32)
    before = data.common_before()
    rng = context.rng(22)
    for draw in context.draws():
        for j, side in enumerate(SIDES):
            quantity = sum(
                draw.runs[leg.name, side].by_class[TOUCHED].sum(axis=0) * leg.to_common
                for leg in data.legs
            )
            value = np.where(data.start == 0, quantity, np.nan) / before
            if context.kind == "realised":
                value = lumpy_share(value, _positions(context, draw, side), rng)
            share[(*draw.index, j)] = value
    low, high = _swept_prices(context)
    panel = slice(data.n_history, None)
    dims = ("chain", "draw", "side", "time")
    return xr.Dataset(
        {
            "quantity": (
                dims,
                (share * before.astype(np.float32))[..., panel],
                {"units": context.contract.quantity_unit},
            ),
            "share": (dims, share[..., panel]),
            "low": (("side", "time"), low[:, panel]),
            "high": (("side", "time"), high[:, panel]),
        },
        coords={
            **context.coords(),
            "time": np.asarray(context.panel.time),
            "bridged": ("time", data.bridged[panel]),
        },
        attrs=context.attrs(),
    )


def consumed_levels(context: Context, swept: xr.Dataset, *, largest: int = LARGEST) -> xr.Dataset:
    """Follow the prices that the largest sweeps emptied: what stood there after them, and now.

    Expected amounts are exact (no grid): what the bar swept there, what stood at its close at the
    same prices (levels set within the bar, after the price had been there), and what stands there
    at the last bar. Of what was swept nothing stands there any more, so all that does has been set
    since. A context of kind "realised" adds lumps to each of the three by itself.

    Parameters
    ----------
    context : Context
    swept : Dataset
        As `swept_by_bar` returns it for the same context.
    largest : int
        Bars of each side, by mean swept quantity, of the last segment.

    Returns
    -------
    Dataset
        ``swept``, ``left`` and ``now`` in quote at the middle of the swept prices, ``refill``
        (``now - left``; negative where a later bar swept it again) and ``refill_share`` (of what
        was swept; NaN where that is nothing), (chain, draw, event). ``left`` is what was set later
        in the bar that swept. ``now`` is NaN where the last price is beyond the swept prices, so
        that no level of the side can stand there. Coordinates on event:
        ``side``, ``time``, ``price_low``, ``price_high``; latest first within a side.

    Raises
    ------
    InputError
        If ``largest`` is not positive.
    """
    if largest < 1:
        raise InputError(f"largest is {largest}; use 1 or more.")
    data = context.evaluator.data
    first = max(data.path.segments[-1][0] + 1, data.n_history)
    events = _events(context, swept, first, largest)
    books = []
    for side, t, low, high in events:
        edges = np.log([low, high]) if side == "long" else -np.log([high, low])
        books.append([BookAt.of(context, side, at, edges) for at in (t, context.last)])
    rng = context.rng(23)
    amounts = np.zeros((2, *context.shape, len(events)))
    # no long has its level above the price, no short below it: what stands there is no refill
    passed = np.array(
        [
            low >= context.mark_price if side == "long" else high <= context.mark_price
            for side, _, low, high in events
        ],
        bool,
    )
    for draw in context.draws() if events else ():
        for e, pair in enumerate(books):
            for i, book in enumerate(pair):
                value = book.columns(draw)[0]
                whole = book.total(draw)
                if context.kind == "realised" and whole > 0:
                    positions = _positions(context, draw, book.side)
                    value = whole * float(lumpy_share(np.asarray(value / whole), positions, rng))
                amounts[(i, *draw.index, e)] = value
    prices = np.array([[low, high] for _, _, low, high in events]).reshape(-1, 2)
    factor = np.sqrt(prices.prod(axis=1)) if context.contract.kind == "linear" else 1.0
    gone = [
        swept["quantity"].isel(side=SIDES.index(side), time=t - data.n_history).to_numpy()
        for side, t, _, _ in events
    ]
    gone_now = np.stack(gone, axis=-1).astype(float) if gone else np.zeros((*context.shape, 0))
    taken, left, now = (x * factor for x in (gone_now, *amounts))
    now[..., passed] = np.nan
    dims = ("chain", "draw", "event")
    unit = {"units": context.contract.quote_unit}
    refill = now - left
    if context.contract.kind == "aggregate":
        # its quantities are USD at the bar's price, so that a difference of bars is price as well
        refill = np.full_like(refill, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(taken > 0, refill / taken, np.nan)
    times = np.asarray(context.panel.time)
    return xr.Dataset(
        {
            "swept": (dims, taken, unit),
            "left": (dims, left, unit),
            "now": (dims, now, unit),
            "refill": (dims, refill, unit),
            "refill_share": (dims, share),
        },
        coords={
            "chain": swept["chain"],
            "draw": swept["draw"],
            "event": np.arange(len(events)),
            "side": ("event", np.array([s for s, *_ in events], dtype=object)),
            "time": ("event", times[[t - data.n_history for _, t, _, _ in events]]),
            "price_low": ("event", prices[:, 0]),
            "price_high": ("event", prices[:, 1]),
        },
        attrs=context.attrs(),
    )


def section(work: "Workspace") -> Section:
    """What each bar swept and liquidated, and the largest sweeps followed up."""
    swept = swept_by_bar(work.context)
    events = consumed_levels(work.context, swept)
    unit, quantity = str(work.flows.attrs["quote_unit"]), str(work.flows.attrs["unit"])
    parts = []
    for side in SIDES:
        one = swept.sel(side=side)
        table = pd.DataFrame({"time": one["time"].to_numpy(), "side": side})
        table["price_low"], table["price_high"] = one["low"].to_numpy(), one["high"].to_numpy()
        put(table, "swept_quantity", one["quantity"])
        put(table, "swept_share", one["share"])
        put(table, "liquidated_quantity", work.flows["quantity"].sel(side=side))
        table["bridged"] = one["bridged"].to_numpy()
        parts.append(table)
    largest = pd.DataFrame(
        {name: events[name].to_numpy() for name in ("side", "time", "price_low", "price_high")}
    )
    for name in ("swept", "left", "now", "refill", "refill_share"):
        put(largest, name, events[name])
    return Section(
        "consumed",
        "Consumed levels",
        {"largest": largest, "bars": pd.concat(parts, ignore_index=True)},
        tuple(_sentences(largest, unit, work.context)),
        CONVENTIONS,
        {
            **dict.fromkeys(("swept", "left", "now", "refill"), unit),
            **dict.fromkeys(("swept_quantity", "liquidated_quantity"), quantity),
            "refill_share": "of what was swept",
            "swept_share": "of the side's open interest before the bar",
        },
    )


def _positions(context: Context, draw: Draw, side: str) -> float:
    return context.evaluator.value(draw.p, "effective_positions", side)


def _swept_prices(context: Context) -> tuple[FloatArray, FloatArray]:
    """Prices that each bar went through against each side since the close before, (2, time)."""
    data = context.evaluator.data
    path = data.path
    low, high = np.full((2, data.n_bars), np.nan), np.full((2, data.n_bars), np.nan)
    for first, stop in path.segments:
        before, bars = path.close[first : stop - 1], slice(first + 1, stop)
        fell, rose = path.low[bars] < before, path.high[bars] > before
        low[0, bars] = np.where(fell, path.low[bars], np.nan)
        high[0, bars] = np.where(fell, before, np.nan)
        low[1, bars] = np.where(rose, before, np.nan)
        high[1, bars] = np.where(rose, path.high[bars], np.nan)
    return low, high


def _events(
    context: Context, swept: xr.Dataset, first: int, largest: int
) -> list[tuple[str, int, float, float]]:
    """Side, bar and prices of the largest sweeps since a bar, latest first within a side."""
    history = context.evaluator.data.n_history
    mean = swept["quantity"].mean(("chain", "draw")).transpose("side", "time").to_numpy()
    out = []
    for j, side in enumerate(SIDES):
        low, high = (swept[name].to_numpy()[j] for name in ("low", "high"))
        size = np.where(np.isfinite(low) & (mean[j] > 0), mean[j], 0.0)
        size[: first - history] = 0.0
        size[context.last + 1 - history :] = 0.0
        bars = [b for b in np.argsort(-size, kind="stable")[:largest].tolist() if size[b] > 0]
        out += [(side, b + history, float(low[b]), float(high[b])) for b in sorted(bars)[::-1]]
    return out


def _sentences(largest: pd.DataFrame, unit: str, context: Context) -> list[str]:
    if largest.empty:
        return ["No bar swept a level."]
    since = "of the panel"
    if len(context.evaluator.data.path.segments) > 1:
        since = "since the panel's last gap"
    out = []
    if context.contract.kind == "aggregate":
        out.append(
            "Refill is not identified: coins and USD of an aggregate are valued at prices of "
            "different bars."
        )
    top = largest.loc[largest.groupby("side", sort=False)["swept_median"].idxmax()]
    return out + [
        f"The bar of {row.time:%Y-%m-%d %H:%M} swept {row.side}s of "
        f"{amount(row, 'swept', unit)} between "
        f"{row.price_low:.6g} and {row.price_high:.6g}, the most {since}; "
        + (
            f"{amount(row, 'now', unit)} stand there now."
            if np.isfinite(row.now_median)
            else "the last price is beyond them, where none can stand."
        )
        for row in rows(top)
    ]
