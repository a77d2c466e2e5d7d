"""Figures in words."""

_UNKNOWN = "unknown"


def number(value: float | None, digits: int = 3) -> str:
    """A figure; unknown as a word."""
    return _UNKNOWN if value is None or value != value else f"{value:.{digits}g}"


def interval(low: float | None, middle: float | None, high: float | None, digits: int = 3) -> str:
    """A figure and its interval; the figure alone where no interval is known."""
    return _with_ends(*(number(value, digits) for value in (low, middle, high)))


def ratio(low: float | None, middle: float | None, high: float | None) -> str:
    """A ratio and its interval, to a thousandth: what counts is how far from one they are."""
    values = (low, middle, high)
    return _with_ends(*(_UNKNOWN if x is None or x != x else f"{x:.3f}" for x in values))


def _with_ends(low: str, middle: str, high: str) -> str:
    return middle if _UNKNOWN in (low, middle, high) else f"{middle} ({low} to {high})"
