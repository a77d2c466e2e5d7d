"""Picture of a comparison: how the difference of scores grows, and where weights were trusted."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from liqbayes.panel import MarketPanel
from liqbayes.plots.style import COLOUR, PRICE, PRIOR, new_figure, save, time_axis
from liqbayes.validate.files import replace_with
from liqbayes.validate.lfo.scores import k_limit
from liqbayes.validate.lfo.tables import REFERENCE, ComparisonResult

# Line, mark and colour tell models apart, so that a grey print does too.
_COLOURS = (PRIOR, COLOUR["long"], COLOUR["short"], PRICE)
_LINES = (":", "-", "--", "-.")
_MARKS = ("s", "o", "^", "D")


def draw_comparison(result: ComparisonResult, panel: MarketPanel, n_draws: int, path: Path) -> None:
    """Draw the running difference of each channel, then Pareto k by origin; write a PNG.

    Parameters
    ----------
    result : ComparisonResult
    panel : MarketPanel
        That was compared on.
    n_draws : int
        Draws of a fit.
    path : Path
    """
    models = list(result.k)
    channels = list(result.elpd)
    rows = len(channels) + 1
    figure, axes = new_figure(rows, 1, size=(10.0, 1.9 * rows + 1.2), share_x=True)
    for ax, channel in zip(axes, channels, strict=False):
        _differences(ax, result, panel, channel, models)
    _weights(axes[-1], result, panel, n_draws, models)
    time_axis(axes[-1])
    figure.suptitle(
        f"{panel.contract.name}: log predictive density given the past, against {models[0]}",
        x=0.01,
        ha="left",
        fontsize=13,
        fontweight="bold",
    )
    replace_with(path, lambda scratch: save(figure, scratch, lines=True))


def _differences(
    ax: Axes, result: ComparisonResult, panel: MarketPanel, channel: str, models: list[str]
) -> None:
    of_channel = result.table[result.table["channel"] == channel].set_index("model")
    reference = of_channel.index[of_channel["verdict"] == REFERENCE][0]
    elpd = result.elpd[channel]
    for model, row in of_channel.iterrows():
        if model == reference:
            continue
        each = elpd[str(model)] - elpd[reference]
        style = _style(models, str(model))
        known = np.isfinite(each)
        # bars without scores break the line
        total = np.where(known, np.nancumsum(each), np.nan)
        last = np.flatnonzero(known)[-1:]
        words = f"{model}: {row['difference']:+.1f}"
        if np.isfinite(row["se"]):
            words += f" ± {row['se']:.1f}"
            ends = [[row["difference"] - row["low"]], [row["high"] - row["difference"]]]
            ax.errorbar(panel.time[last], total[last], yerr=ends, color=style["color"], capsize=3)
        ax.plot(panel.time, total, label=f"{words}, {row['verdict']}", **style)
    ax.axhline(0.0, color="#777777", linewidth=0.8)
    against = "" if reference == models[0] else f", against {reference}"
    ax.set_title(f"{channel}{against}", loc="left", fontsize=10)
    ax.set_ylabel("difference, nats", fontsize=9)
    ax.legend(loc="upper left", fontsize=8, frameon=False)


def _weights(
    ax: Axes, result: ComparisonResult, panel: MarketPanel, n_draws: int, models: list[str]
) -> None:
    for model in models:
        points = result.k[model]
        used = [(panel.time[start], k) for start, k, _ in points if k is not None]
        fitted = [panel.time[start] for start, _, here in points if here]
        at = models.index(model) % len(_MARKS)
        style: dict[str, Any] = {"color": _COLOURS[at], "marker": _MARKS[at], "linestyle": ""}
        ax.plot([t for t, _ in used], [k for _, k in used], markersize=4, label=model, **style)
        ax.plot(
            fitted,
            # a row for each model, below the weights
            np.full(len(fitted), -0.15 * (1 + models.index(model))),
            markersize=6,
            markerfacecolor="white",
            label=f"{model}, fitted",
            **style,
        )
    # room for the legend above the limit
    ax.set_ylim(-0.15 * (len(models) + 1), 1.1)
    ax.axhline(k_limit(n_draws), color="#777777", linewidth=0.8)
    ax.set_title(
        "Pareto k of the weights at each origin; above the line the model is fitted again",
        loc="left",
        fontsize=10,
    )
    ax.set_ylabel("Pareto k", fontsize=9)
    ax.legend(loc="upper left", fontsize=8, frameon=False, ncols=2 * len(models))


def _style(models: list[str], model: str) -> dict[str, Any]:
    at = models.index(model) % len(_LINES)
    return {"color": _COLOURS[at], "linestyle": _LINES[at]}
