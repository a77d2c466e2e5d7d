"""Figures in words."""


def number(value: float | None, digits: int = 3) -> str:
    """A figure; unknown as a word."""
    return "unknown" if value is None or value != value else f"{value:.{digits}g}"


def interval(low: float | None, middle: float | None, high: float | None, digits: int = 3) -> str:
    """A figure and its interval; the figure alone where no interval is known."""
    if low is None or high is None or low != low or high != high:
        return number(middle, digits)
    return f"{number(middle, digits)} ({number(low, digits)} to {number(high, digits)})"
