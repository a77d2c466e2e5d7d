"""What is ranked: every scalar parameter, and functions of parameters and data."""

import numpy as np
from numpy.typing import NDArray

from liqbayes.model.data import SIDES
from liqbayes.model.likelihood import log_likelihood
from liqbayes.outputs.context import Context
from liqbayes.outputs.flows import bar_liquidations
from liqbayes.outputs.levels import shares_at_risk

FloatArray = NDArray[np.float64]
MOVES = (0.05, 0.1)


def quantities(context: Context) -> dict[str, FloatArray]:
    """Values at every draw of a context, each of shape (draw,).

    Functions of the data make the ranks sensitive to faults that leave every parameter's rank
    uniform (Modrák et al. 2023, doi 10.1214/23-BA1404). Amounts are expected ones: the lumpiness
    that ``kind="realised"`` adds is the same law on both sides of the comparison.

    Parameters
    ----------
    context : Context
        Of kind ``expected``, with one chain.
    """
    evaluator = context.evaluator
    labels = evaluator.layout.labels
    outputs = ["total[long]", "total[short]", "delta_total", "log_likelihood"]
    out = {name: np.empty(context.shape[1]) for name in (*labels, *outputs)}
    rng = context.rng(4)
    for draw in context.draws():
        at = draw.index[1]
        for name, value in zip(labels, draw.p, strict=True):
            out[name][at] = value
        long, short = bar_liquidations(context, draw, rng).sum(axis=1)
        terms = log_likelihood(evaluator, draw.p, draw.runs)
        total = float(sum(term.sum() for term in terms.values()))
        for name, value in zip(outputs, (long, short, long - short, total), strict=True):
            out[name][at] = value
    share, _ = shares_at_risk(context, np.array(MOVES))
    for j, side in enumerate(SIDES):
        for i, move in enumerate(MOVES):
            out[f"at_risk[{side}, {move:g}]"] = share[0, :, j, i]
    return out
