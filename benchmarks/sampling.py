"""The default fit: compilation, sampling, effective draws."""

import json
import time

from benchmarks.markets import walk
from liqbayes.checks import diagnostics
from liqbayes.sampling import fit


def sampling_table() -> str:
    """Default settings on 1440 hourly bars with a feed."""
    panel = walk(1440)
    rows = []
    for label in ("first", "again"):
        begin = time.perf_counter()
        tree = fit("baseline", panel, draws=500, tune=500, chains=2, seed=1, progress=False)
        total = time.perf_counter() - begin
        run = json.loads(tree.attrs["sampler"])
        found = diagnostics(tree)
        steps = int(tree["sample_stats"]["n_steps"].sum())
        rows.append(
            f"| {label} | {run['compile_seconds']:.0f} | {run['seconds']:.0f} | {total:.0f} "
            f"| {found['max_rhat']:.3f} | {found['min_ess_bulk']:.0f} ({found['worst_ess_bulk']}) "
            f"| {run['seconds'] * 400 / found['min_ess_bulk']:.0f} "
            f"| {steps / found['min_ess_bulk']:.0f} |"
        )
    return "\n".join(
        [
            "## Fit: 1440 hourly bars with a feed, 2 chains of 500 + 500 draws\n",
            "| run | compile, s | sampling, s | all, s | max R-hat | least bulk ESS "
            "| sampling seconds for ESS 400 | leapfrogs an effective draw |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
        ]
    )
