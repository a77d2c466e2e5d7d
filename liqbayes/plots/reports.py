"""Reported liquidations against what the fitted model would report."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from liqbayes.plots.style import COLOUR, PRICE, SIDES, compact, need, new_figure, time_axis, title

FloatArray = NDArray[np.float64]
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def draw_reports(
    reported: xr.Dataset, predicted: xr.Dataset, *, unit: str = "", label: str = ""
) -> Figure:
    """Reported liquidations of each bar over posterior predictive bands.

    Parameters
    ----------
    reported : Dataset
        Variables ``long`` and ``short`` with a time coordinate each, as named by their only dim;
        NaN where unknown.
    predicted : Dataset
        The same with dims ``chain`` and ``draw`` as well: draws from the posterior predictive.
    unit : str
        Unit of both.
    label : str
        Head line.

    Returns
    -------
    matplotlib.figure.Figure
        One panel a side; the scale is linear near zero, so that bars without a report are seen,
        and logarithmic beyond. The share of bars inside each band is printed.
    """
    need(reported, SIDES, "posterior_predictive")
    need(predicted, SIDES, "posterior_predictive")
    figure, axes = new_figure(2, 1, size=(12.0, 6.8), share_x=True)
    for ax, side in zip(axes, SIDES, strict=True):
        seen = reported[side]
        time = seen[str(seen.dims[0])].to_numpy()
        values = np.asarray(seen.to_numpy(), float)
        cut = np.asarray(
            predicted[side]
            .transpose("chain", "draw", ...)
            .quantile(list(QUANTILES), dim=("chain", "draw"), skipna=False)
            .to_numpy(),
            float,
        )
        _panel(ax, time, values, cut, side)
        positive = values[values > 0]
        linear = float(np.quantile(positive, 0.05)) if positive.size else 1.0
        ax.set_yscale("symlog", linthresh=linear, linscale=0.4)
        # room for the legend above the highest band
        ax.set_ylim(0.0, 5.0 * ax.get_ylim()[1])
        ax.yaxis.set_major_formatter(_ticks(linear))
        ax.set_xlim(time[0], time[-1])
        ax.set_ylabel(f"{side}s, {unit}\n(linear below {compact(linear)}, log above)", fontsize=9)
    time_axis(axes[-1])
    head = "Reported liquidations against the fitted model"
    title(
        figure,
        f"{head}, {label}" if label else head,
        "Each bar; bands hold 50 % and 90 % of the posterior predictive. Calibrated bands hold "
        "about these shares of the bars.",
    )
    return figure


def coverage(values: FloatArray, low: FloatArray, high: FloatArray) -> float:
    """Share of known values inside closed bands; NaN if none is known."""
    known = np.isfinite(values)
    if not known.any():
        return float("nan")
    return float(((values >= low) & (values <= high))[known].mean())


def _ticks(linear: float) -> FuncFormatter:
    """Labels of zero and of the logarithmic part; those between would overlap."""

    def label(value: float, _: int) -> str:
        if value == 0:
            return "0"
        return compact(value) if value >= linear else ""

    return FuncFormatter(label)


def _panel(
    ax: Axes, time: NDArray[np.datetime64], values: FloatArray, cut: FloatArray, side: str
) -> None:
    colour = COLOUR[side]
    share_wide, share_half = coverage(values, cut[0], cut[4]), coverage(values, cut[1], cut[3])
    ax.fill_between(
        time,
        cut[0],
        cut[4],
        step="post",
        color=colour,
        alpha=0.22,
        linewidth=0,
        label=f"90 % band, holds {share_wide:.0%} of the bars",
    )
    ax.fill_between(
        time,
        cut[1],
        cut[3],
        step="post",
        color=colour,
        alpha=0.45,
        linewidth=0,
        label=f"50 % band, holds {share_half:.0%}",
    )
    ax.plot(
        time, values, linestyle="none", marker=".", markersize=2.8, color=PRICE, label="reported"
    )
    ax.legend(loc="upper left", ncols=3, fontsize=8, framealpha=0.85, edgecolor="none")
