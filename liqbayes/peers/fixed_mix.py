"""The shipped rule ``fixed-mix`` as a peer: what each bar sweeps of what it had drawn before."""

import numpy as np
from numpy.typing import NDArray

from liqbayes.contracts import SIDES
from liqbayes.model import load_spec, prepare
from liqbayes.model.rule import evaluator_of
from liqbayes.panel import MarketPanel

FloatArray = NDArray[np.float64]
NAME = "fixed-mix"


def swept(panel: MarketPanel) -> FloatArray:
    """What each bar touches of the rule's book at the close before it, shape (side, time).

    NaN outside every segment and in the first bar of each, after which the book is empty.
    """
    spec = load_spec(NAME)
    data = prepare(spec, panel)
    evaluator = evaluator_of(spec, data)
    none = np.zeros(0)
    runs = evaluator.books(none, evaluator.shares(none))
    out = np.stack(
        [
            np.sum([runs[leg.name, side].predicted * leg.to_common for leg in data.legs], axis=0)
            for side in SIDES
        ]
    )
    out[:, data.start != 0] = np.nan
    return out
