"""Models that a worker process compiles once and samples for many panels."""

from typing import Any

from liqbayes.model.build import build_from_data
from liqbayes.model.evaluate import Evaluator
from liqbayes.sampling.run import Compiled

_COMPILED: dict[tuple[Any, ...], Compiled] = {}


def compiled_for(evaluator: Evaluator) -> Compiled:
    """The compiled model that serves all panels laid out like this one.

    Parameters
    ----------
    evaluator : Evaluator
        Specification and data; the data of the first panel of a layout are compiled in and
        replaced at every sampling.
    """
    data = evaluator.data
    # lengths that are not here, such as the number of funding regimes, are data and not code
    key = (
        evaluator.spec.content_hash,
        tuple(evaluator.layout.labels),
        *((leg.name, leg.term_from.tobytes(), leg.term_to.tobytes()) for leg in data.legs),
        *((side, feed.bars.tobytes()) for side, feed in data.feeds.items()),
    )
    if key not in _COMPILED:
        _COMPILED[key] = Compiled(build_from_data(evaluator.spec, data))
    return _COMPILED[key]


def compiled_for_any_length(evaluator: Evaluator) -> Compiled:
    """The compiled model that serves all stretches of a panel, whatever bars are observed.

    Data to sample with must come from ``build_from_data`` with ``any_length`` too.
    """
    data = evaluator.data
    key = (
        "any length",
        evaluator.spec.content_hash,
        tuple(evaluator.layout.labels),
        *(leg.name for leg in data.legs),
        *data.feeds,
    )
    if key not in _COMPILED:
        _COMPILED[key] = Compiled(build_from_data(evaluator.spec, data, any_length=True))
    return _COMPILED[key]
