"""PyTensor operations around the engine's kernels, inlined by numba (and so by nutpie).

Touch arrays are inputs, never attributes of the operation: PyTensor merges operations whose
``__props__`` are equal, whatever else they hide.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch import basic as numba_basic
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key

from liqbayes.engine import kernel, residual

# differentiable inputs of the recursion: flow, shares, c, renewal, entering, speed, initial
N_PARAMETERS = 7
# interest, start, block, then the seven arrays of a Layout
_DATA_TYPES = (
    "vector", "lvector", "lvector", "matrix", "lvector", "lvector", "ivector", "ivector",
    "fvector", "fvector",
)


class CohortRecursion(Op):
    """Expected and predicted liquidation of one side, with the tapes of the forward pass.

    Inputs are those of ``engine.kernel.forward``; outputs are expected liquidation (time),
    predicted liquidation (time), class tape and bar tape. Only the first two are differentiable.
    """

    __props__: ClassVar[tuple[str, ...]] = ()

    def make_node(self, *inputs: Any) -> Apply:
        """Check types and declare the four outputs."""
        args = _as_inputs(inputs)
        out = [pt.vector(), pt.vector(), pt.tensor3(), pt.matrix()]
        return Apply(self, args, [o.type() for o in out])

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Any) -> None:
        """Run the compiled kernel on NumPy arrays."""
        for slot, value in zip(output_storage, _recursion(*_plain(inputs)), strict=True):
            slot[0] = value

    def infer_shape(self, fgraph: Any, node: Apply, shapes: Any) -> list[tuple[Any, ...]]:
        """Shapes follow from ``flow`` and the number of classes."""
        time, n_class = shapes[0][0], shapes[1][0]
        return [
            (time,), (time,),
            (kernel.N_CLASS_ROWS, n_class, time), (kernel.N_BAR_ROWS, time),
        ]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """Vector-Jacobian product by the hand-written adjoint."""
        cot = [
            o.zeros_like() if _disconnected(g) else g
            for o, g in zip(outputs[:2], cotangents[:2], strict=True)
        ]
        grads = cohort_adjoint(*cot, outputs[2], outputs[3], *inputs)
        fixed = [pt.zeros_like(x, dtype="float64") for x in inputs[N_PARAMETERS:]]
        return [*grads, *fixed]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:  # noqa: N802
        """Older name of ``pullback``."""
        return self.pullback(inputs, outputs, output_grads)


class CohortAdjoint(Op):
    """Derivatives of a scalar by the parameters of ``CohortRecursion``."""

    __props__: ClassVar[tuple[str, ...]] = ()

    def make_node(self, *inputs: Any) -> Apply:
        """Take two cotangents, two tapes and the recursion's inputs."""
        head = [pt.as_tensor_variable(x) for x in inputs[:4]]
        args = [*head, *_as_inputs(inputs[4:])]
        return Apply(self, args, [x.type() for x in args[4 : 4 + N_PARAMETERS]])

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Any) -> None:
        """Run the compiled adjoint on NumPy arrays."""
        out = kernel.reverse(*(np.asarray(x) for x in inputs[:4]), *_plain(inputs[4:]))
        for slot, value in zip(output_storage, out, strict=True):
            slot[0] = np.asarray(value)

    def infer_shape(self, fgraph: Any, node: Apply, shapes: Any) -> list[Any]:
        """Each derivative has the shape of its parameter."""
        return list(shapes[4 : 4 + N_PARAMETERS])


class SlowResidual(Op):
    """Filtered slow residual of the feed; see ``engine.residual.slow_residual``."""

    __props__: ClassVar[tuple[str, ...]] = ()

    def make_node(self, raw: Any, known: Any, start: Any, memory: Any, gain: Any) -> Apply:
        """Take the raw residual, masks and the two scalars."""
        args = [
            pt.as_tensor_variable(raw), pt.as_tensor_variable(known),
            pt.as_tensor_variable(start), pt.as_tensor_variable(memory),
            pt.as_tensor_variable(gain),
        ]
        return Apply(self, args, [pt.vector()])

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Any) -> None:
        """Run the filter on NumPy arrays."""
        raw, known, start, memory, gain = inputs
        output_storage[0][0] = residual.slow_residual(
            raw, known, start, float(memory), float(gain)
        )

    def infer_shape(self, fgraph: Any, node: Apply, shapes: Any) -> list[Any]:
        """Shape of the raw residual."""
        return [shapes[0]]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """Vector-Jacobian product by the filter's adjoint."""
        raw_bar, memory_bar, gain_bar = slow_residual_adjoint(cotangents[0], outputs[0], *inputs)
        zeros = [pt.zeros_like(x, dtype="float64") for x in inputs[1:3]]
        return [raw_bar, *zeros, memory_bar, gain_bar]

    def L_op(self, inputs: Any, outputs: Any, output_grads: Any) -> list[Any]:  # noqa: N802
        """Older name of ``pullback``."""
        return self.pullback(inputs, outputs, output_grads)


class SlowResidualAdjoint(Op):
    """Derivatives of a scalar by the raw residual, the memory and the gain."""

    __props__: ClassVar[tuple[str, ...]] = ()

    def make_node(self, *inputs: Any) -> Apply:
        """Take the cotangent, the filtered residual and the filter's inputs."""
        args = [pt.as_tensor_variable(x) for x in inputs]
        return Apply(self, args, [pt.vector(), pt.scalar(), pt.scalar()])

    def perform(self, node: Apply, inputs: Sequence[Any], output_storage: Any) -> None:
        """Run the adjoint on NumPy arrays."""
        cot, filtered, raw, known, start, memory, gain = inputs
        out = residual.slow_residual_reverse(
            cot, filtered, raw, known, start, float(memory), float(gain)
        )
        for slot, value in zip(output_storage, out, strict=True):
            slot[0] = np.asarray(value)

    def infer_shape(self, fgraph: Any, node: Apply, shapes: Any) -> list[Any]:
        """One derivative a bar and two scalars."""
        return [shapes[0], (), ()]


