"""The same recursion in ``pytensor.scan``, for information."""

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt

from benchmarks.markets import walk
from benchmarks.timing import seconds
from liqbayes.engine.adjoint import reverse
from liqbayes.engine.recursion import EXPECTED, forward
from liqbayes.model import load_spec
from liqbayes.model.data import prepare
from liqbayes.model.evaluate import Evaluator


def in_scan(flow: Any, shares: Any, c: Any, nu: Any, data: Any, touches: Any) -> Any:
    """Expected liquidation of one side and class as a symbolic vector, one step a bar."""
    leg = data.legs[0]
    swept, _, pointer, run_cell, run_stop, cohort, weight = touches.arrays
    n_bars, n_cells = swept.shape
    cell = np.repeat(run_cell, np.diff(run_stop))
    begin = run_stop[pointer]
    place = pt.as_tensor(cell * n_bars + cohort.astype(np.int64))
    weights, cells = pt.as_tensor(weight.astype(float)), pt.as_tensor(cell)
    first = leg.interest[0] / (1.0 - pt.sum(shares[data.block[0]] * swept[0]))
    living = first * shares[data.block[0]] * (1.0 - swept[0])
    cohorts = pt.set_subtensor(pt.zeros((n_cells, n_bars))[:, 0], living)

    def step(t: Any, a: Any, b: Any, f: Any, before: Any, after: Any, own: Any, block: Any,
             living: Any, cohorts: Any, kept: Any, shares: Any) -> Any:  # fmt: skip
        mass = weights[a:b] * cohorts.ravel()[place[a:b]] * kept
        touched = pt.inc_subtensor(pt.zeros(n_cells)[cells[a:b]], mass)
        row = shares[block]
        gamma = pt.sum(row * own)
        remaining = before - c * pt.sum(touched)
        x = pt.log(after / remaining)
        exponent = 0.5 * (pt.sqrt(f**2 + x**2) + x)
        net = -after * pt.expm1(-exponent)
        stay = (after - net) / remaining
        gross = net / (1.0 - c * gamma)
        fresh = gross * row * (1.0 - c * own)
        left = living - touched
        placed = fresh + stay * (-pt.expm1(-nu) * left + (1.0 - c) * touched)
        survival = kept * stay * pt.exp(-nu)
        return (
            fresh + stay * (left + (1.0 - c) * touched),
            pt.set_subtensor(cohorts[:, t], placed / survival),
            survival,
            c * pt.sum(touched) + c * gamma * gross,
        )

    bars = np.arange(1, n_bars)
    outputs = pytensor.scan(
        step,
        sequences=[
            pt.as_tensor(bars), pt.as_tensor(begin[1:-1]), pt.as_tensor(begin[2:]), flow[1:],
            pt.as_tensor(leg.interest[:-1]), pt.as_tensor(leg.interest[1:]),
            pt.as_tensor(swept[1:]), pt.as_tensor(data.block[1:]),
        ],
        outputs_info=[living, cohorts, pt.constant(1.0, dtype="float64"), None],
        non_sequences=[shares],
        return_updates=False,
    )  # fmt: skip
    return outputs[-1]


def scan_table(bars: int = 240) -> str:
    """Value and gradient of summed expected liquidation, one side, both ways."""
    spec = load_spec("baseline")
    data = prepare(spec, walk(bars))
    evaluator = Evaluator.of(spec, data)
    rows = evaluator.shares(evaluator.natural(np.zeros(evaluator.layout.n)))[:1]
    leg = data.legs[0]
    touches = leg.touches["long"]
    flow = 0.2 * leg.turnover
    one = np.ones(1)
    arguments = (
        flow, rows, 0.74, 0.0125, one, one, one, leg.interest, data.start, data.block,
        *touches.arrays,
    )  # fmt: skip

    def kernels() -> tuple[float, Any]:
        tapes = forward(*arguments)
        by = np.ones(bars)
        return tapes[-1][EXPECTED].sum(), reverse(by, np.zeros(bars), *tapes, *arguments)[1]

    symbols = pt.vector("flow"), pt.matrix("shares"), pt.scalar("c"), pt.scalar("nu")
    total = pt.sum(in_scan(*symbols, data, touches))
    compiled = pytensor.function(
        list(symbols), [total, *pt.grad(total, list(symbols))], mode="NUMBA"
    )
    values = flow, rows[0], 0.74, 0.0125
    ours, theirs = kernels(), compiled(*values)
    np.testing.assert_allclose(theirs[0], ours[0], rtol=1e-6)
    # shares sum to one: what adds the same to all of them has no meaning and may differ
    along = [g - g.mean(axis=1, keepdims=True) for g in (theirs[2], ours[1][0])]
    np.testing.assert_allclose(*along, rtol=1e-5, atol=1e-8 * np.abs(along[0]).max())
    fast, slow = seconds(kernels), seconds(compiled, *values)
    return (
        f"## Against `pytensor.scan`, {bars} bars, one side\n\n"
        "Value and gradient of summed expected liquidation; both agree to 1e-6. In scan every step "
        "carries the cohorts as a state, so memory grows with the square of the panel.\n\n"
        "| | µs | ratio |\n|---|---|---|\n"
        f"| kernels | {fast * 1e6:.0f} | 1 |\n"
        f"| scan | {slow * 1e6:.0f} | {slow / fast:.0f} |"
    )
