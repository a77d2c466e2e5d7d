"""ΔL: long minus short liquidations by window."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from liqbayes.conventions import has_interval
from liqbayes.plots.style import COLOUR, PRICE, compact, compact_ticks, need, new_figure, title

INTERVAL = (0.05, 0.5, 0.95)


def draw_delta(data: xr.Dataset, *, label: str = "", unit: str = "") -> Figure:
    """ΔL, long and short liquidations by window, with 90 % intervals and P(ΔL > 0).

    Parameters
    ----------
    data : Dataset
        As `liqbayes.outputs.liquidation_delta` returns it.
    label : str
        Head line, for example the contract.
    unit : str
        Quote unit, where the Dataset's attributes do not say it.

    Returns
    -------
    matplotlib.figure.Figure
        One row a window on a scale that is linear near zero and logarithmic beyond. A window that
        the panel does not cover says so instead of showing zero.
    """
    need(data, ("long", "short", "delta", "window"), "liquidation_delta")
    windows = [str(w) for w in data["window"].to_numpy()]
    figure, (ax,) = new_figure(size=(11.0, 1.9 + 0.62 * len(windows)))
    linear = _linear_range(data)
    known = has_interval(data.sizes)
    ax.set_xscale("symlog", linthresh=linear, linscale=0.6)
    for row, window in enumerate(windows):
        here = data.sel(window=window)
        if not bool(np.isfinite(here["delta"]).any()):
            ax.text(
                0.0,
                row,
                "not covered by the panel: unknown",
                ha="center",
                va="center",
                fontsize=8,
                style="italic",
                color="#555555",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
            )
            continue
        for name, sign, shift in (("long", 1.0, -0.24), ("short", -1.0, 0.24)):
            low, middle, high = _interval(sign * here[name])
            ax.plot(
                [low, high],
                [row + shift] * 2,
                color=COLOUR[name],
                linewidth=2.2,
                alpha=0.8,
                solid_capstyle="butt",
            )
            ax.plot([middle], [row + shift], marker="|", markersize=7, color=COLOUR[name])
        low, middle, high = _interval(here["delta"])
        ax.plot([low, high], [row] * 2, color=PRICE, linewidth=3.0, solid_capstyle="butt", zorder=3)
        ax.plot(
            [middle],
            [row],
            marker="o",
            markersize=6,
            color="white",
            markeredgecolor=PRICE,
            markeredgewidth=1.5,
            zorder=4,
        )
        words = compact(middle)
        if known:
            positive = float((here["delta"] > 0).mean())
            words += f"  [{compact(low)}, {compact(high)}]   P(ΔL > 0) = {positive:.2f}"
        ax.annotate(
            words,
            (1.01, row),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
        )
    ax.axvline(0.0, color="#777777", linewidth=0.8, zorder=0)
    ax.set_yticks(range(len(windows)), [f"last {w}" for w in windows])
    ax.set_ylim(len(windows) - 0.5, -0.6)
    _ticks(ax, linear)
    compact_ticks(ax.xaxis)
    ax.tick_params(axis="x", labelsize=8)
    quote = unit or str(data.attrs.get("quote_unit", "quote"))
    ax.set_xlabel(f"{quote}; linear within ±{compact(linear)}, logarithmic beyond")
    ax.plot([], [], color=PRICE, linewidth=3.0, label="ΔL = long − short")
    ax.plot([], [], color=COLOUR["long"], linewidth=2.2, label="long liquidations")
    ax.plot(
        [], [], color=COLOUR["short"], linewidth=2.2, label="short liquidations (drawn negative)"
    )
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3, fontsize=8, frameon=False)
    head = "Liquidations, long minus short"
    title(
        figure,
        f"{head}, {label}" if label else head,
        f"{'Median and 90 % interval' if known else 'No interval'}; positive: more longs were "
        "liquidated. Describes the past, forecasts nothing.",
    )
    return figure


def _interval(values: xr.DataArray) -> tuple[float, float, float]:
    low, middle, high = np.quantile(values.to_numpy(), INTERVAL)
    return float(low), float(middle), float(high)


def _linear_range(data: xr.Dataset) -> float:
    """Half-width of the linear part: the decade of the smallest median, at most 3 below the top."""
    middle = [
        float(np.nanmedian(data[name].sel(window=w)))
        for name in ("long", "short")
        for w in data["window"].to_numpy()
        if bool(np.isfinite(data[name].sel(window=w)).any())
    ]
    positive = [m for m in middle if m > 0]
    if not positive:
        return 1.0
    least, most = np.floor(np.log10([min(positive), max(positive)]))
    return float(10.0 ** max(least, most - 2.0))


def _ticks(ax: Axes, linear: float) -> None:
    """Zero and the decades of the logarithmic parts; automatic ticks crowd around zero."""
    reach = max(abs(v) for v in ax.get_xlim())
    decades = linear * 10.0 ** np.arange(0.0, np.floor(np.log10(reach / linear)) + 1.0)
    ax.set_xticks([*-decades[::-1], 0.0, *decades])
    ax.set_xticks([], minor=True)
