"""The book at one time by liquidation level: density and cumulative curve."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from liqbayes.conventions import has_interval
from liqbayes.plots.bins import (
    bands,
    merge_price,
    outward,
    percent_widths,
    price_edges,
)
from liqbayes.plots.style import (
    COLOUR,
    PRICE,
    PRIOR,
    SIDES,
    compact_ticks,
    log_price_axis,
    need,
    new_figure,
    price_text,
    title,
)

FloatArray = NDArray[np.float64]
_NEEDED = ("quote", "price_low", "price_high", "mark_price", "quote_unit")
# Bins of a drawn profile; the files keep the fine ones.
BINS = 80
DOTS = (0, (1.5, 1.2))


def draw_profile(
    levels: xr.Dataset,
    *,
    prior: xr.Dataset | None = None,
    prior_share: xr.DataArray | None = None,
    label: str = "",
    bins: int = BINS,
) -> Figure:
    """Level density of both sides with 90 % bands around the mark price.

    Parameters
    ----------
    levels : Dataset
        As `liqbayes.outputs.liquidation_levels` returns it.
    prior : Dataset, optional
        The same with ``group="prior"``; its median is drawn for comparison.
    prior_share : DataArray, optional
        Share of the prior in each bin, dims ``side`` and ``price``; bins of which more than half
        is prior are hatched.
    label : str
        Head line, for example the contract.
    bins : int
        Neighbouring bins are added, draw by draw, to about this many.

    Returns
    -------
    matplotlib.figure.Figure
        Quote value per 1 % of price. Below the axis, a strip tells which prices the market has
        visited in the panel.
    """
    need(levels, _NEEDED, "liquidation_levels")
    figure, (ax, strip) = new_figure(2, 1, size=(11.0, 6.0), share_x=True, heights=(1.0, 0.035))
    low_edge, high_edge, top = np.inf, -np.inf, 0.0
    for side in SIDES:
        merged, edges = merge_price(levels["quote"].sel(side=side), price_edges(levels), bins)
        widths = percent_widths(edges)
        low, median, high = (np.asarray(v.to_numpy()) / widths for v in bands(merged))
        _steps(ax, edges, low, median, high, COLOUR[side])
        if prior is not None:
            before, _ = merge_price(prior["quote"].sel(side=side), price_edges(prior), bins)
            middle = np.asarray(bands(before)[1].to_numpy()) / widths
            ax.stairs(
                middle, edges, color=PRIOR, linestyle=(0, (1.5, 1.2)), linewidth=1.4, zorder=4
            )
        if prior_share is not None:
            _hatch_prior(ax, edges, low, high, prior_share.sel(side=side), levels)
        some = (
            np.flatnonzero(high > 0.002 * np.nanmax(high))
            if np.nanmax(high) > 0
            else np.array([], int)
        )
        if len(some):
            low_edge = min(low_edge, edges[some[0]])
            high_edge = max(high_edge, edges[some[-1] + 1])
            top = max(top, float(np.nanquantile(high[high > 0], 0.99)))
    mark = float(levels.attrs["mark_price"])
    _price_frame(ax, levels, low_edge, high_edge)
    # The band of one extreme bin must not flatten the rest; the clipped one is marked.
    if top > 0:
        ax.set_ylim(0.0, 1.12 * top)
    compact_ticks(ax.yaxis)
    ax.set_ylabel(f"{levels.attrs['quote_unit']} per 1 % of price")
    _mark(ax, mark)
    _visited(strip, levels)
    _profile_legend(ax, prior is not None, prior_share is not None)
    title(
        figure,
        _head("Liquidation levels", label),
        f"As of {_when(levels)}, {levels.attrs.get('kind', 'realised')} quantities; "
        f"{_reduced(levels)}, per 1 % of price{_beyond(levels)}.",
    )
    return figure


def draw_cumulative(levels: xr.Dataset, *, label: str = "") -> Figure:
    """What would be liquidated if price moved from the mark to each price, with 90 % bands.

    Parameters
    ----------
    levels : Dataset
        As `liqbayes.outputs.liquidation_levels` returns it.
    label : str
        Head line.

    Returns
    -------
    matplotlib.figure.Figure
        Cumulative quote value, longs to the left of the mark price and shorts to the right.
    """
    need(levels, _NEEDED, "liquidation_levels")
    figure, (ax,) = new_figure(size=(11.0, 5.6))
    edges = price_edges(levels)
    mark = float(levels.attrs["mark_price"])
    for side in SIDES:
        low, median, high = (
            np.asarray(v.to_numpy()) for v in bands(outward(levels["quote"].sel(side=side), side))
        )
        far = edges[:-1] if side == "long" else edges[1:]
        beyond = far < mark if side == "long" else far > mark
        ax.fill_between(
            far[beyond], low[beyond], high[beyond], color=COLOUR[side], alpha=0.25, linewidth=0
        )
        ax.plot(far[beyond], high[beyond], color=COLOUR[side], alpha=0.45, linewidth=0.6)
        ax.plot(far[beyond], median[beyond], color=COLOUR[side], linewidth=1.8)
    _price_frame(ax, levels, float(edges[0]), float(edges[-1]))
    ax.set_ylim(bottom=0.0)
    compact_ticks(ax.yaxis)
    ax.set_ylabel(f"cumulative, {levels.attrs['quote_unit']}")
    ax.set_xlabel(f"price reached ({levels.attrs['quote_unit']}, log scale)")
    _distances(ax, mark)
    _mark(ax, mark)
    _profile_legend(ax, False, False)
    title(
        figure,
        _head("Cumulative liquidations by price reached", label),
        f"As of {_when(levels)}, as if price gapped there now; {_reduced(levels)}, "
        f"{levels.attrs.get('kind', 'realised')} quantities.",
    )
    return figure


def _hatch_prior(
    ax: Axes,
    edges: FloatArray,
    low: FloatArray,
    high: FloatArray,
    share: xr.DataArray,
    levels: xr.Dataset,
) -> None:
    """Hatch the bands of merged bins whose fine bins are on average more than half prior."""
    fine = price_edges(levels)
    middle = np.sqrt(fine[:-1] * fine[1:])
    group = np.searchsorted(edges, middle) - 1
    values = np.asarray(share.to_numpy(), float)
    known = np.isfinite(values)
    count = np.bincount(group[known], minlength=edges.size - 1)
    total = np.bincount(group[known], values[known], minlength=edges.size - 1)
    mostly = (count > 0) & (total > 0.5 * count)
    ax.stairs(
        np.where(mostly, high, np.nan),
        edges,
        baseline=np.where(mostly, low, np.nan),
        fill=True,
        facecolor="none",
        edgecolor=PRIOR,
        hatch="////",
        linewidth=0,
        hatch_linewidth=0.4,
    )


def _steps(
    ax: Axes, edges: FloatArray, low: FloatArray, median: FloatArray, high: FloatArray, colour: str
) -> None:
    reached = np.where(high > 0, high, np.nan)
    median = np.where(high > 0, median, np.nan)
    ax.stairs(reached, edges, baseline=low, fill=True, color=colour, alpha=0.25, linewidth=0)
    # The upper end is drawn as a line too, so that a band above a zero median is not overlooked.
    ax.stairs(reached, edges, color=colour, alpha=0.45, linewidth=0.6)
    ax.stairs(median, edges, color=colour, linewidth=1.6, zorder=3)


def _price_frame(ax: Axes, levels: xr.Dataset, low: float, high: float) -> None:
    mark = float(levels.attrs["mark_price"])
    edges = price_edges(levels)
    if not np.isfinite(low):
        low, high = float(edges[0]), float(edges[-1])
    log_price_axis(ax, "x", min(low, mark / 1.02), max(high, mark * 1.02))


def _mark(ax: Axes, mark: float) -> None:
    ax.axvline(mark, color=PRICE, linewidth=1.0, zorder=5)
    ax.annotate(
        f"mark {price_text(mark)}",
        (mark, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(4, -4),
        textcoords="offset points",
        va="top",
        fontsize=8,
    )


def _distances(ax: Axes, mark: float) -> None:
    """Distance from the mark on a second axis above."""
    other = ax.secondary_xaxis("top")
    moves = np.array([-0.5, -0.3, -0.2, -0.1, -0.05, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0])
    low, high = ax.get_xlim()
    keep = moves[(mark * (1 + moves) > low) & (mark * (1 + moves) < high)]
    other.set_xticks(mark * (1 + keep), [f"{m:+.0%}" for m in keep], fontsize=8)
    other.set_xticks([], minor=True)


def _visited(strip: Axes, levels: xr.Dataset) -> None:
    """Strip under a profile: dark where price has been in the panel."""
    edges = price_edges(levels)
    strip.set_yticks([])
    strip.spines[["left", "bottom"]].set_visible(False)
    strip.set_ylim(0, 1)
    strip.set_xlabel(
        f"price ({levels.attrs['quote_unit']}, log scale); strip: black where price has been in "
        "the panel"
    )
    if "visited" not in levels.variables:
        return
    seen = np.asarray(levels["visited"].to_numpy(), bool)
    strip.stairs(seen.astype(float), edges, fill=True, color="#333333")
    strip.stairs(np.ones(seen.size), edges, fill=True, color="#eeeeee", zorder=0)


def _profile_legend(ax: Axes, prior: bool, hatched: bool) -> None:
    handles: list[Any] = [Patch(color=COLOUR[side], alpha=0.6) for side in SIDES]
    words = ["longs, liquidated when price falls", "shorts, liquidated when price rises"]
    if prior:
        (line,) = ax.plot([], [], color=PRIOR, linestyle=DOTS, linewidth=1.4)
        handles.append(line)
        words.append("prior median")
    if hatched:
        handles.append(Patch(facecolor="none", edgecolor=PRIOR, hatch="////", linewidth=0))
        words.append("mostly prior: over half of its variance is left")
    ax.legend(handles, words, loc="upper left", fontsize=8, frameon=False)


def _beyond(levels: xr.Dataset) -> str:
    """Median share of each side's book that lies outside the grid, in words."""
    if not {"below", "above", "none", "quantity"} <= set(levels.variables):
        return ""
    outside = levels["below"] + levels["above"] + levels["none"]
    share = (outside / (outside + levels["quantity"].sum("price"))).median(("chain", "draw"))
    parts = [f"{side}s {float(share.sel(side=side)):.0%}" for side in SIDES]
    return f"; beyond the grid or without a level: {', '.join(parts)}"


def _reduced(levels: xr.Dataset) -> str:
    """What the drawn numbers are, in words."""
    return "median and 90 % band" if has_interval(levels.sizes) else "no interval"


def _when(levels: xr.Dataset) -> str:
    return f"{str(levels.attrs.get('as_of', 'the last bar'))[:16].replace('T', ' ')} UTC"


def _head(words: str, label: str) -> str:
    return f"{words}, {label}" if label else words