cohort_recursion = CohortRecursion()
cohort_adjoint = CohortAdjoint()
slow_residual = SlowResidual()
slow_residual_adjoint = SlowResidualAdjoint()


def _disconnected(variable: Any) -> bool:
    from pytensor.gradient import DisconnectedType

    return isinstance(variable.type, DisconnectedType)


def _as_inputs(inputs: Sequence[Any]) -> list[Any]:
    return [pt.as_tensor_variable(x) for x in inputs]


def _plain(inputs: Sequence[Any]) -> list[Any]:
    """Scalars as floats, the rest as contiguous arrays."""
    return [float(x) if np.ndim(x) == 0 else np.ascontiguousarray(x) for x in inputs]


def _recursion(*args: Any) -> tuple[Any, ...]:
    class_tape, bar_tape = kernel.forward(*args)
    return bar_tape[kernel.EXPECTED], bar_tape[kernel.PREDICTED], class_tape, bar_tape


# Numba dispatch. The kernels take C-contiguous arrays; scalars reach them as 0-d arrays.


@register_funcify_default_op_cache_key(CohortRecursion)
def _funcify_recursion(op: CohortRecursion, node: Apply, **kwargs: Any) -> Callable[..., Any]:
    forward = kernel.forward
    expected, predicted = kernel.EXPECTED, kernel.PREDICTED

    @numba_basic.numba_njit
    def cohort_recursion_numba(
        flow, shares, c, renewal, entering, speed, initial, interest, start, block, swept,
        n_swept, pointer, cohort, slot, open_weight, moved_weight,
    ):  # type: ignore[no-untyped-def]
        class_tape, bar_tape = forward(
            np.ascontiguousarray(flow), np.ascontiguousarray(shares), c.item(), renewal.item(),
            np.ascontiguousarray(entering), np.ascontiguousarray(speed),
            np.ascontiguousarray(initial), np.ascontiguousarray(interest),
            np.ascontiguousarray(start), np.ascontiguousarray(block),
            np.ascontiguousarray(swept), np.ascontiguousarray(n_swept),
            np.ascontiguousarray(pointer), np.ascontiguousarray(cohort),
            np.ascontiguousarray(slot), np.ascontiguousarray(open_weight),
            np.ascontiguousarray(moved_weight),
        )
        return bar_tape[expected].copy(), bar_tape[predicted].copy(), class_tape, bar_tape

    return cohort_recursion_numba  # type: ignore[no-any-return]


@register_funcify_default_op_cache_key(CohortAdjoint)
def _funcify_adjoint(op: CohortAdjoint, node: Apply, **kwargs: Any) -> Callable[..., Any]:
    reverse = kernel.reverse

    @numba_basic.numba_njit
    def cohort_adjoint_numba(
        expected_bar, predicted_bar, class_tape, bar_tape, flow, shares, c, renewal, entering,
        speed, initial, interest, start, block, swept, n_swept, pointer, cohort, slot,
        open_weight, moved_weight,
    ):  # type: ignore[no-untyped-def]
        f, s, c_bar, renewal_bar, e, v, i = reverse(
            np.ascontiguousarray(expected_bar), np.ascontiguousarray(predicted_bar),
            np.ascontiguousarray(class_tape), np.ascontiguousarray(bar_tape),
            np.ascontiguousarray(flow), np.ascontiguousarray(shares), c.item(), renewal.item(),
            np.ascontiguousarray(entering), np.ascontiguousarray(speed),
            np.ascontiguousarray(initial), np.ascontiguousarray(interest),
            np.ascontiguousarray(start), np.ascontiguousarray(block),
            np.ascontiguousarray(swept), np.ascontiguousarray(n_swept),
            np.ascontiguousarray(pointer), np.ascontiguousarray(cohort),
            np.ascontiguousarray(slot), np.ascontiguousarray(open_weight),
            np.ascontiguousarray(moved_weight),
        )
        return f, s, np.asarray(c_bar), np.asarray(renewal_bar), e, v, i

    return cohort_adjoint_numba  # type: ignore[no-any-return]


@register_funcify_default_op_cache_key(SlowResidual)
def _funcify_residual(op: SlowResidual, node: Apply, **kwargs: Any) -> Callable[..., Any]:
    run = residual.slow_residual

    @numba_basic.numba_njit
    def slow_residual_numba(raw, known, start, memory, gain):  # type: ignore[no-untyped-def]
        return run(
            np.ascontiguousarray(raw), np.ascontiguousarray(known), np.ascontiguousarray(start),
            memory.item(), gain.item(),
        )

    return slow_residual_numba  # type: ignore[no-any-return]


@register_funcify_default_op_cache_key(SlowResidualAdjoint)
def _funcify_residual_adjoint(
    op: SlowResidualAdjoint, node: Apply, **kwargs: Any
) -> Callable[..., Any]:
    run = residual.slow_residual_reverse

    @numba_basic.numba_njit
    def slow_residual_adjoint_numba(
        cot, filtered, raw, known, start, memory, gain
    ):  # type: ignore[no-untyped-def]
        raw_bar, memory_bar, gain_bar = run(
            np.ascontiguousarray(cot), np.ascontiguousarray(filtered),
            np.ascontiguousarray(raw), np.ascontiguousarray(known), np.ascontiguousarray(start),
            memory.item(), gain.item(),
        )
        return raw_bar, np.asarray(memory_bar), np.asarray(gain_bar)

    return slow_residual_adjoint_numba  # type: ignore[no-any-return]
