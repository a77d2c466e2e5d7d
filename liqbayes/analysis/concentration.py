"""Concentration of levels around the price, through time."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from liqbayes.analysis.book import BookAt
from liqbayes.analysis.section import Section
from liqbayes.analysis.tables import amount, percent, put, rows
from liqbayes.conventions import MOVES
from liqbayes.errors import InputError
from liqbayes.model.data import SIDES
from liqbayes.outputs import thin
from liqbayes.outputs.context import Context, open_fit
from liqbayes.outputs.noise import lumpy_shares

if TYPE_CHECKING:
    from liqbayes.analysis.workspace import Workspace

FloatArray = NDArray[np.float64]

#: Cells of one per cent of adverse move each, counted from the close.
CELLS = 30
#: Bars that the topic looks at, evenly spaced, and draws it takes for them.
BARS, DRAWS = 24, 250
#: Adverse move whose share is told in words.
NEAR = 0.05


def gini(masses: FloatArray) -> FloatArray:
    """Gini coefficient of masses along the last axis: 0 all equal, ``1 - 1/n`` all in one.

    ``sum_i (2 i - n - 1) x_i / (n sum x)`` with ``x`` ascending (Sen 1973, On Economic Inequality,
    ch. 2; Gini 1912). NaN where there is nothing.
    """
    ordered = np.sort(np.asarray(masses, float), axis=-1)
    n = ordered.shape[-1]
    rank = 2.0 * np.arange(1, n + 1) - n - 1.0
    total = ordered.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(total > 0, ordered @ rank / (n * total), np.nan))


def herfindahl(masses: FloatArray) -> FloatArray:
    """Sum of squared shares along the last axis: ``1/n`` all equal, 1 all in one.

    The Herfindahl-Hirschman index (Hirschman 1964, American Economic Review 54, 761); its inverse
    is the effective number of cells. NaN where there is nothing.
    """
    values = np.asarray(masses, float)
    total = values.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(total > 0, (values**2).sum(axis=-1) / total**2, np.nan))


def level_concentration(
    fit: xr.DataTree,
    *,
    bars: int = BARS,
    cells: int = CELLS,
    kind: str = "realised",
    group: str = "posterior",
) -> xr.Dataset:
    """Measure how concentrated the levels around the price were, at evenly spaced bars.

    At each bar the levels of a side are counted in cells of one per cent of adverse move from that
    bar's close, exactly. The parameters are those of the whole fit. Both indices depend on the cell
    width and, with ``kind="realised"``, on how lumpy the book is.

    Parameters
    ----------
    fit : DataTree
    bars : int
        Bars to look at, the last one included.
    cells : int
        Cells of 1 %.
    kind : {"realised", "expected"}
        With or without the lumpiness of a real book.
    group : {"posterior", "prior"}

    Returns
    -------
    Dataset
        ``herfindahl`` and ``gini`` of the cells (chain, draw, side, time), and ``share`` (chain,
        draw, side, time, move): share of the side's open interest within adverse moves of 1, 2, 5,
        10, 20 and 30 %, as far as the cells go. NaN where a rule's book is empty.

    Raises
    ------
    InputError
        On fewer than one bar, or cells that do not lie between 2 and 99.
    """
    if bars < 1 or not 2 <= cells <= 99:
        raise InputError(f"bars is {bars} and cells {cells}; use 1 or more, and 2 to 99.")
    context = open_fit(fit, group, kind)
    data = context.evaluator.data
    first = max(data.path.segments[-1][0], data.n_history)
    shown = np.unique(np.linspace(first, context.last, bars).round().astype(int))
    books = [
        [BookAt.of(context, s, int(t), _edges(context, s, t, cells)) for s in SIDES] for t in shown
    ]
    moves = tuple(m for m in MOVES if round(100 * m) <= cells)
    masses = np.zeros((*context.shape, len(SIDES), shown.size, cells))
    total = np.zeros(masses.shape[:-1])
    rng = context.rng(21)
    for draw in context.draws():
        for j, side in enumerate(SIDES):
            for i, book in enumerate(books):
                values = book[j].columns(draw)[::-1]
                whole = book[j].total(draw)
                if context.kind == "realised" and whole > 0:
                    positions = context.evaluator.value(draw.p, "effective_positions", side)
                    rest = max(1.0 - values.sum() / whole, 0.0)
                    shares = np.append(values / whole, rest)
                    values = lumpy_shares(shares / shares.sum(), positions, rng)[:-1] * whole
                at = (*draw.index, j, i)
                masses[at], total[at] = values, whole
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.cumsum(masses, axis=-1) / np.where(total > 0, total, np.nan)[..., None]
    dims = ("chain", "draw", "side", "time")
    return xr.Dataset(
        {
            "herfindahl": (dims, herfindahl(masses)),
            "gini": (dims, gini(masses)),
            "share": ((*dims, "move"), share[..., [round(100 * m) - 1 for m in moves]]),
        },
        coords={
            **context.coords(),
            "time": np.asarray(context.panel.time)[shown - data.n_history],
            "close": ("time", data.path.close[shown]),
            "move": list(moves),
        },
        attrs=context.attrs(),
    )


def _edges(context: Context, side: str, at: int, cells: int) -> FloatArray:
    """Oriented log prices of adverse moves of 0, 1, ... per cent from a close, ascending."""
    close = float(context.evaluator.data.path.close[at])
    moves = np.arange(cells, -1, -1) / 100.0
    return np.asarray(
        np.log(close * (1.0 - moves)) if side == "long" else -np.log(close * (1.0 + moves))
    )


def section(work: "Workspace") -> Section:
    """Indices and near shares through time."""
    values = level_concentration(thin(work.fit, min(DRAWS, work.options.draws)))
    indices, near = [], []
    for side in SIDES:
        table = pd.DataFrame({"time": values["time"].to_numpy(), "side": side})
        table["close"] = values["close"].to_numpy()
        for name in ("herfindahl", "gini"):
            put(table, name, values[name].sel(side=side))
        indices.append(table)
        for move in values["move"].to_numpy():
            within = pd.DataFrame({"time": table["time"], "side": side, "move": move})
            put(within, "share", values["share"].sel(side=side, move=move))
            near.append(within)
    time, within = (pd.concat(parts, ignore_index=True) for parts in (indices, near))
    now = within[within["time"] == within["time"].max()]
    findings = [
        f"Within {100 * row.move:.3g} % of the price stand now {percent(row, 'share')} of the "
        f"{row.side}s' open interest."
        for row in rows(now[now["move"] == NEAR])
    ] + [
        f"Over cells of 1 % up to {CELLS} % {row.side}s now have a Herfindahl index of "
        f"{amount(row, 'herfindahl')} and a Gini coefficient of {amount(row, 'gini')}."
        for row in rows(time.groupby("side", sort=False).tail(1))
    ]
    return Section(
        "concentration",
        "Concentration of levels around the price",
        {"now": now.drop(columns="time"), "time": time, "within": within},
        tuple(findings),
        (),
        {"share": "share of the side's open interest", "close": str(values.attrs["quote_unit"])},
    )
