"""Picture of a calibration run: ECDF of the ranks of every quantity, with simultaneous bands."""

from pathlib import Path

import numpy as np

from liqbayes.validate.files import replace_with
from liqbayes.validate.sbc.tables import SbcResult

ENVELOPE = 0.95


def draw_ecdf(result: SbcResult, path: Path) -> None:
    """Draw one small panel a quantity and write a PNG."""
    import arviz_base
    import arviz_plots

    names = result.table["quantity"]
    data = arviz_base.from_dict(
        {
            "prior_sbc": {
                name: values[None, :] for name, values in zip(names, result.values, strict=True)
            }
        }
    )
    columns = 6
    rows = int(np.ceil(len(names) / columns))
    figure = arviz_plots.plot_ecdf_pit(
        data,
        method="envelope",
        envelope_prob=ENVELOPE,
        backend="matplotlib",
        col_wrap=columns,
        figure_kwargs={"figsize": (2.2 * columns, 1.9 * rows)},
    )
    replace_with(path, lambda scratch: figure.savefig(scratch, format="png", dpi=100))
    import matplotlib.pyplot as plt

    plt.close("all")
