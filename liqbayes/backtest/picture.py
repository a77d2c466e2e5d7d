"""Picture of a backtest: reliability, ratios with intervals, ratio by volatility."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from liqbayes.backtest.ablation import WITH_MAP, WITHOUT_MAP
from liqbayes.backtest.frames import by_bar
from liqbayes.backtest.model_forecaster import MODEL
from liqbayes.backtest.ratios import POOLED
from liqbayes.backtest.tables import BacktestResult
from liqbayes.backtest.verdicts import headline
from liqbayes.contracts import SIDES
from liqbayes.plots.style import COLOUR, PRICE, PRIOR, new_figure, save
from liqbayes.validate.files import replace_with

PICTURE = "backtest.png"
_BINS = 10
_GIVEN = {
    "conditional": "given price and volume",
    "conditional-oi": "given price, volume and open interest",
    "forecast": "ahead of their bars",
}


def draw_backtest(result: BacktestResult, market: str, path: Path) -> None:
    """Draw the headline task, or the first of a run without it.

    How reports rank among the draws, and who forecasts better.

    Parameters
    ----------
    result : BacktestResult
    market : str
        Name of the contract.
    path : Path
        PNG to write.
    """
    figure, axes = new_figure(2, 2, size=(11.0, 8.0))
    task = headline(result.summary)
    test = result.bars[result.bars["test"] & (result.bars["task"] == task)]
    _ranks(axes[0], test)
    _reliability(axes[1], test)
    _ratios(axes[2], result.summary, task)
    _over_time(axes[3], test, task, result.summary["best_baseline"].get(task))
    figure.suptitle(
        f"{market}: reported liquidations {_GIVEN[task]}, test block",
        x=0.01,
        ha="left",
        fontsize=13,
        fontweight="bold",
    )
    replace_with(path, lambda scratch: save(figure, scratch, lines=True))


def _own(test: pd.DataFrame, name: str, side: str) -> pd.DataFrame:
    chosen = (test["name"] == name) & (test["side"] == side)
    return test[chosen & test["pit_low"].notna()]


def _ranks(ax: Axes, test: pd.DataFrame) -> None:
    """Histogram of the transform; each report spreads over the interval it is uniform in."""
    edges = np.linspace(0.0, 1.0, _BINS + 1)
    for side in SIDES:
        own = _own(test, MODEL, side)
        if own.empty:
            continue
        low, high = own["pit_low"].to_numpy()[:, None], own["pit_high"].to_numpy()[:, None]
        inside = np.clip(np.minimum(high, edges[1:]) - np.maximum(low, edges[:-1]), 0.0, None)
        density = (inside / (high - low)).mean(axis=0) * _BINS
        ax.stairs(density, edges, color=COLOUR[side], linewidth=1.8, label=side)
        wide = 1.96 * np.sqrt((1 - 1 / _BINS) * _BINS / len(own))
        ax.axhspan(1 - wide, 1 + wide, color=COLOUR[side], alpha=0.08, linewidth=0)
    ax.axhline(1.0, color=PRICE, linewidth=0.8)
    ax.set_ylim(bottom=0.0)
    ax.set_title("probability integral transform of the model", loc="left", fontsize=10)
    ax.set_xlabel("rank of the report among the draws", fontsize=9)
    ax.set_ylabel("density; 95 % band if bars were independent", fontsize=9)
    _legend(ax)


def _reliability(ax: Axes, test: pd.DataFrame) -> None:
    nominal = np.linspace(0.0, 1.0, 21)
    for name, line in ((MODEL, "-"), (WITH_MAP, "--"), (WITHOUT_MAP, ":")):
        for side in SIDES:
            own = _own(test, name, side)
            if own.empty:
                continue
            low, high = own["pit_low"].to_numpy()[:, None], own["pit_high"].to_numpy()[:, None]
            tail = (1.0 - nominal) / 2.0
            inside = np.clip(np.minimum(high, 1 - tail) - np.maximum(low, tail), 0.0, None)
            covered = (inside / (high - low)).mean(axis=0)
            ax.plot(nominal, covered, line, color=COLOUR[side], label=f"{name}, {side}")
    ax.plot([0, 1], [0, 1], color=PRICE, linewidth=0.8)
    ax.set_title("coverage of central intervals", loc="left", fontsize=10)
    ax.set_xlabel("nominal", fontsize=9)
    ax.set_ylabel("observed", fontsize=9)
    _legend(ax)


def _ratios(ax: Axes, summary: Mapping[str, Any], task: str) -> None:
    rows: list[tuple[str, Any]] = []
    best = summary["best_baseline"].get(task)
    if best is not None:
        rows.append((f"model / {best}", summary["ratio"][task]))
    rows.append(("with / without map", summary["ablation"][task]))
    # placebos are of the conditional tasks only
    rows += [(f"placebo: {n}", of[task]) for n, of in summary["placebo"].items() if task in of]
    for i, (_, ratio) in enumerate(rows):
        for j, (side, colour) in enumerate(((POOLED, PRICE), *COLOUR.items())):
            band = ratio[side]
            if band is None:
                continue
            y = i + 0.2 * (j - 1)
            ax.plot(band[1], y, "o", color=colour, markersize=4, label=side if i == 0 else None)
            ax.plot([band[0], band[2]], [y, y], color=colour, linewidth=1.5)
    ax.set_yticks(range(len(rows)), [words for words, _ in rows], fontsize=8)
    ax.invert_yaxis()
    ax.axvline(1.0, color=PRIOR, linewidth=0.8)
    ax.set_title("ratio of log-scale CRPS, 90 % intervals", loc="left", fontsize=10)
    ax.set_xlabel("below 1: better than the second", fontsize=9)
    _legend(ax)


def _over_time(ax: Axes, test: pd.DataFrame, task: str, best: str | None) -> None:
    pairs = [(WITH_MAP, WITHOUT_MAP, "-", "with map, less without")]
    if best is not None:
        pairs.append((MODEL, best, "--", f"model, less {best}"))
    for one, other, line, words in pairs:
        for side in SIDES:
            scores = by_bar(test, task, side, "crps_log")
            if one in scores and other in scores:
                running = (scores[one] - scores[other]).cumsum()
                ax.plot(running.index, running, line, color=COLOUR[side], label=f"{words}, {side}")
    ax.axhline(0.0, color=PRICE, linewidth=0.8)
    ax.set_title("summed difference of log-scale CRPS", loc="left", fontsize=10)
    ax.set_xlabel("bar", fontsize=9)
    ax.set_ylabel("falling: the first forecasts better", fontsize=9)
    _legend(ax)


def _legend(ax: Axes) -> None:
    handles, labels = ax.get_legend_handles_labels()
    if labels:
        ax.legend(handles, labels, fontsize=8, frameon=False)
