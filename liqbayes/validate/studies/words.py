"""Figures in words."""


def number(value: float | None, digits: int = 3) -> str:
    """A figure; unknown as a word."""
    return "unknown" if value is None or value != value else f"{value:.{digits}g}"


def ratio(low: float | None, middle: float | None, high: float | None) -> str:
    """A ratio and its interval, to a thousandth: what counts is how far from one they are."""
    if middle is None or middle != middle:
        return "unknown"
    if low is None or high is None or low != low or high != high:
        return f"{middle:.3f}"
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


def interval(low: float | None, middle: float | None, high: float | None, digits: int = 3) -> str:
    """A figure and its interval; the figure alone where no interval is known."""
    if low is None or high is None or low != low or high != high:
        return number(middle, digits)
    return f"{number(middle, digits)} ({number(low, digits)} to {number(high, digits)})"
