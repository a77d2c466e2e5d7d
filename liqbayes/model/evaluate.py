"""The model outside the graph: the same kernels on arrays, one draw at a time.

Simulation, predictive draws and outputs call these, so that graph and outputs share every formula.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liqbayes.engine import book, interest, parameters, reports
from liqbayes.engine import shares as share_kernel
from liqbayes.engine.classes import holding_classes
from liqbayes.model.data import SIDES, Leg, ModelData
from liqbayes.model.inputs import (
    book_inputs,
    class_where,
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
    """Tapes of one leg and side for one draw (see ``engine.recursion.forward``)."""

    expected: FloatArray
    predicted: FloatArray
    living: FloatArray
    placed: FloatArray
    by_run: FloatArray
    by_class: FloatArray
    by_bar: FloatArray


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
        return np.asarray(parameters.natural(z, *self._natural_inputs))

    def shares(self, p: FloatArray) -> FloatArray:
        """Opening distribution over leverage cells, shape (side, class x block, cell)."""
        return np.asarray(share_kernel.cell_shares(p, *self._share_inputs))

    def mean_shares(self, p: FloatArray) -> FloatArray:
        """Opening distribution by funding regime, shape (side, regime, cell).

        The mean over holding classes, by what they open, and over the steps of the mix and cuts of
        leverage, by their bars.
        """
        shares = self.shares(p)
        entering = holding_classes(p, self._class_where)[0]
        by_class = shares.reshape(len(SIDES), entering.size, -1, shares.shape[2])
        mixed = np.einsum("c,scbk->sbk", entering, by_class)
        bars = np.bincount(self.data.block, minlength=mixed.shape[1]).astype(float)
        _, regime = np.unique(self.data.block_funding, return_inverse=True)
        weight = (regime == np.arange(regime.max() + 1)[:, None]) * np.maximum(bars, 1e-9)
        weight /= weight.sum(axis=1, keepdims=True)
        return np.asarray(np.einsum("rb,sbk->srk", weight, mixed))

    def value(self, p: FloatArray, name: str, label: str | None = None) -> float:
        """One natural parameter."""
        return float(p[self.layout.index(name, label)])

    def books(self, p: FloatArray, shares: FloatArray) -> dict[tuple[str, str], BookRun]:
        """Run every leg and side; keys are (leg name, side)."""
        out = {}
        for leg in self.data.legs:
            expected, predicted, *tapes = book.book(p, shares, *self.book_inputs(leg))
            for j, side in enumerate(SIDES):
                own = tapes[5 * j : 5 * (j + 1)]
                out[leg.name, side] = BookRun(expected[j], predicted[j], *own)
        return out

    def expected_common(self, p: FloatArray, runs: dict[tuple[str, str], BookRun]) -> FloatArray:
        """Expected liquidation over all legs in the panel's quantity unit, shape (2, time).

        Of what is closed at its level only a share is forced; stops close the rest.
        """
        closed = [
            sum(runs[leg.name, side].expected * leg.to_common for leg in self.data.legs)
            for side in SIDES
        ]
        return self.value(p, "forced_share") * np.stack(closed)

    def interest_moments(
        self, p: FloatArray, runs: dict[tuple[str, str], BookRun], leg_index: int
    ) -> tuple[FloatArray, FloatArray]:
        """Location and scale of each scored log change of one leg."""
        leg = self.data.legs[leg_index]
        location, scale = interest.interest_moments(
            p,
            np.stack([runs[leg.name, side].predicted for side in SIDES]),
            *self.interest_inputs(leg),
        )
        return location, scale

    def report_moments(
        self, p: FloatArray, expected: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Location, scale and log zero probability of the reports, each (side, time)."""
        location, scale, log_zero, *_ = self.report_parts(p, expected)
        return location, scale, log_zero

    def report_parts(self, p: FloatArray, expected: FloatArray) -> tuple[FloatArray, ...]:
        """All that ``engine.reports.report_moments`` returns, each (side, time)."""
        return reports.report_moments(p, expected, *self._report_inputs)  # type: ignore[no-any-return]

    def book_inputs(self, leg: Leg) -> tuple[Any, ...]:
        """Arguments of ``engine.book.book`` after parameters and shares."""
        return self._book_inputs[leg.name]

    def interest_inputs(self, leg: Leg) -> tuple[Any, ...]:
        """Arguments of ``engine.interest.interest_moments`` after the predicted liquidations."""
        return self._interest_inputs[leg.name]

    # What the kernels take besides parameters, made once for all draws.

    @cached_property
    def _natural_inputs(self) -> tuple[Any, ...]:
        return natural_inputs(self.layout)

    @cached_property
    def _share_inputs(self) -> tuple[Any, ...]:
        return share_inputs(self.layout, self.data)

    @cached_property
    def _class_where(self) -> NDArray[np.int64]:
        return class_where(self.layout)

    @cached_property
    def _book_inputs(self) -> dict[str, tuple[Any, ...]]:
        return {leg.name: book_inputs(self.layout, self.data, leg) for leg in self.data.legs}

    @cached_property
    def _interest_inputs(self) -> dict[str, tuple[Any, ...]]:
        return {leg.name: interest_inputs(self.layout, self.data, leg) for leg in self.data.legs}

    @cached_property
    def _report_inputs(self) -> tuple[Any, ...]:
        return report_inputs(self.layout, self.data)
