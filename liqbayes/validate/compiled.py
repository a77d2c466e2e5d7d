"""Models that a worker process compiles once and samples for many panels."""

from collections.abc import Mapping
from typing import Any

import pymc as pm

from liqbayes.model.build import build_from_data, build_joint
from liqbayes.model.evaluate import Evaluator
from liqbayes.sampling.run import Compiled

_COMPILED: dict[tuple[Any, ...], Compiled] = {}


def model_of(evaluators: Mapping[str, Evaluator]) -> pm.Model:
    """The model of one market, or the joint one of several by name."""
    spec = next(iter(evaluators.values())).spec
    if len(evaluators) > 1:
        return build_joint(spec, {name: each.data for name, each in evaluators.items()})
    (evaluator,) = evaluators.values()
    return build_from_data(spec, evaluator.data)


def compiled_for(evaluators: Mapping[str, Evaluator]) -> Compiled:
    """The compiled model that serves all panels laid out like these.

    Parameters
    ----------
    evaluators : mapping of str to Evaluator
        Specification and data of one market, or of several by name; the data of the first panels
        of a layout are compiled in and replaced at every sampling.
    """
    key = tuple((name, *_layout(each)) for name, each in evaluators.items())
    if key not in _COMPILED:
        _COMPILED[key] = Compiled(model_of(evaluators))
    return _COMPILED[key]


def _layout(evaluator: Evaluator) -> tuple[Any, ...]:
    """What is code; lengths that are not here, such as the number of funding regimes, are data."""
    data = evaluator.data
    return (
        evaluator.spec.content_hash,
        tuple(evaluator.layout.labels),
        (data.open_interest_weight, data.feed_weight),
        *((leg.name, leg.term_from.tobytes(), leg.term_to.tobytes()) for leg in data.legs),
        *((side, feed.bars.tobytes()) for side, feed in data.feeds.items()),
    )


def compiled_for_any_length(evaluator: Evaluator) -> Compiled:
    """The compiled model that serves all stretches of a panel, whatever bars are observed.

    Data to sample with must come from ``build_from_data`` with ``any_length`` too.
    """
    data = evaluator.data
    key = (
        "any length",
        evaluator.spec.content_hash,
        tuple(evaluator.layout.labels),
        (data.open_interest_weight, data.feed_weight),
        *(leg.name for leg in data.legs),
        *data.feeds,
    )
    if key not in _COMPILED:
        _COMPILED[key] = Compiled(build_from_data(evaluator.spec, data, any_length=True))
    return _COMPILED[key]
