"""Engine kernels as PyTensor operations, inlined by numba (and so by nutpie).

Every kernel is a pair of compiled functions: ``forward(*inputs) -> outputs`` and
``reverse(*cotangents, *outputs, *inputs) -> derivatives of the first inputs``. One operation
class serves all of them, told apart by name and by where its data lie.

Data arrays are packed into one vector of reals and one of integers (``Pack``), which are inputs of
every operation: PyTensor merges operations whose ``__props__`` are equal, whatever arrays they
hide, and every further shared variable adds seconds to nutpie's compilation.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytensor.tensor as pt
from pytensor.compile.sharedvalue import shared
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch import basic as numba_basic
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key

from liqbayes.engine import (
    adjoint,
    book,
    classes,
    interest,
    parameters,
    recursion,
    reports,
    shares,
    steps,
)


@dataclass(frozen=True)
class Kernel:
    """A differentiable array function.

    Attributes
    ----------
    forward, reverse : callable
        Compiled functions.
    output_ndims : tuple of int
    n_inputs : int
        The first so many inputs have derivatives.
    n_outputs : int
        The first so many outputs are differentiated; the rest is a tape for the adjoint.
    shapes : callable
        Output shapes given the data arguments, for backends that must know them beforehand.
    """

    forward: Callable[..., Any]
    reverse: Callable[..., Any]
    output_ndims: tuple[int, ...]
    n_inputs: int
    n_outputs: int
    shapes: Callable[[Sequence[Any]], tuple[tuple[int, ...], ...]]


def _book_shapes(data: Sequence[Any]) -> tuple[tuple[int, ...], ...]:
    n_classes = 1 if data[1][0] < 0 else classes.N_CLASSES
    time, cells = len(data[3]), np.shape(data[9])[1]
    tapes: list[tuple[int, ...]] = []
    for run_cell in (data[12], data[19]):
        tapes += [(time, n_classes, cells)] * 2
        tapes += [(n_classes, len(run_cell)), (recursion.N_CLASS_ROWS, n_classes, time)]
        tapes.append((recursion.N_BAR_ROWS, time))
    return (2, time), (2, time), *tapes


KERNELS = {
    "natural": Kernel(
        parameters.natural, parameters.natural_reverse, (1,), 1, 1, lambda d: (np.shape(d[0]),)
    ),
    "cell_shares": Kernel(
        shares.cell_shares,
        shares.cell_shares_reverse,
        (3,),
        1,
        1,
        lambda d: ((2, len(d[6]) * len(d[10]), len(d[1])),),
    ),
    "book": Kernel(book.book, book.book_reverse, (2, 2, *(3, 3, 2, 3, 2) * 2), 2, 2, _book_shapes),
    "interest_moments": Kernel(
        interest.interest_moments,
        interest.interest_moments_reverse,
        (1, 1),
        2,
        2,
        lambda d: ((len(d[5]),),) * 2,
    ),
    "report_moments": Kernel(
        reports.report_moments,
        reports.report_moments_reverse,
        (2,) * 6,
        2,
        3,
        lambda d: ((2, len(d[2])),) * 6,
    ),
}


def _source_fingerprint() -> str:
    """Hash of the engine's sources, part of every operation.

    So PyTensor's on-disk cache of compiled code never outlives the kernels inlined in it.
    """
    modules = (adjoint, book, classes, interest, parameters, recursion, reports, shares, steps)
    digest = hashlib.sha256()
    for module in modules:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:16]


FINGERPRINT = _source_fingerprint()

# Where one argument of a kernel lies: vector, row of the directory, dimensions, dtype. Numbers
# have no dimensions. Offsets and shapes are in the directory, not in the compiled code, so that
# panels of every length share one compilation.
Place = tuple[str, int, int, str]

# directory at the head of the packed integers: start, stop and two lengths an argument
_ROW, _MAX_ROWS = 4, 2048


class Pack:
    """Collects data arrays into two shared vectors while a graph is built."""

    def __init__(self) -> None:
        self.reals = shared(np.zeros(0), name="packed_reals", shape=(None,))
        self.integers = shared(np.zeros(0, np.int64), name="packed_integers", shape=(None,))
        self._parts: dict[str, list[Any]] = {"reals": [], "integers": []}
        self._size = {"reals": 0, "integers": _ROW * _MAX_ROWS}
        self._directory = np.zeros((_MAX_ROWS, _ROW), np.int64)
        self._rows = 0
        self._seen: dict[int, tuple[Any, Place]] = {}

    def put(self, value: Any) -> Place:
        """Store an array or number and say where it lies; the same array is stored once."""
        if id(value) in self._seen and np.ndim(value):
            return self._seen[id(value)][1]
        array = np.ascontiguousarray(value)
        vector = "reals" if array.dtype.kind == "f" else "integers"
        flat = array.ravel()
        if array.dtype.itemsize == 4:
            # two 4-byte values share one 8-byte slot; odd lengths get one more
            flat = np.append(flat, np.zeros(flat.size % 2, flat.dtype))
        slots = flat.view(np.float64 if vector == "reals" else np.int64)
        start = self._size[vector]
        self._parts[vector].append(slots)
        self._size[vector] += slots.size
        ndim = np.ndim(value)
        shape = (*array.shape[:ndim], 0, 0)[:2]
        row, self._rows = self._rows, self._rows + 1
        self._directory[row] = (start, start + slots.size, *shape)
        place: Place = (vector, row, ndim, array.dtype.name)
        self._seen[id(value)] = (value, place)
        return place

    def close(self) -> None:
        """Fill the shared vectors; call it once the graph is complete."""
        self.reals.set_value(np.concatenate([np.zeros(0), *self._parts["reals"]]))
        self.integers.set_value(np.concatenate([self._directory.ravel(), *self._parts["integers"]]))


class KernelOp(Op):
    """Forward pass of a named kernel."""

    __props__: ClassVar[tuple[str, ...]] = ("name", "places", "fingerprint")

    def __init__(
        self, name: str, places: tuple[Place, ...], shapes: tuple[tuple[int, ...], ...]
    ) -> None:
        self.name = name
        self.places = places
        # follows from the data at ``places``, so it is no part of the operation's identity
        self.shapes = shapes
        self.fingerprint = FINGERPRINT
        self.kernel = KERNELS[name]

    def make_node(self, *inputs: Any) -> Apply[Any]:
        """Take the differentiable inputs and the two packed vectors."""
        args = [pt.as_tensor_variable(x) for x in inputs]
        outputs = [pt.tensor(dtype="float64", shape=(None,) * n) for n in self.kernel.output_ndims]
        return Apply(self, args, outputs)

    def perform(self, node: Apply[Any], inputs: Sequence[Any], output_storage: Any) -> None:
        """Run the compiled function on NumPy arrays."""
        _store(evaluate(self.kernel.forward, self.places, inputs), output_storage)

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """Vector-Jacobian product by the kernel's own adjoint."""
        given = [
            pt.zeros_like(o) if isinstance(c.type, DisconnectedType) else c
            for o, c in list(zip(outputs, cotangents, strict=True))[: self.kernel.n_outputs]
        ]
        derivatives: Any = AdjointOp(self.name, self.places)(*given, *outputs, *inputs)
        if self.kernel.n_inputs == 1:
            derivatives = [derivatives]
        return [*derivatives, *(pt.zeros_like(x, dtype="float64") for x in inputs[-2:])]


