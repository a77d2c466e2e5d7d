"""The model outside the graph: the same kernels on arrays, one draw at a time.

Simulation, predictive draws and outputs call these, so that graph and outputs share every formula.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.engine import interest, kernel, parameters, reports
from liqbayes.engine import shares as share_kernel
from liqbayes.model.data import SIDES, ModelData
from liqbayes.model.inputs import (
    book_inputs,
    interest_inputs,
    natural_inputs,
    parameter_layout,
    report_inputs,
    share_inputs,
)
from liqbayes.model.priors import ParameterLayout
from liqbayes.model.spec import ModelSpec

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class BookRun:
    """Tapes of one leg and side for one draw (see ``engine.kernel.forward``)."""

    expected: FloatArray
    predicted: FloatArray
    class_tape: FloatArray
    bar_tape: FloatArray


@dataclass(frozen=True)
class Evaluator:
    """A specification with the data of one panel, ready to be evaluated at parameter values."""

    spec: ModelSpec
    data: ModelData
    layout: ParameterLayout

    @classmethod
    def of(cls, spec: ModelSpec, data: ModelData) -> "Evaluator":
        """Lay the parameters out for these data."""
        return cls(spec, data, parameter_layout(spec, data))

    def natural(self, z: FloatArray) -> FloatArray:
        """Natural parameters of standard normal coordinates, shape (parameter,)."""
        return np.asarray(parameters.natural(z, *natural_inputs(self.layout)))

    def shares(self, p: FloatArray) -> FloatArray:
        """Opening distribution over leverage cells, shape (side, block, cell)."""
        return np.asarray(share_kernel.cell_shares(p, *share_inputs(self.layout, self.data)))

    def value(self, p: FloatArray, name: str, label: str | None = None) -> float:
        """One natural parameter."""
        return float(p[self.layout.index(name, label)])

    def books(self, p: FloatArray, shares: FloatArray) -> dict[tuple[str, str], BookRun]:
        """Run every leg and side; keys are (leg name, side)."""
        return {
            (leg.name, side): BookRun(
                *kernel.book(p, shares, *book_inputs(self.layout, self.data, leg, side))
            )
            for leg in self.data.legs
            for side in SIDES
        }

    def expected_common(
        self, p: FloatArray, runs: dict[tuple[str, str], BookRun], side: str
    ) -> FloatArray:
        """Expected liquidation of one side over all legs in the panel's quantity unit.

        Of what is closed at its level only a share is forced; stops close the rest.
        """
        closed = sum(runs[leg.name, side].expected * leg.to_common for leg in self.data.legs)
        return np.asarray(self.value(p, "forced_share") * closed)

    def interest_moments(
        self, p: FloatArray, runs: dict[tuple[str, str], BookRun], leg_index: int
    ) -> tuple[FloatArray, FloatArray]:
        """Location and scale of each scored log change of one leg."""
        leg = self.data.legs[leg_index]
        location, scale = interest.interest_moments(
            p,
            runs[leg.name, "long"].predicted,
            runs[leg.name, "short"].predicted,
            *interest_inputs(self.layout, self.data, leg),
        )
        return location, scale

    def report_moments(
        self, p: FloatArray, expected: FloatArray, side: str
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
        """Location, scale, log zero probability, lumps and slow residual of each bar's report."""
        out = reports.report_moments(p, expected, *report_inputs(self.layout, self.data, side))
        return out  # type: ignore[no-any-return]
