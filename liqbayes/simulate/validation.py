"""Checks of settings, with messages that name what is allowed."""

import math
from collections.abc import Sequence
from numbers import Integral, Real

from liqbayes.errors import InputError


def require(condition: bool, name: str, value: object, allowed: str) -> None:
    """Raise `InputError` unless the condition holds."""
    if not condition:
        raise InputError(f"{name}={value!r} is not possible: allowed is {allowed}.")


def as_number(value: object) -> float:
    """The value as a float, NaN if it is no number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return math.nan
    return float(value)


def in_range(name: str, value: object, low: float, high: float = math.inf) -> None:
    """Require a finite number between two bounds, both included."""
    number = as_number(value)
    allowed = f"a number of at least {low:g}" if high == math.inf else f"a number {low:g}..{high:g}"
    require(math.isfinite(number) and low <= number <= high, name, value, allowed)


def positive(name: str, value: object) -> None:
    """Require a finite number above 0."""
    number = as_number(value)
    require(math.isfinite(number) and number > 0, name, value, "a finite number above 0")


def whole(name: str, value: object, low: int, high: int | None = None, note: str = "") -> int:
    """Require an integer between two bounds, both included, and return it."""
    allowed = f"an integer {low}..{high}" if high is not None else f"an integer of at least {low}"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InputError(f"{name}={value!r} is not possible: allowed is {allowed}{note}.")
    number = int(value)
    require(low <= number and (high is None or number <= high), name, value, allowed + note)
    return number


def weights(name: str, value: Sequence[float], count: int) -> None:
    """Require `count` non-negative weights that are not all 0."""
    require(
        len(value) == count and min(value) >= 0 and 0 < sum(value) < math.inf,
        name,
        value,
        f"{count} non-negative weights, not all 0",
    )
