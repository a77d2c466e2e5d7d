"""Adverse moves of holding periods, and their block maxima."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from liqbayes.contracts import SIDES
from liqbayes.errors import InputError
from liqbayes.outputs.windows import duration_seconds
from liqbayes.panel import MarketPanel

FloatArray = NDArray[np.float64]

# What a position is held against: the worst price within the period, or the price at its end.
KINDS = ("intrabar", "close")


@dataclass(frozen=True)
class Moves:
    """Holding periods that follow each other, and how far price went against each side.

    Attributes
    ----------
    holding : str
        Duration of a period.
    days : float
        The same in days.
    kind : {"intrabar", "close"}
    start : ndarray of datetime64, shape (period,)
    adverse : mapping of side to ndarray, shape (period,)
        Fractions of the first price: of a long ``1 - low/open`` or ``1 - close/open``, of a short
        ``high/open - 1`` or ``close/open - 1``. NaN where a bar of the period is unknown.
    change : ndarray, shape (period,)
        ``close/open - 1``.
    """

    holding: str
    days: float
    kind: str
    start: NDArray[np.datetime64]
    adverse: dict[str, FloatArray]
    change: FloatArray

    @property
    def n(self) -> int:
        """Number of periods."""
        return int(self.start.size)

    def where(self, keep: NDArray[np.bool_]) -> "Moves":
        """The periods that a mask keeps, as if they followed each other."""
        return Moves(
            self.holding,
            self.days,
            self.kind,
            self.start[keep],
            {side: values[keep] for side, values in self.adverse.items()},
            self.change[keep],
        )

    def between(self, since: str | None, until: str | None) -> "Moves":
        """Periods that begin at ``since`` or later and before ``until``."""
        keep = np.ones(self.n, dtype=np.bool_)
        if since is not None:
            keep &= self.start >= np.datetime64(since)
        if until is not None:
            keep &= self.start < np.datetime64(until)
        return self.where(keep)

    def without(self, days: tuple[str, ...]) -> "Moves":
        """Periods that touch none of these days (UTC)."""
        end = self.start + np.timedelta64(round(self.days * 86_400), "s")
        keep = np.ones(self.n, dtype=np.bool_)
        for day in days:
            first = np.datetime64(day)
            keep &= (end <= first) | (self.start >= first + np.timedelta64(1, "D"))
        return self.where(keep)


def holding_moves(panel: MarketPanel, holding: str = "1d", kind: str = "intrabar") -> Moves:
    """Cut a panel into holding periods from its first bar on.

    Parameters
    ----------
    panel : MarketPanel
    holding : str
        Duration such as ``"1d"``; a whole number of bars.
    kind : {"intrabar", "close"}

    Returns
    -------
    Moves
        Bars after the last whole period are left out.

    Raises
    ------
    InputError
        If the duration is no whole number of bars, or the panel has no whole period.
    """
    if kind not in KINDS:
        raise InputError(f"moves are {kind!r}; use one of {', '.join(KINDS)}.")
    seconds = duration_seconds(holding)
    bars, rest = divmod(seconds, panel.bar_seconds)
    if rest or bars < 1:
        raise InputError(
            f"a holding period of {holding} is no whole number of bars of {panel.bar_seconds} s; "
            "use a multiple of the bar, or a panel of shorter bars."
        )
    n = panel.n_bars // bars
    if n < 1:
        raise InputError(f"the panel has {panel.n_bars} bars, fewer than one period of {holding}.")

    def cut(name: str) -> FloatArray:
        return np.asarray(panel.values(name)[: n * bars].reshape(n, bars))

    opened, closed = cut("open")[:, 0], cut("close")[:, -1]
    # one unknown price makes an extreme a mere bound
    low, high = cut("low").min(axis=1), cut("high").max(axis=1)
    below, above = (low, high) if kind == "intrabar" else (closed, closed)
    adverse = {"long": 1.0 - below / opened, "short": above / opened - 1.0}
    start = panel.time[: n * bars : bars].copy()
    return Moves(holding, seconds / 86_400, kind, start, adverse, closed / opened - 1.0)


def block_maxima(adverse: FloatArray, periods: int) -> tuple[FloatArray, int]:
    """Largest adverse move of each block.

    Parameters
    ----------
    adverse : ndarray, shape (period,)
    periods : int
        Periods of a block.

    Returns
    -------
    maxima : ndarray, shape (block,)
        Of whole blocks without an unknown period.
    dropped : int
        Blocks with one.

    Raises
    ------
    InputError
        If a block has no period.
    """
    if periods < 1:
        raise InputError(f"a block has {periods} periods; use at least 1.")
    n = adverse.size // periods
    maxima = adverse[: n * periods].reshape(n, periods).max(axis=1)
    known = ~np.isnan(maxima)
    return maxima[known], int(n - known.sum())


def excess_kurtosis(changes: FloatArray) -> float:
    """Fourth standardised moment less 3; NaN of fewer than four known changes."""
    known = changes[~np.isnan(changes)]
    return float(stats.kurtosis(known, bias=False)) if known.size >= 4 else float("nan")


def check_side(side: str) -> None:
    """Raise InputError unless it is "long" or "short"."""
    if side not in SIDES:
        raise InputError(f"side={side!r}; a side is one of {', '.join(SIDES)}.")
