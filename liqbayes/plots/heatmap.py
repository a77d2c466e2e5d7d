"""Levels over time and price: the median with the price path, and how uncertain it is."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import LogLocator
from numpy.typing import NDArray

from liqbayes.errors import InputError
from liqbayes.plots.bins import percent_widths, price_edges, time_edges
from liqbayes.plots.style import (
    HATCH,
    PRICE,
    SCALE,
    SIDES,
    UNCERTAIN,
    compact,
    compact_ticks,
    log_price_axis,
    need,
    new_figure,
    time_axis,
    title,
)

FloatArray = NDArray[np.float64]
# Decades that the colour scale covers below its top.
DECADES = 1.5
# Relative widths between which the uncertainty map tells apart.
WIDTHS = (0.1, 10.0)
_NEEDED = ("quantity", "mean", "close", "price_low", "price_high", "unit", "time")


def draw_heatmap(data: xr.Dataset, *, label: str = "", decades: float = DECADES) -> Figure:
    """Median quantity with a liquidation level in each price bin, over time, with the price path.

    Parameters
    ----------
    data : Dataset
        As `liqbayes.outputs.liquidation_heatmap` returns it.
    label : str
        Head line, for example the contract.
    decades : float
        Powers of ten that the colour scale covers.

    Returns
    -------
    matplotlib.figure.Figure
        Amounts per 1 % of price. A bin is left white only if it is below the scale with 95 %
        probability; a bin whose median is below the scale and whose 95 % quantile is not is grey
        and hatched, so that unknown never looks like empty. A rule has no quantiles, so that its
        white bins are only what its one book does not hold.
    """
    need(data, _NEEDED, "liquidation_heatmap")
    edges, columns = price_edges(data), time_edges(data["time"].to_numpy())
    widths = percent_widths(edges)
    median, upper = (_density(data["quantity"].sel(quantile=q), widths) for q in (0.5, 0.95))
    known = _known(data)
    upper = upper if known else median
    top = _top(median if (median > 0).any() else upper)
    floor = top / 10.0**decades
    norm = LogNorm(floor, top)
    figure, (ax,) = new_figure(size=(12.0, 6.4))
    unsure = (np.nanmax(median, axis=0) < floor) & (np.nanmax(upper, axis=0) >= floor)
    _hatch(ax, columns, edges, unsure)
    for i, side in enumerate(SIDES):
        shown = np.ma.masked_where(~(median[i] >= floor), median[i])
        mesh = ax.pcolormesh(
            columns, edges, shown.T, cmap=SCALE[side], norm=norm, rasterized=True, zorder=2
        )
        bar = figure.colorbar(mesh, ax=ax, fraction=0.03, pad=0.01, aspect=32, extend="max")
        which = ", median" if known else ""
        bar.set_label(f"{side} levels: {data.attrs['unit']} per 1 % of price{which} (log scale)")
        bar.ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        compact_ticks(bar.ax.yaxis)
    _price_path(ax, data)
    shown_rows = (np.nanmax(upper, axis=0) >= floor).any(axis=0)
    _frame(ax, data, edges, shown_rows)
    amount = f"{compact(floor)} {data.attrs['unit']}"
    handles = [Patch(facecolor="white", edgecolor="#bbbbbb"), ax.lines[0]]
    words = [
        f"below {amount}" + (" with 95 % probability" if known else ""),
        "price (bar close)",
    ]
    if known:
        handles.insert(0, Patch(facecolor=UNCERTAIN, edgecolor=HATCH, hatch="////"))
        words.insert(0, f"uncertain: median below {amount}, 95 % quantile above it")
    _bridged(ax, data, handles, words)
    _outside(ax, data, edges, handles, words)
    _legend(ax, handles, words)
    title(figure, _head("Liquidation levels over time", label), _kind(data))
    return figure


def draw_uncertainty(
    data: xr.Dataset, *, label: str = "", decades: float = DECADES, share: float = 0.05
) -> Figure:
    """How well each bin of the heatmap is known.

    Parameters
    ----------
    data : Dataset
        As `liqbayes.outputs.liquidation_heatmap` returns it, with ``p_above``.
    label : str
        Head line.
    decades : float
        As for `draw_heatmap`: decides which bins count as surely empty.
    share : float
        Probabilities below it are left white in the lower panel.

    Returns
    -------
    matplotlib.figure.Figure
        Above, the width of the 90 % interval over the mean: 0.1 is a quantity known to about
        5 %, 3 one of which little more than its order of magnitude is known. Below,
        P(quantity > threshold). In both, of the side with the larger mean.

    Raises
    ------
    InputError
        If the heatmap is of a single draw, such as a rule's.
    """
    need(data, (*_NEEDED, "p_above"), "liquidation_heatmap")
    if not _known(data):
        raise InputError(
            "this heatmap is of one draw, as a rule's is: there is no uncertainty to draw. Draw "
            "the heatmap itself, or fit a sampled model."
        )
    edges, columns = price_edges(data), time_edges(data["time"].to_numpy())
    widths = percent_widths(edges)
    low, median, high = (
        _density(data["quantity"].sel(quantile=q), widths) for q in (0.05, 0.5, 0.95)
    )
    mean = np.nan_to_num(_density(data["mean"], widths))
    side = np.argmax(mean, axis=0)[None]
    low, high, mean = (np.take_along_axis(v, side, 0)[0] for v in (low, high, mean))
    above = np.take_along_axis(_ordered(data["p_above"]), side, 0)[0]
    floor = _top(median if (median > 0).any() else high) / 10.0**decades
    with np.errstate(invalid="ignore", divide="ignore"):
        width = (high - low) / mean
    figure, (first, second) = new_figure(2, 1, size=(12.0, 9.0), share_x=True, share_y=True)
    panels: list[tuple[Axes, Any, Normalize, str]] = [
        (
            first,
            np.ma.masked_where(~(high >= floor), width),
            LogNorm(*WIDTHS),
            "width of the 90 % interval / mean (log scale)",
        ),
        (
            second,
            np.ma.masked_where(~(above >= share), above),
            Normalize(0, 1),
            f"P(quantity > {_threshold(data)})",
        ),
    ]
    for ax, values, norm, words in panels:
        mesh = ax.pcolormesh(columns, edges, values.T, cmap="cividis_r", norm=norm, rasterized=True)
        ends = "both" if isinstance(norm, LogNorm) else "neither"
        bar = figure.colorbar(mesh, ax=ax, fraction=0.03, pad=0.01, aspect=28, extend=ends)
        bar.set_label(words)
        if isinstance(norm, LogNorm):
            bar.ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            compact_ticks(bar.ax.yaxis)
        _price_path(ax, data)
        _frame(ax, data, edges, (high >= floor).any(axis=0))
    unit = data.attrs["unit"]
    white = (
        f"below {compact(floor)} {unit} per 1 % of price with 95 % probability",
        f"probability below {share:g}",
    )
    for (ax, *_), text in zip(panels, white, strict=True):
        ax.legend(
            [Patch(facecolor="white", edgecolor="#bbbbbb"), ax.lines[0]],
            [f"white: {text}", "price (bar close)"],
            loc="upper left",
            fontsize=8,
            framealpha=0.9,
            edgecolor="none",
        )
    title(figure, _head("How well the levels are known", label), _kind(data))
    return figure


def _known(data: xr.Dataset) -> bool:
    """Whether there are quantiles beside the median."""
    return bool(data["quantity"].sel(quantile=0.95).notnull().any())


def _ordered(values: xr.DataArray) -> FloatArray:
    """Values as (side, time, price), sides in the order of `SIDES`."""
    chosen = values.sel(side=list(SIDES)).transpose("side", "time", "price")
    return np.asarray(chosen.to_numpy(), float)


def _density(values: xr.DataArray, widths: FloatArray) -> FloatArray:
    return np.asarray(_ordered(values) / widths, float)


def _top(values: FloatArray) -> float:
    """Top of the colour scale: the 99.7 % quantile of what is not empty."""
    positive = values[np.isfinite(values) & (values > 0)]
    return float(np.quantile(positive, 0.997)) if positive.size else 1.0


def _hatch(ax: Axes, columns: Any, edges: FloatArray, mask: NDArray[np.bool_]) -> None:
    """Light grey with hatching where the mask is true."""
    if not mask.any():
        return
    flat = np.ma.masked_where(~mask, np.ones(mask.shape))
    grey = ListedColormap([UNCERTAIN])
    ax.pcolormesh(columns, edges, flat.T, cmap=grey, rasterized=True, zorder=1)
    # One-column or one-row maps have no contours; the grey alone must do there.
    if min(mask.shape) < 2:
        return
    middle = np.sqrt(edges[:-1] * edges[1:])
    centre = columns[:-1] + np.diff(columns) / 2
    region = ax.contourf(
        centre, middle, mask.T.astype(float), levels=[0.5, 1.5], colors="none", hatches=["////"]
    )
    region.set_zorder(1.5)
    region.set_edgecolor(HATCH)
    region.set_linewidth(0.0)
    region.set_hatch_linewidth(0.35)


def _price_path(ax: Axes, data: xr.Dataset) -> None:
    """Line of closes at the end of each bar, with a white rim that separates it from the map."""
    ends = time_edges(data["time"].to_numpy())[1:]
    close = np.asarray(data["close"].to_numpy(), float)
    ax.plot(
        ends,
        close,
        color=PRICE,
        linewidth=1.1,
        zorder=4,
        path_effects=[Stroke(linewidth=2.8, foreground="white"), Normal()],
    )


def _frame(ax: Axes, data: xr.Dataset, edges: FloatArray, shown: NDArray[np.bool_]) -> None:
    """Axes around what is there: bins with something to see, and the price path."""
    close = np.asarray(data["close"].to_numpy(), float)
    low, high = float(np.nanmin(close)), float(np.nanmax(close))
    rows = np.flatnonzero(shown)
    if rows.size:
        low, high = min(low, edges[rows[0]]), max(high, edges[rows[-1] + 1])
    margin = (high / low) ** 0.02
    log_price_axis(ax, "y", low / margin, high * margin)
    ax.set_ylabel(f"price ({data.attrs.get('quote_unit', 'quote')}, log scale)")
    columns = time_edges(data["time"].to_numpy())
    ax.set_xlim(columns[0], columns[-1])
    time_axis(ax)
    ax.label_outer()


def _outside(
    ax: Axes, data: xr.Dataset, edges: FloatArray, handles: list[Any], words: list[str]
) -> None:
    """Dots where price left the grid: nothing is known there, which is not nothing."""
    close = np.asarray(data["close"].to_numpy(), float)
    limits = ax.get_ylim()
    look: dict[str, Any] = {
        "facecolor": "white",
        "edgecolor": "#999999",
        "hatch": "..",
        "linewidth": 0.0,
    }
    spans = [
        span
        for span, left in (
            ((limits[0], edges[0]), np.nanmin(close) < edges[0]),
            ((edges[-1], limits[1]), np.nanmax(close) > edges[-1]),
        )
        if left
    ]
    for low, high in spans:
        ax.axhspan(low, high, zorder=0.5, **look)
    if spans:
        handles.append(Patch(**look))
        words.append("outside the price grid")


def _bridged(ax: Axes, data: xr.Dataset, handles: list[Any], words: list[str]) -> None:
    """A black strip at the bottom where open interest was unknown and bridged."""
    if "bridged" not in data or not bool(data["bridged"].any()):
        return
    columns = time_edges(data["time"].to_numpy())
    mask = np.ma.masked_where(~data["bridged"].to_numpy().astype(bool), np.ones(columns.size - 1))
    ax.pcolormesh(
        columns,
        np.array([0.0, 0.012]),
        mask[None, :],
        cmap=ListedColormap([PRICE]),
        transform=ax.get_xaxis_transform(),
        zorder=5,
    )
    handles.append(Patch(facecolor=PRICE))
    words.append("open interest unknown, bridged")


def _legend(ax: Axes, handles: list[Any], words: list[str]) -> None:
    ax.legend(
        handles,
        words,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.09),
        ncols=len(words),
        fontsize=8,
        frameon=False,
    )


def _threshold(data: xr.Dataset) -> str:
    """The threshold of ``p_above`` in words."""
    value = data.attrs.get("threshold", data["p_above"].attrs.get("threshold"))
    unit = data.attrs["unit"]
    return "threshold" if value is None else f"{compact(float(value))} {unit} in the bin"


def _head(words: str, label: str) -> str:
    return f"{words}, {label}" if label else words


def _kind(data: xr.Dataset) -> str:
    kind = data.attrs.get("kind", "realised")
    what = "Posterior of the open" if _known(data) else "Open"
    return (
        f"{what} positions by liquidation level ({kind} quantities), normalised per 1 % of price; "
        "longs below, shorts above the price."
    )
