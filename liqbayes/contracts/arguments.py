"""Validation of the arguments that the margin functions share."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liqbayes.contracts.aggregate import AggregateContract, AnyContract
from liqbayes.contracts.contract import Contract
from liqbayes.contracts.distance import SIDES
from liqbayes.contracts.formulas import Terms
from liqbayes.errors import InputError, NotDeterminedError

Array = NDArray[np.float64]
Sides = str | list[str] | NDArray[np.str_]


def single_contract(contract: AnyContract) -> Contract:
    """Return the contract; refuse aggregates and anything else."""
    if isinstance(contract, AggregateContract):
        raise NotDeterminedError(
            f"{contract.name} mixes venues and has no liquidation rule; use one of its legs with "
            "maintenance_margin_rate=, or a venue's contract"
        )
    if not isinstance(contract, Contract):
        raise InputError(f"contract must come from load_contract, got {type(contract).__name__}")
    return contract


def position(
    side: Sides, entry_price: ArrayLike, quantity: ArrayLike
) -> tuple[Array, Array, Array]:
    """Return sign of the side, quantity and entry price."""
    names = np.asarray(side)
    bad = ~np.isin(names, SIDES)
    if np.any(bad):
        first = names[bad].tolist()[0]  # tolist: the user's str or number, not numpy's
        raise InputError(f"side={first!r}; a side is 'long' or 'short'")
    s = np.where(names == "long", 1.0, -1.0)
    return s, above_zero("quantity", quantity), above_zero("entry_price", entry_price)


def finite(name: str, value: ArrayLike) -> Array:
    """Return a float array; refuse NaN, infinity and text."""
    try:
        out = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name}={value!r} must be numeric") from None
    if not np.all(np.isfinite(out)):
        raise InputError(f"{name} must be finite everywhere (no NaN, no infinity)")
    return out


def above_zero(name: str, value: ArrayLike) -> Array:
    """Return a float array of positive numbers."""
    out = finite(name, value)
    if not np.all(out > 0):
        raise InputError(f"{name} must be above 0, got {float(np.min(out)):g}")
    return out


def fraction(name: str, value: ArrayLike) -> Array:
    """Return a float array of fractions in [0, 1)."""
    out = finite(name, value)
    if not np.all((out >= 0) & (out < 1)):
        raise InputError(
            f"{name} must be a fraction in [0, 1), got {float(out.flat[np.argmax(np.abs(out))]):g}"
            "; write 0.4 % as 0.004"
        )
    return out


def check_shapes(*values: ArrayLike | None) -> None:
    """Raise if arrays (None is skipped) do not broadcast against each other."""
    shapes = [np.shape(value) for value in values if value is not None]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        shown = ", ".join(str(shape) for shape in shapes)
        raise InputError(f"the arguments do not broadcast together: shapes {shown}") from None


def build_terms(
    *,
    s: Array,
    q: Array,
    entry: Array,
    margin: ArrayLike,
    m: ArrayLike,
    c: ArrayLike,
    fee: ArrayLike,
    extra: ArrayLike,
    size_rate: float,
) -> Terms:
    """Broadcast the arguments of a formula against each other."""
    parts = [np.asarray(x, dtype=np.float64) for x in (s, q, entry, margin, m, c, fee, extra)]
    check_shapes(*parts)
    arrays = np.broadcast_arrays(*parts)
    a = [np.asarray(x) for x in arrays]
    return Terms(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], size_rate)
