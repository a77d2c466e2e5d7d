"""Picture of a calibration run: ECDF of the ranks of every quantity, with simultaneous bands."""

from pathlib import Path

import numpy as np
from arviz_stats.ecdf_utils import ecdf_pit

from liqbayes.plots.style import COLOUR, new_figure, save
from liqbayes.validate.files import replace_with
from liqbayes.validate.sbc.tables import SbcResult

BAND = 0.95
_COLUMNS = 6
_SIMULATIONS = 4000
_SHADE = "#d9d9d9"


def draw_ecdf(result: SbcResult, title: str, path: Path) -> None:
    """Draw the distance of each quantity's ECDF from the diagonal; write a PNG.

    Parameters
    ----------
    result : SbcResult
    title : str
        Model, fault if any, and number of panels.
    path : Path
    """
    names = list(result.table["quantity"])
    rows = -(-len(names) // _COLUMNS)
    figure, axes = new_figure(
        rows, _COLUMNS, size=(2.2 * _COLUMNS, 1.5 * rows + 0.9), share_x=True, share_y=True
    )
    n = result.values.shape[1]
    even = (np.arange(n) + 0.5) / n
    # the band depends on the number of panels only
    x, _, low, high = ecdf_pit(  # type: ignore[no-untyped-call]
        even, BAND, _SIMULATIONS, rng=np.random.default_rng(214)
    )
    for ax, name, values, rejected in zip(
        axes, names, result.values, result.table["rejected"], strict=False
    ):
        ax.fill_between(x, low - x, high - x, color=_SHADE, linewidth=0, step="mid")
        steps = np.sort(values)
        reached = np.arange(1, n + 1) / n
        ax.step(steps, reached - steps, where="post", color=COLOUR["long"], linewidth=1.0)
        # colour is not enough for a grey print
        mark = " REJECTED" if rejected else ""
        ax.set_title(name + mark, fontsize=7, loc="left", color="black")
        ax.axhline(0.0, color="black", linewidth=0.5)
        ax.tick_params(labelsize=6)
        ax.set_xticks([0.0, 0.5, 1.0])
    for ax in axes[len(names) :]:
        ax.set_axis_off()
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
    figure.supxlabel(
        "share of draws below the truth; shaded: 95 % simultaneous band of one quantity, of which "
        "one in twenty leaves it by chance",
        fontsize=8,
        x=0.01,
        ha="left",
    )
    figure.supylabel("ECDF minus uniform", fontsize=8)
    replace_with(path, lambda scratch: save(figure, scratch, lines=True))
