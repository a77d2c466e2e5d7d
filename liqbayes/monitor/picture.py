"""Picture of a monitoring run: the course of each figure, the fit's own bars shaded."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from liqbayes.monitor import limits as at
from liqbayes.monitor.rolling import rolling
from liqbayes.monitor.run import Monitoring
from liqbayes.plots.style import COLOUR, PRICE, new_figure, save, time_axis

_SHADE = "#ececec"
_SIGNAL = {at.GREEN: "#2e7d32", at.AMBER: "#b26a00", at.RED: "#b3261e"}
_MARKS = {"long": "o", "short": "s"}


def draw_monitoring(found: Monitoring, path: Path) -> None:
    """Draw coverage, PIT values, reports over expectation and volatility; write a PNG.

    Parameters
    ----------
    found : Monitoring
    path : Path
    """
    save(figure_of(found), path)


def figure_of(found: Monitoring) -> Figure:
    """The figure of a run."""
    figure, axes = new_figure(2, 2, size=(12.0, 7.6))
    rows = rolling(found)
    time = np.array([row["start"] for row in rows], "datetime64[s]")
    courses = (axes[0], axes[2], axes[3])
    for ax in courses:
        _mark_times(ax, found)
    for channel in found.predicted:
        side = channel.name.rpartition(" ")[2]
        colour, mark = COLOUR.get(side, PRICE), _MARKS.get(side, "^")
        style: dict[str, Any] = {
            "color": colour,
            "marker": mark,
            "markersize": 3.5,
            "linewidth": 1.0,
        }
        label = channel.name
        held = [row[f"coverage, {channel.name}"] for row in rows]
        axes[0].plot(time, np.array(held, float), label=label, **style)
        if f"level, {channel.name}" in rows[0]:
            level = [row[f"level, {channel.name}"] for row in rows]
            axes[2].plot(time, np.array(level, float), label=label, **style)
        pit = np.sort(channel.pit[channel.bars >= found.blocks.judged])
        if pit.size:
            steps = np.arange(1, pit.size + 1) / pit.size
            axes[1].step(pit, steps - pit, where="post", color=colour, label=label)
    axes[0].axhspan(*at.COVERAGE_AMBER, color="#cfe3cf", alpha=0.6, linewidth=0)
    axes[0].axhline(at.COVERAGE_RED, color=_SIGNAL[at.RED], linewidth=0.8, linestyle="--")
    _finish(axes[0], "Bars inside the 90 % one-step interval, by block", "share")
    axes[1].axhline(0.0, color="black", linewidth=0.5)
    for sign in (-1.0, 1.0):
        axes[1].axhline(sign * at.PIT_RED, color=_SIGNAL[at.RED], linewidth=0.8, linestyle="--")
    axes[1].set_xlim(0.0, 1.0)
    axes[1].set_xlabel("PIT value", fontsize=9)
    _finish(axes[1], "PIT values of the judged bars: ECDF minus uniform", "difference")
    if axes[2].lines:
        axes[2].set_yscale("log")
        axes[2].yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes[2].yaxis.set_minor_locator(NullLocator())
        axes[2].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        _finish(axes[2], "Reports over what the map expects", "factor")
    else:
        axes[2].text(0.5, 0.5, "no feed", transform=axes[2].transAxes, ha="center")
    axes[3].plot(
        time,
        np.array([100.0 * row["volatility"] for row in rows]),
        color=PRICE,
        marker=".",
        linewidth=1.0,
    )
    _finish(axes[3], "Realised volatility", "% a day")
    for ax in courses:
        time_axis(ax)
        ax.tick_params(labelsize=8)
    figure.suptitle(
        f"{found.status.upper()}: {found.about['contract']}, {found.about['model']['name']} "
        f"{found.about['model']['version']}, to {found.about['new']['last_bar'][:16]}",
        x=0.01,
        ha="left",
        fontsize=13,
        fontweight="bold",
        color=_SIGNAL[found.status],
    )
    return figure


def _mark_times(ax: Axes, found: Monitoring) -> None:
    """Shade the fit's bars and mark where the judged ones begin."""
    time = found.joined.time()
    first = time[found.blocks.first]
    ax.axvspan(time[0], first, color=_SHADE, linewidth=0, zorder=0)
    ax.axvline(time[found.blocks.judged], color="#555555", linewidth=0.9, linestyle=":")
    ax.set_xlim(time[0], time[-1])


def _finish(ax: Axes, head: str, unit: str) -> None:
    ax.set_title(head, loc="left", fontsize=10)
    ax.set_ylabel(unit, fontsize=9)
    if ax.get_legend_handles_labels()[1]:
        ax.legend(fontsize=8, framealpha=0.8, edgecolor="none")
