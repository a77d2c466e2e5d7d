"""Leverage and entry prices: prior against posterior."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

from liqbayes.conventions import has_interval
from liqbayes.plots.bins import bands, merge_price, percent_widths, price_edges
from liqbayes.plots.style import (
    COLOUR,
    PRICE,
    PRIOR,
    SIDES,
    log_price_axis,
    need,
    new_figure,
    price_text,
    title,
)

FloatArray = NDArray[np.float64]
_TICKS = (0.2, 0.5, 1, 2, 3, 5, 10, 20, 50, 100, 200)
ENTRY_BINS = 200
_RULE = "no interval"


def draw_leverage(
    posterior: xr.DataArray, prior: xr.DataArray | None = None, *, label: str = ""
) -> Figure:
    """Distribution of effective leverage on each side, posterior and prior with 90 % bands.

    Parameters
    ----------
    posterior : DataArray
        As `liqbayes.outputs.leverage_distribution` returns it.
    prior : DataArray, optional
        The same with ``group="prior"``.
    label : str
        Head line, for example the contract.

    Returns
    -------
    matplotlib.figure.Figure
        Share per doubling of leverage; the area over any range of the axis is the share in it.
        Cells without a lower or upper limit have no density and are written out. Of a rule, whose
        leverages are fixed, the share at each.
    """
    _need_cells(posterior)
    if not _contiguous(posterior):
        return _draw_fixed(posterior, label)
    figure, axes = new_figure(1, 2, size=(11.0, 4.8), share_y=True)
    for ax, side in zip(axes, SIDES, strict=True):
        if prior is not None:
            _need_cells(prior)
            low, middle, high, edges, _ = _per_doubling(prior.sel(side=side))
            _band(ax, edges, low, middle, high, PRIOR, "prior", hatch="....")
        low, middle, high, edges, words = _per_doubling(posterior.sel(side=side))
        _band(ax, edges, low, middle, high, COLOUR[side], "posterior")
        ax.set_xscale("log")
        ax.set_xlim(edges[0], edges[-1])
        ax.xaxis.set_major_locator(FixedLocator([t for t in _TICKS if edges[0] <= t <= edges[-1]]))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}x"))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:.0%}"))
        ax.set_xlabel("effective leverage (log scale)")
        ax.legend(loc="upper right", fontsize=8, frameon=False, title=f"{side}s")
        if words:
            ax.annotate(
                words, (0.02, 0.98), xycoords="axes fraction", va="top", fontsize=8, color="#444444"
            )
    axes[0].set_ylabel("share per doubling of leverage")
    # room for the words on the open cells
    axes[0].set_ylim(0.0, 1.1 * axes[0].get_ylim()[1])
    weighting = str(posterior.attrs.get("weighting", "open_interest")).replace("_", " ")
    title(
        figure,
        _head("Leverage, prior against posterior", label),
        f"Weighted by {weighting}; median and 90 % band. Leverage as the distance of the level "
        "implies it.",
    )
    return figure


def draw_entry(
    posterior: xr.Dataset,
    prior: xr.Dataset | None = None,
    *,
    label: str = "",
    bins: int = ENTRY_BINS,
) -> Figure:
    """Entry prices of the living positions, posterior and prior with 90 % bands.

    Parameters
    ----------
    posterior : Dataset
        As `liqbayes.outputs.entry_price_distribution` returns it.
    prior : Dataset, optional
        The same with ``group="prior"``.
    label : str
        Head line.
    bins : int
        Neighbouring bins are added, draw by draw, to about this many.

    Returns
    -------
    matplotlib.figure.Figure
        Share of the side's open interest per 1 % of price, with the average entry price.
    """
    need(posterior, ("share", "vwap", "price_low", "price_high"), "entry_price_distribution")
    known = has_interval(posterior.sizes)
    figure, axes = new_figure(2, 1, size=(11.0, 6.6), share_x=True)
    low_edge, high_edge = np.inf, -np.inf
    for ax, side in zip(axes, SIDES, strict=True):
        if prior is not None:
            low, middle, high, edges = _per_percent(prior, side, bins)
            _band(ax, edges, low, middle, high, PRIOR, "prior", hatch="....")
        low, middle, high, edges = _per_percent(posterior, side, bins)
        a, m, b = (float(v) for v in bands(posterior["vwap"].sel(side=side)))
        words = f"average entry {price_text(m)}"
        if known:
            _band(ax, edges, low, middle, high, COLOUR[side], "posterior")
            ax.axvspan(a, b, color=PRICE, alpha=0.15, linewidth=0)
            words += f" [{price_text(a)}, {price_text(b)}]"
        elif not np.isfinite(m):
            ax.annotate("nothing open", (0.5, 0.5), xycoords="axes fraction", ha="center")
            ax.set_ylabel(f"{side}s")
            continue
        else:
            ax.stairs(middle, edges, color=COLOUR[side], linewidth=1.7, label="entries")
        some = np.flatnonzero(high > 0.002 * np.nanmax(high))
        low_edge, high_edge = min(low_edge, edges[some[0]]), max(high_edge, edges[some[-1] + 1])
        ax.axvline(m, color=PRICE, linewidth=1.0, linestyle="--", label=words)
        ax.set_ylim(bottom=0.0)
        ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{100 * v:.3g}%"))
        ax.set_ylabel("share per 1 % of price")
        ax.legend(loc="upper left", fontsize=8, frameon=False, title=f"{side}s")
    for ax in axes:
        if np.isfinite(low_edge):
            log_price_axis(ax, "x", low_edge, high_edge)
    axes[-1].set_xlabel("entry price (log scale)")
    title(
        figure,
        _head("Entry prices, prior against posterior" if known else "Entry prices", label),
        f"Share of each side's open interest; {'median and 90 % band' if known else _RULE}.",
    )
    return figure


def _contiguous(data: xr.DataArray) -> bool:
    """Whether the cells lie edge to edge, not at single leverages."""
    low = np.sort(np.asarray(data["leverage_low"].to_numpy(), float))
    high = np.sort(np.asarray(data["leverage_high"].to_numpy(), float))
    return bool(np.allclose(low[1:], high[:-1], rtol=1e-6))


def _draw_fixed(shares: xr.DataArray, label: str) -> Figure:
    """Shares at leverages fixed by hand."""
    figure, axes = new_figure(1, 2, size=(11.0, 4.8), share_y=True)
    order = np.argsort(shares["leverage_low"].to_numpy())
    limits = (shares[f"leverage_{end}"].to_numpy()[order] for end in ("low", "high"))
    leverage = np.sqrt(np.prod(np.stack(list(limits)), axis=0))
    for ax, side in zip(axes, SIDES, strict=True):
        middle = np.asarray(bands(shares.sel(side=side))[1].to_numpy(), float)[order]
        if np.isfinite(middle).all():
            ax.bar(range(order.size), middle, color=COLOUR[side], width=0.6)
        else:
            ax.annotate("nothing open", (0.5, 0.5), xycoords="axes fraction", ha="center")
        ax.set_xticks(range(order.size), [f"{x:.4g}x" for x in leverage])
        ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:.0%}"))
        ax.set_xlabel(f"{side}s, leverage")
    axes[0].set_ylabel("share")
    axes[0].set_ylim(bottom=0.0)
    weighting = str(shares.attrs.get("weighting", "open_interest")).replace("_", " ")
    title(
        figure,
        _head("Leverage", label),
        f"Weighted by {weighting}; leverages fixed by hand; {_RULE}.",
    )
    return figure


def _need_cells(data: xr.DataArray) -> None:
    need(
        data.to_dataset(name="share"),
        ("side", "leverage_low", "leverage_high"),
        "leverage_distribution",
    )


def _per_doubling(
    share: xr.DataArray,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, str]:
    """Quantiles per doubling over closed cells in ascending order; open cells in words."""
    low = np.asarray(share["leverage_low"].to_numpy(), float)
    high = np.asarray(share["leverage_high"].to_numpy(), float)
    closed = (low > 0) & np.isfinite(high)
    order = np.flatnonzero(closed)[np.argsort(low[closed])]
    width = np.log2(high[order] / low[order])
    cut = [np.asarray(v.to_numpy(), float) for v in bands(share)]
    words = []
    for i in np.flatnonzero(~closed):
        limit = f"below {high[i]:g}x" if np.isfinite(high[i]) else f"above {low[i]:g}x"
        words.append(f"{limit}: {cut[1][i]:.1%} [{cut[0][i]:.1%}, {cut[2][i]:.1%}]")
    quantiles = [c[order] / width for c in cut]
    edges = np.append(low[order], high[order][-1])
    return quantiles[0], quantiles[1], quantiles[2], edges, "\n".join(words)


def _per_percent(
    data: xr.Dataset, side: str, bins: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    merged, edges = merge_price(data["share"].sel(side=side), price_edges(data), bins)
    widths = percent_widths(edges)
    low, middle, high = (np.asarray(v.to_numpy(), float) / widths for v in bands(merged))
    return low, middle, high, edges


def _band(
    ax: Axes,
    edges: FloatArray,
    low: FloatArray,
    middle: FloatArray,
    high: FloatArray,
    colour: str,
    name: str,
    hatch: str | None = None,
) -> None:
    """Median line over a 90 % band; the prior is hatched, not filled, to stay visible in print."""
    if hatch is None:
        ax.stairs(
            high,
            edges,
            baseline=low,
            fill=True,
            color=colour,
            alpha=0.3,
            linewidth=0,
            label=f"{name}, 90 % band",
        )
    else:
        ax.stairs(
            high,
            edges,
            baseline=low,
            fill=True,
            facecolor="none",
            edgecolor="#bdbdbd",
            hatch=hatch,
            linewidth=0,
            label=f"{name}, 90 % band",
        )
    style = "-" if hatch is None else (0, (1.5, 1.2))
    ax.stairs(middle, edges, color=colour, linewidth=1.7, linestyle=style, label=f"{name}, median")


def _head(words: str, label: str) -> str:
    return f"{words}, {label}" if label else words
