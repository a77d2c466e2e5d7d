"""Colours, number formats and figures that every plot shares.

Figures are made without pyplot: no global state, no rcParams, nothing happens on import. Long and
short are blue and orange (told apart with every common colour deficiency), each scale runs from
light to dark, so that it survives a grey print.
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator
from PIL import Image

from liqbayes.errors import InputError

SIDES = ("long", "short")
COLOUR = {"long": "#1f5fa8", "short": "#c8620a"}
PRICE = "#111111"
PRIOR = "#6f6f6f"
UNCERTAIN = "#e4e4e4"
HATCH = "#9a9a9a"
SCALE = {
    "long": LinearSegmentedColormap.from_list(
        "liqbayes_long", ["#c3daf2", "#74a9dd", "#1f5fa8", "#08234f"]
    ),
    "short": LinearSegmentedColormap.from_list(
        "liqbayes_short", ["#fcd9b0", "#f5a040", "#c8620a", "#5a2400"]
    ),
}
DOTS_PER_INCH = 150
_LINES_PER_INCH = 110
# Colours of a picture of lines, shades of their edges included.
PALETTE = 128


def new_figure(
    rows: int = 1,
    columns: int = 1,
    *,
    size: tuple[float, float],
    share_x: bool = False,
    share_y: bool = False,
    heights: Sequence[float] | None = None,
) -> tuple[Figure, list[Axes]]:
    """A figure with its own canvas and its axes, row by row."""
    figure = Figure(figsize=size, dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(
        rows,
        columns,
        sharex=share_x,
        sharey=share_y,
        squeeze=False,
        height_ratios=heights,
    )
    axes: list[Axes] = list(grid.ravel())
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save(figure: Figure, path: str | Path, *, lines: bool = False) -> None:
    """Write a figure to a file; the ending of the name chooses the format.

    A picture of ``lines`` and areas of few colours is written with a palette and fewer dots: as a
    PNG it takes a quarter as much, which counts where pictures are kept under version control.
    """
    if not lines or Path(path).suffix != ".png":
        figure.savefig(path, dpi=DOTS_PER_INCH)
        return
    drawn = BytesIO()
    figure.savefig(drawn, dpi=_LINES_PER_INCH, format="png")
    full = Image.open(drawn).convert("RGB")
    full.quantize(PALETTE, dither=Image.Dither.NONE).save(path, "PNG", optimize=True)


def title(figure: Figure, head: str, detail: str) -> None:
    """Head line and, smaller, what the numbers are."""
    figure.suptitle(head, x=0.01, ha="left", fontsize=13, fontweight="bold")
    ax = figure.axes[0]
    ax.set_title(detail, loc="left", fontsize=9, color="#333333")


def compact(value: float) -> str:
    """``1234567`` as ``1.23M``; NaN as ``unknown``."""
    if not np.isfinite(value):
        return "unknown"
    for limit, suffix in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit * 0.99995:
            return f"{value / limit:.3g}{suffix}"
    return f"{value:.3g}"


def compact_ticks(axis: Any) -> None:
    """Ticks such as 20M on an axis."""
    axis.set_major_formatter(FuncFormatter(lambda v, _: "0" if v == 0 else compact(v)))


def price_text(value: float) -> str:
    """A price with as many digits as its size asks for."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.4g}"


def log_price_axis(ax: Axes, which: str, low: float, high: float) -> None:
    """Logarithmic price axis with readable ticks over a range that is often below one decade."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    (ax.set_xscale if which == "x" else ax.set_yscale)("log")
    (ax.set_xlim if which == "x" else ax.set_ylim)(low, high)
    if high / low > 20:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    else:
        axis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 2.5, 5, 10]))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda v, _: price_text(v)))


def time_axis(ax: Axes) -> None:
    """Dates on the horizontal axis, as short as their range allows."""
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    ax.set_xlabel("time (UTC)")


def need(data: Any, names: Sequence[str], what: str) -> None:
    """Raise unless a Dataset has the variables, coordinates or attributes a plot needs.

    Raises
    ------
    InputError
        Naming what is missing and where such data come from.
    """
    missing = [
        n for n in names if n not in data.variables and n not in data.attrs and n not in data.dims
    ]
    if missing:
        raise InputError(
            f"this plot needs what {what} returns; {', '.join(missing)} is missing, "
            f"there are {', '.join(map(str, data.variables))}."
        )
