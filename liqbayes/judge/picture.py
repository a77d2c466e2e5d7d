"""Picture of a judgement: every score with its interval, beside chance."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from liqbayes.judge.referee import Judgement
from liqbayes.plots.style import COLOUR, HATCH, PRICE, new_figure, save, title

PICTURE = "judge.png"
_HEADS = {
    "top quarter": "liquidated notional in the\ndensest quarter of levels",
    "top quarter at its distance": "the same among sweeps\nof one length",
    "gain": "gain over even levels,\nnats a unit of notional",
}
_SIDES = (("both", PRICE), ("long", COLOUR["long"]), ("short", COLOUR["short"]))


def draw_judgement(found: Judgement, path: Path) -> None:
    """Draw every score by source and side with 90 % intervals, and its chance level.

    Parameters
    ----------
    found : Judgement
        Not refused.
    path : Path
        PNG to write.
    """
    scores = [name for name in _HEADS if (found.scores["score"] == name).any()]
    figure, axes = new_figure(1, len(scores), size=(4.2 * len(scores), 3.8))
    for ax, score in zip(axes, scores, strict=True):
        _draw(ax, found.scores[found.scores["score"] == score], _HEADS[score])
    axes[-1].legend(fontsize=8, frameon=False, loc="best")
    head = f"{found.name}: {found.about['bars']} bars, 90 % intervals"
    title(figure, head, axes[0].get_title(loc="left"))
    save(figure, path)


def _draw(ax: Axes, scores: pd.DataFrame, head: str) -> None:
    sources = list(dict.fromkeys(scores["source"]))
    for i, (side, colour) in enumerate(_SIDES):
        own = scores[scores["side"] == side].set_index("source").reindex(sources)
        place = np.arange(len(sources)) + 0.22 * (i - 1)
        # what has too few blocks for an interval is a point
        low = (own["value"] - own["low"]).fillna(0.0)
        high = (own["high"] - own["value"]).fillna(0.0)
        ax.errorbar(
            own["value"], place, xerr=[low, high], fmt="o", ms=4, lw=1.4, color=colour, label=side
        )
    both = scores[scores["side"] == "both"].set_index("source").reindex(sources)
    for i, chance in enumerate(both["chance"]):
        label = "chance" if i == 0 else None
        ax.plot([chance, chance], [i - 0.4, i + 0.4], color=HATCH, lw=1.2, ls="--", label=label)
    ax.set_yticks(
        range(len(sources)), [s.replace(" over ", "\nover ") for s in sources], fontsize=8
    )
    ax.invert_yaxis()
    ax.set_title(head, loc="left", fontsize=9, color="#333333")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5))
    ax.tick_params(axis="x", labelsize=8)
