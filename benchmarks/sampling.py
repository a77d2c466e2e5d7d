"""The default fit: compilation, sampling, effective draws."""

import json
import os
import subprocess
import sys
import tempfile

SETTINGS = (("baseline", 1000, 1000), ("baseline", 500, 400), ("standard", 500, 800))
FRAMED = (("baseline", 400, 400), ("standard", 400, 400))
_COMPILE = """
from benchmarks.markets import walk
from liqbayes.model import load_spec
from liqbayes.model.build import build_model
from liqbayes.sampling.run import Compiled
print(Compiled(build_model(load_spec("baseline"), walk(1440))).seconds)
"""
_GRADIENTS = """
import sys
from dataclasses import replace
import nutpie, numpy as np
from benchmarks.markets import walk
from liqbayes.model import load_spec
from liqbayes.model.build import build_model
from liqbayes.sampling.run import Compiled
from liqbayes.sampling.whiten import framed
model, tune, draws = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
own = Compiled(build_model(load_spec(model), walk(720)))._compiled
jitter = lambda seed: np.random.default_rng(seed).uniform(-1.0, 1.0, own.n_dim)
for begun in (replace(own, initial_point_func=jitter), framed(own, 1)[0]):
    trace = nutpie.sample(begun, draws=draws, tune=tune, chains=4, seed=1, save_warmup=True,
                          adaptation="low_rank", progress_bar=False)
    for part in ("warmup_sample_stats", "sample_stats"):
        print(int(trace[part]["n_steps"].sum()))
"""
_FIT = """
import json, sys
from benchmarks.markets import walk
from liqbayes.checks import diagnostics
from liqbayes.sampling import fit
model, tune, draws = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
tree = fit(model, walk(1440), draws=draws, tune=tune, seed=1, progress=False)
run, found = json.loads(tree.attrs["sampler"]), diagnostics(tree)
steps = int(tree["sample_stats"]["n_steps"].sum())
print(json.dumps({**run, **found, "steps": steps}))
"""


def sampling_table() -> str:
    """Default settings on 1440 hourly bars with a feed: four chains on the machine's cores."""
    lines = [
        "## Fit: 1440 hourly bars with a feed, 4 chains\n",
        "| model | tune + draws | sampling, s | max R-hat | least bulk ESS | least tail ESS "
        "| leapfrogs an effective draw |",
        "|---|---|---|---|---|---|---|",
    ]
    for model, tune, draws in SETTINGS:
        run = json.loads(_child(_FIT, model, str(tune), str(draws)).splitlines()[-1])
        lines.append(
            f"| {model} | {tune} + {draws} | {run['seconds']:.0f} | {run['max_rhat']:.4f} "
            f"| {run['min_ess_bulk']:.0f} ({run['worst_ess_bulk']}) "
            f"| {run['min_ess_tail']:.0f} | {run['steps'] / run['min_ess_bulk']:.0f} |"
        )
    lines += [
        "\nGradients of 4 chains on 720 bars, in the model's coordinates and round ones:\n",
        "| model | tune + draws | tuning | drawing | round: tuning | drawing | ratio of sums |",
        "|---|---|---|---|---|---|---|",
    ]
    for model, tune, draws in FRAMED:
        counts = [int(line) for line in _child(_GRADIENTS, model, str(tune), str(draws)).split()]
        ratio = sum(counts[2:]) / sum(counts[:2])
        lines.append(
            f"| {model} | {tune} + {draws} | {' | '.join(map(str, counts))} | {ratio:.2f} |"
        )
    with tempfile.TemporaryDirectory() as empty:
        caches = {"NUMBA_CACHE_DIR": empty, "PYTENSOR_FLAGS": f"base_compiledir={empty}"}
        cold, warm = (float(_child(_COMPILE, **caches)) for _ in range(2))
    lines.append(f"\nCompilation: {cold:.0f} s with empty caches, {warm:.0f} s again.")
    return "\n".join(lines)


def _child(code: str, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
