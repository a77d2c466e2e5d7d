"""A rule with a fixed mix of leverage behind the interface of a model: one draw, no parameters."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from liqbayes.engine.rule import rule_book
from liqbayes.model.data import SIDES, ModelData
from liqbayes.model.evaluate import BookRun, Evaluator
from liqbayes.model.priors import ParameterLayout
from liqbayes.model.spec import ModelSpec

FloatArray = NDArray[np.float64]

# The rule in the words of the sampled models: all that is touched is closed, all of it is forced,
# and the book has no lumps.
_MEANS = {
    "touch_to_close_share": 1.0,
    "forced_share": 1.0,
    "effective_positions": np.inf,
    "liquidated_positions": np.inf,
}


def evaluator_of(spec: ModelSpec, data: ModelData) -> Evaluator:
    """What evaluates a specification on these data, whether it is sampled or a rule."""
    return Evaluator.of(spec, data) if spec.rule is None else RuleEvaluator.of(spec, data)


@dataclass(frozen=True)
class RuleEvaluator(Evaluator):
    """A rule with the data of one panel; its vector of parameters has length zero."""

    @classmethod
    def of(cls, spec: ModelSpec, data: ModelData) -> "RuleEvaluator":
        """A layout without parameters."""
        none = np.zeros(0)
        square = np.zeros((0, 0))
        return cls(spec, data, ParameterLayout((), none, square, square, none.astype(int), ()))

    def natural(self, z: FloatArray) -> FloatArray:
        """No parameters, shape (0,)."""
        return np.asarray(z, float)

    def shares(self, p: FloatArray) -> FloatArray:
        """The fixed mix, shape (side, 1, cell)."""
        return np.broadcast_to(self._mix, (len(SIDES), 1, self._mix.size)).copy()

    def value(self, p: FloatArray, name: str, label: str | None = None) -> float:
        """What the rule takes a parameter to be."""
        return _MEANS[name]

    def books(self, p: FloatArray, shares: FloatArray) -> dict[tuple[str, str], BookRun]:
        """Run every leg and side; keys are (leg name, side)."""
        path = self.data.path
        with np.errstate(invalid="ignore"):
            # a bar that closes where it opened counts as up, as it does in the field
            rising = path.close >= path.open
        out = {}
        for leg in self.data.legs:
            expected, predicted, *tapes = rule_book(
                self._mix,
                rising,
                leg.interest,
                self.data.start,
                *(array for side in SIDES for array in leg.touches[side].arrays),
            )
            for j, side in enumerate(SIDES):
                out[leg.name, side] = BookRun(
                    expected[j], predicted[j], *tapes[5 * j : 5 * (j + 1)]
                )
        return out

    @cached_property
    def _mix(self) -> FloatArray:
        rule = self.spec.rule
        assert rule is not None
        return np.array(rule.share)
