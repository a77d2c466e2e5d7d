"""Log density and gradient: engine kernels alone, and the whole compiled model."""

from itertools import product

import numpy as np
import nutpie

from benchmarks.markets import walk
from benchmarks.timing import memory_bandwidth, seconds
from liqbayes.engine import book
from liqbayes.model import load_spec
from liqbayes.model.build import build_from_data
from liqbayes.model.data import SIDES, prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.inputs import book_inputs

TOUCH_BYTES = 8
MODELS = ("baseline", "standard")
LENGTHS = (720, 1440, 4320, 8760)


def gradient_table() -> str:
    """Nanoseconds a touch, both sides, for models and panel lengths; K = 24 cells."""
    rows = []
    for model, bars in product(MODELS, LENGTHS):
        spec = load_spec(model)
        data = prepare(spec, walk(bars))
        evaluator = Evaluator.of(spec, data)
        z = np.zeros(evaluator.layout.n)
        p = evaluator.natural(z)
        shares = evaluator.shares(p)
        leg = data.legs[0]
        touches = sum(leg.touches[s].n_touches for s in SIDES)
        inputs = book_inputs(evaluator.layout, data, leg)
        out = book.book(p, shares, *inputs)
        ones = np.ones_like(out[0])
        forward = seconds(book.book, p, shares, *inputs)
        backward = seconds(book.book_reverse, ones, ones, *out, p, shares, *inputs)
        compiled = nutpie.compile_pymc_model(build_from_data(spec, data), var_names=["z"])
        whole = seconds(compiled.logp_func, z)
        rows.append((model, bars, touches, forward, backward, whole))
    lines = [
        "## Log density and gradient\n",
        "| model | bars | touches | forward, µs | reverse, µs | kernels, ns a touch "
        "| kernels, ns a bar | whole model, µs | whole, ns a touch "
        "| reading touches twice, ns a touch |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    bound = 2 * TOUCH_BYTES / memory_bandwidth() * 1e9
    for model, bars, touches, forward, backward, whole in rows:
        both = forward + backward
        lines.append(
            f"| {model} | {bars} | {touches} | {forward * 1e6:.0f} | {backward * 1e6:.0f} "
            f"| {both / touches * 1e9:.1f} | {both / bars * 1e9:.0f} "
            f"| {whole * 1e6:.0f} | {whole / touches * 1e9:.1f} | {bound:.1f} |"
        )
    lines.append(
        "\nA touch is one (cohort, cell, bar), for all holding classes; its arrays take 8 bytes. "
        "The whole model is the function that nutpie samples from, priors and both "
        "channels included, called from Python."
    )
    return "\n".join(lines)
