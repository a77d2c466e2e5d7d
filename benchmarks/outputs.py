"""Propagation of draws into outputs."""

import resource
import time

import numpy as np
import xarray as xr

from benchmarks.markets import walk
from liqbayes import outputs
from liqbayes.model import load_spec
from liqbayes.model.data import prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.resources import DEFAULT_MODEL
from liqbayes.sampling.config import SamplerConfig
from liqbayes.sampling.fit import assemble
from liqbayes.sampling.run import Draws


def propagation_table() -> str:
    """1,000 draws on 1440 bars, 400 price bins, both sides."""
    tree = drawn(1440)
    jobs = {
        "at risk": lambda: outputs.at_risk_amounts(tree),
        "levels, realised": lambda: outputs.liquidation_levels(tree),
        "liquidations a bar": lambda: outputs.realised_liquidations(tree),
        "entry prices": lambda: outputs.entry_price_distribution(tree),
        "heatmap, every bar, expected": lambda: outputs.liquidation_heatmap(tree, kind="expected"),
        "heatmap, every bar, realised": lambda: outputs.liquidation_heatmap(tree),
    }
    lines = [
        "## Propagation: 1,000 draws x 1440 bars x 400 bins x 2 sides\n",
        "| output | seconds |",
        "|---|---|",
    ]
    for name, job in jobs.items():
        begin = time.perf_counter()
        job()
        lines.append(f"| {name} | {time.perf_counter() - begin:.1f} |")
    lines.append(_year_of_hours())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    lines.append(f"\nPeak memory of this whole run: {peak:.1f} GiB.")
    return "\n".join(lines)


def drawn(bars: int) -> xr.DataTree:
    """A fit of the default model whose 1,000 draws come from near the prior's centre."""
    spec, panel = load_spec(DEFAULT_MODEL), walk(bars)
    evaluator = Evaluator.of(spec, prepare(spec, panel))
    rng = np.random.default_rng(1)
    z = xr.DataArray(
        0.3 * rng.standard_normal((2, 500, evaluator.layout.n)),
        dims=("chain", "draw", "parameter"),
    )
    no = np.zeros((2, 500), bool)
    stats = xr.Dataset(
        {
            name: (("chain", "draw"), values)
            for name, values in {
                "diverging": no,
                "reached_max_treedepth": no,
                "energy": rng.standard_normal((2, 500)),
            }.items()
        }
    )
    return assemble(evaluator, panel, None, Draws(z, stats, 0, 0, False, ()), SamplerConfig())


def _year_of_hours() -> str:
    tree = drawn(8760)
    begin = time.perf_counter()
    outputs.liquidation_heatmap(tree)
    return f"| heatmap, 8760 bars, realised | {time.perf_counter() - begin:.1f} |"