class AdjointOp(Op):
    """Reverse pass of a named kernel."""

    __props__: ClassVar[tuple[str, ...]] = ("name", "places", "fingerprint")

    def __init__(self, name: str, places: tuple[Place, ...]) -> None:
        self.name = name
        self.places = places
        self.fingerprint = FINGERPRINT
        self.kernel = KERNELS[name]

    def make_node(self, *inputs: Any) -> Apply[Any]:
        """Take cotangents of the differentiated outputs, then outputs and inputs."""
        args = [pt.as_tensor_variable(x) for x in inputs]
        head = self.kernel.n_outputs + len(self.kernel.output_ndims)
        outputs = [
            pt.tensor(dtype="float64", shape=(None,) * x.ndim)
            for x in args[head : head + self.kernel.n_inputs]
        ]
        return Apply(self, args, outputs)

    def perform(self, node: Apply[Any], inputs: Sequence[Any], output_storage: Any) -> None:
        """Run the compiled adjoint on NumPy arrays."""
        _store(evaluate(self.kernel.reverse, self.places, inputs), output_storage)


def call(pack: Pack, name: str, differentiable: Sequence[Any], data: Sequence[Any]) -> Any:
    """Apply a kernel to tensors and data arrays or numbers."""
    places = tuple(pack.put(x) for x in data)
    return KernelOp(name, places, KERNELS[name].shapes(data))(
        *differentiable, pack.reals, pack.integers
    )


