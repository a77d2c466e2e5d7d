"""Picture of a recovery run: coverage by output and by regime, beside the band it has to reach."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from liqbayes.plots.style import COLOUR, new_figure, save
from liqbayes.validate.files import replace_with
from liqbayes.validate.recovery import targets
from liqbayes.validate.recovery.outputs import FAMILIES, OUTPUTS
from liqbayes.validate.recovery.tables import ALL, ARM_WORDS, RecoveryResult
from liqbayes.validate.recovery.unit import WITH_FEED, WITHOUT

# Shape as well as colour tells the fits apart, so that a grey print does too.
_MARK = {WITH_FEED: ("o", COLOUR["long"], True), WITHOUT: ("s", COLOUR["short"], False)}
_SHIFT = {WITH_FEED: -0.17, WITHOUT: 0.17}
_WORDS = {"at_risk": "shares at risk", "total": "totals", "delta_total": "ΔL"}
_BAND = "#e0e0e0"
_BAND_WORDS = (
    f"target: the share within {targets.COVERAGE[0]:g} to {targets.COVERAGE[1]:g}; "
    f"in a regime, the interval meets {targets.REGIME_COVERAGE[0]:g} to "
    f"{targets.REGIME_COVERAGE[1]:g}"
)


def draw_coverage(result: RecoveryResult, model: str, path: Path) -> None:
    """Draw outputs over all markets, then each family of outputs over the regimes; write a PNG.

    Parameters
    ----------
    result : RecoveryResult
    model : str
        Name for the head line.
    path : Path
    """
    figure, axes = new_figure(1, 1 + len(FAMILIES), size=(13.0, 9.0))
    table = result.table
    regimes = list(dict.fromkeys(table["regime"]))
    # all panels from the same share: the lowest interval's end, in tenths
    least = float(np.floor(10 * min(0.5, table["low"].min())) / 10)
    pooled = table[(table["regime"] == ALL) & table["output"].isin(OUTPUTS)]
    _panel(axes[0], pooled, "output", list(OUTPUTS), targets.COVERAGE, least)
    axes[0].set_title("each output, all markets", loc="left", fontsize=10)
    for ax, family in zip(axes[1:], FAMILIES, strict=True):
        chosen = table[table["output"] == family]
        _panel(ax, chosen, "regime", regimes, targets.REGIME_COVERAGE, least)
        ax.set_title(f"{_WORDS[family]}, by regime", loc="left", fontsize=10)
        if ax is not axes[1]:
            ax.set_yticklabels([])
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=4, fontsize=9, frameon=False)
    figure.suptitle(
        f"{model}: how often the 90 % interval holds the truth of agent markets",
        x=0.01,
        ha="left",
        fontsize=13,
        fontweight="bold",
    )
    replace_with(path, lambda scratch: save(figure, scratch, lines=True))


def _panel(
    ax: Axes,
    table: pd.DataFrame,
    by: str,
    names: list[str],
    band: tuple[float, float],
    least: float,
) -> None:
    """Coverage with its Wilson interval, one row a name from the top, from a least share on."""
    ax.axvspan(*band, color=_BAND, zorder=0, label=_BAND_WORDS)
    ax.axvline(0.9, color="#777777", linewidth=0.8, zorder=1)
    for arm, (marker, colour, filled) in _MARK.items():
        of_arm = table[(table["arm"] == arm) & table["n"].gt(0)]
        if of_arm.empty:
            continue
        place = np.array([names.index(name) for name in of_arm[by]]) + _SHIFT[arm]
        share = of_arm["coverage"].to_numpy()
        ends = np.array([share - of_arm["low"].to_numpy(), of_arm["high"].to_numpy() - share])
        ax.errorbar(
            share,
            place,
            # rounding must not make an end negative
            xerr=np.maximum(ends, 0.0),
            fmt=marker,
            color=colour,
            markerfacecolor=colour if filled else "white",
            markersize=5,
            linewidth=1.2,
            capsize=2,
            label=ARM_WORDS[arm],
        )
    ax.set_yticks(np.arange(len(names)), names, fontsize=9)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xlim(least - 0.02, 1.02)
    ax.set_xlabel("covered share, with 95 % interval", fontsize=9)
    ax.grid(axis="y", color="#eeeeee", linewidth=0.8, zorder=0)
