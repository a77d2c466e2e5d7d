"""What is judged, one check each: green, amber or red, with the figure and the limit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.monitor import limits as at
from liqbayes.monitor.blocks import Blocks, Shift, shift
from liqbayes.monitor.forward import Predicted
from liqbayes.monitor.scores import reference_score

FloatArray = NDArray[np.float64]
# from values of observed bars to how the judged blocks differ from the fit's
type Change = Callable[[FloatArray], Shift | None]
LOW, HIGH = 0.05, 0.95


@dataclass(frozen=True)
class Check:
    """One finding.

    Attributes
    ----------
    check : str
        One of ``limits.TRIGGERS``.
    of : str
        Channel, side or column it is about; empty for the market as a whole.
    status : {"green", "amber", "red"}
    value : float or None
        None where it cannot be known.
    before : float or None
        The same of the fit's own bars.
    p : float or None
        Chance of such a change if nothing has changed, before the number of tests is counted.
    text : str
    """

    check: str
    of: str
    status: str
    value: float | None
    before: float | None
    p: float | None
    text: str


@dataclass(frozen=True)
class Test:
    """A check that depends on a chance, and is judged once the number of tests is known.

    ``amber`` and ``red`` say whether the change is large enough to matter.
    """

    check: str
    of: str
    value: float
    before: float
    p: float
    amber: bool
    red: bool
    text: str


def judged(tests: Sequence[Test]) -> list[Check]:
    """Hold tests against the family's levels (Bonferroni)."""
    n = max(len(tests), 1)
    out = []
    for test in tests:
        status = at.GREEN
        if test.amber and test.p * n < at.FAMILY_AMBER:
            status = at.AMBER
        if test.red and test.p * n < at.FAMILY_RED:
            status = at.RED
        out.append(Check(test.check, test.of, status, test.value, test.before, test.p, test.text))
    return out


def channel_tests(predicted: Predicted, blocks: Blocks) -> list[Test]:
    """Coverage, PIT, score and level of one channel; those without enough blocks are left out."""
    inside = blocks.inside(int(predicted.bars[0])) if predicted.bars.size else []
    window = blocks.window()

    def change(values: FloatArray) -> Shift | None:
        return shift(
            blocks.means(predicted.bars, values, inside),
            blocks.means(predicted.bars, values, window),
        )

    found = [
        _coverage(predicted, change),
        _pit(predicted, blocks, change),
        _score(predicted, blocks, inside, window),
        _level(predicted, change),
    ]
    return [test for test in found if test is not None]


def _coverage(predicted: Predicted, change: Change) -> Test | None:
    held = ((predicted.pit >= LOW) & (predicted.pit <= HIGH)).astype(float)
    found = change(held)
    if found is None:
        return None
    low, high = at.COVERAGE_AMBER
    outside = not low <= found.after <= high
    return Test(
        "coverage",
        predicted.name,
        found.after,
        found.before,
        found.p,
        outside,
        found.after < at.COVERAGE_RED,
        f"of 90 % one-step intervals; {found.before:.2f} in the fit",
    )


def _pit(predicted: Predicted, blocks: Blocks, change: Change) -> Test | None:
    """Location and spread: the first two components of Neyman's smooth test.

    Legendre polynomials of the PIT values, which have mean 0 and variance 1 if those are uniform
    (Neyman 1937, doi 10.1080/03461238.1937.10404821).
    """
    x = 2.0 * predicted.pit - 1.0
    parts = [change(np.sqrt(3.0) * x), change(np.sqrt(5.0) * 0.5 * (3.0 * x**2 - 1.0))]
    found = [part for part in parts if part is not None]
    if not found:
        return None
    p = min(1.0, len(found) * min(part.p for part in found))
    now = distance(predicted.pit[predicted.bars >= blocks.judged])
    before = distance(predicted.pit[predicted.bars < blocks.first])
    names = ("location", "spread")
    worst = names[int(np.argmin([part.p for part in found]))]
    text = f"largest distance from uniform; what moved most is the {worst}"
    return Test("PIT", predicted.name, now, before, p, True, now > at.PIT_RED, text)


def distance(pit: FloatArray) -> float:
    """Largest distance of the distribution function of PIT values from the uniform one."""
    x = np.sort(pit[np.isfinite(pit)])
    if x.size == 0:
        return float("nan")
    steps = np.arange(1, x.size + 1) / x.size
    return float(max(np.max(steps - x), np.max(x - steps + 1.0 / x.size)))


def _score(
    predicted: Predicted,
    blocks: Blocks,
    inside: list[tuple[int, int]],
    window: list[tuple[int, int]],
) -> Test | None:
    reference = reference_score(predicted.value, predicted.bars, at.WINDOW_BLOCKS * blocks.length)
    known = np.isfinite(reference)
    own = np.where(known, predicted.score, np.nan)

    def ratios(which: list[tuple[int, int]]) -> FloatArray:
        means = [blocks.means(predicted.bars, v, which) for v in (own, reference)]
        with np.errstate(divide="ignore", invalid="ignore"):
            out = np.log(means[0] / means[1])
        return np.where(np.isfinite(out), out, np.nan)

    found = shift(ratios(inside), ratios(window))
    if found is None:
        return None
    value, before = float(np.exp(found.after)), float(np.exp(found.before))
    return Test(
        "score",
        predicted.name,
        value,
        before,
        found.p_up,
        found.change > 0,
        value > at.SCORE_RED and found.change > 0,
        f"CRPS over that of the preceding week's values; {before:.2f} in the fit",
    )


def _level(predicted: Predicted, change: Change) -> Test | None:
    if not np.isfinite(predicted.level).any():
        return None
    found = change(predicted.level)
    if found is None:
        return None
    size = abs(found.change)
    return Test(
        "reported level",
        predicted.name,
        float(np.exp(found.change)),
        1.0,
        found.p,
        size > np.log(at.LEVEL_AMBER),
        size > np.log(at.LEVEL_RED),
        "reports over what the map expects, as a factor on the fit's own: the share that is "
        "reported has changed, or leverage has",
    )