def _unpack(place: Place, reals: Any, integers: Any) -> Any:
    vector, row, ndim, dtype = place
    start, stop, rows, columns = (int(x) for x in integers[_ROW * row : _ROW * (row + 1)])
    flat = (reals if vector == "reals" else integers)[start:stop].view(dtype)
    if ndim == 0:
        return flat[0].item()
    return flat[:rows] if ndim == 1 else flat.reshape(rows, columns)


def evaluate(
    function: Callable[..., Any], places: tuple[Place, ...], inputs: Sequence[Any]
) -> tuple[Any, ...]:
    """Run a kernel on arrays, the last two of which are the packed data."""
    *head, reals, integers = (np.ascontiguousarray(x) for x in inputs)
    result = function(*head, *(_unpack(x, reals, integers) for x in places))
    return result if isinstance(result, tuple) else (result,)


def _store(values: tuple[Any, ...], storage: Any) -> None:
    for slot, value in zip(storage, values, strict=True):
        slot[0] = value


def _adapter(
    function: Callable[..., Any], places: tuple[Place, ...], node: Apply[Any]
) -> Callable[..., Any]:
    """Compiled wrapper that unpacks the data and calls the kernel.

    Numba has no generic way to map over arguments of different types, so the call is spelt out.
    """
    names = [f"x{i}" for i in range(len(node.inputs) - 2)]
    passed = [f"np.ascontiguousarray({n})" for n in names]
    for vector, row, ndim, dtype in places:
        at = _ROW * row
        if ndim == 0:
            passed.append(f"{vector}[integers[{at}]]")
            continue
        text = f"{vector}[integers[{at}]:integers[{at + 1}]]"
        if dtype.endswith("32"):
            text = f"{text}.view(np.{dtype})[:integers[{at + 2}]]"
        if ndim == 2:
            text = f"{text}.reshape((integers[{at + 2}], integers[{at + 3}]))"
        passed.append(text)
    source = (
        f"def adapter({', '.join([*names, 'reals', 'integers'])}):\n"
        "    reals = np.ascontiguousarray(reals)\n"
        "    integers = np.ascontiguousarray(integers)\n"
        f"    return kernel({', '.join(passed)})\n"
    )
    scope: dict[str, Any] = {"np": np, "kernel": function}
    exec(source, scope)
    return numba_basic.numba_njit(scope["adapter"])


@register_funcify_default_op_cache_key(KernelOp)
def _funcify_kernel(op: KernelOp, node: Apply[Any], **kwargs: Any) -> Callable[..., Any]:
    return _adapter(op.kernel.forward, op.places, node)


@register_funcify_default_op_cache_key(AdjointOp)
def _funcify_adjoint(op: AdjointOp, node: Apply[Any], **kwargs: Any) -> Callable[..., Any]:
    return _adapter(op.kernel.reverse, op.places, node)
