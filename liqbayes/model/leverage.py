"""Distribution of effective leverage at opening: tail shares in, cell shares out.

Cells are fixed in effective leverage, so that linear and inverse legs of one market share one
density; the contract's rule turns their edges into distances. Shares follow from continuation
logits of P(leverage >= 3), 8, 20 and 50, log-linear in between (a piecewise Pareto tail) with
rounded corners, which sample better than free cells and read like the published figures.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.contracts import level_log_offset
from liqbayes.errors import SpecError
from liqbayes.model.spec import ModelSpec

FloatArray = NDArray[np.float64]

# Above this, a position is within its maintenance margin on every venue read.
TOP = 200.0
# A level further than 95 % below its anchor counts as none (linear longs near 1x).
NO_LEVEL = 1.0 / 0.95
# Open end: linear shorts beyond +500 %.
BOTTOM = 0.2
KNOTS = np.array([NO_LEVEL, 3.0, 8.0, 20.0, 50.0])
# Corners of the log tail at the knots are rounded over this factor on both sides: its average over
# the window, so it stays monotone and linear in its values at the knots.
ROUNDED = 1.4
# Share of the mass below NO_LEVEL that lies below BOTTOM (Hyperliquid accounts, Feb 2026:
# 4-10 % of short notional beyond +300 % of price).
BELOW_BOTTOM = 0.1


@dataclass(frozen=True)
class LeverageCells:
    """Cells of effective leverage, from the highest leverage (nearest level) to the lowest.

    Attributes
    ----------
    edges : ndarray, shape (cell,)
        Upper leverage limit of each cell; the last cell reaches down to zero.
    """

    edges: FloatArray

    @classmethod
    def of(cls, n_cells: int) -> "LeverageCells":
        """``n_cells`` cells with one edge exactly at the no-level limit, the last one open."""
        if n_cells < 8:
            raise SpecError(f"cells is {n_cells}; use at least 8.")
        n_low = max(2, round((n_cells - 1) * 0.22))
        n_high = n_cells - 1 - n_low
        high = np.geomspace(TOP, NO_LEVEL, n_high + 1)
        low = np.geomspace(NO_LEVEL, BOTTOM, n_low + 1)
        return cls(np.concatenate([high, low[1:]]))

    @property
    def n_cells(self) -> int:
        """Number of cells, the open end included."""
        return int(self.edges.size)

    @property
    def low(self) -> FloatArray:
        """Lower leverage limit of each cell; 0 for the last."""
        return np.append(self.edges[1:], 0.0)

    def middle(self) -> FloatArray:
        """Leverage whose inverse is the mean inverse leverage of a cell uniform in 1/leverage.

        The open end uses 1.5 times its nearest inverse leverage.
        """
        low = np.where(self.low > 0, self.low, self.edges / 2.0)
        return np.asarray(2.0 / (1.0 / self.edges + 1.0 / low), float)

    def inverse(self, kind: str, side: str) -> FloatArray:
        """Mean inverse leverage of each cell; 1 where the contract gives no level.

        A linear long or an inverse short at 1x or less cannot be liquidated by price, however
        much more collateral it has; it counts as the unleveraged position that it is.
        """
        unlevered = self._limited(kind, side) & (self.edges <= NO_LEVEL * (1 + 1e-9))
        return np.where(unlevered, 1.0, 1.0 / self.middle())

    @staticmethod
    def _limited(kind: str, side: str) -> bool:
        """Whether positions below 1x have no level: linear longs and inverse shorts."""
        return not np.isfinite(level_log_offset(kind, side, np.array([0.5]))[0])

    def distances(self, kind: str, side: str) -> tuple[FloatArray, FloatArray]:
        """Log distances (near, far) of each cell's levels; ``inf`` where price cannot reach.

        Parameters
        ----------
        kind : {"linear", "inverse"}
            Contract type, which sets the distance rule.
        side : {"long", "short"}
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            offset = np.abs(level_log_offset(kind, side, self.edges))
        near = np.where(np.isfinite(offset), offset, np.inf)
        far = np.append(near[1:], np.inf)
        unreachable = ~np.isfinite(far)
        # With a 1x limit (linear long, inverse short) cells below NO_LEVEL have no level.
        if self._limited(kind, side):
            unreachable |= self.edges <= NO_LEVEL * (1 + 1e-9)
        return np.where(unreachable, np.inf, near), np.where(unreachable, np.inf, far)

    def tail_matrix(self) -> tuple[FloatArray, FloatArray]:
        """Weights of the log tail at the knots for each edge, and a fixed factor per edge.

        For edges between ``NO_LEVEL`` and 50x the log tail is linear in log leverage between
        knots; above 50x the tail falls linearly to zero at ``TOP``. Corners are rounded: the log
        tail is averaged within a factor ``ROUNDED``, less where the ends are closer.
        """
        x = np.log(self.edges)
        weight = np.zeros((self.n_cells, KNOTS.size))
        factor = np.ones(self.n_cells)
        for i, xi in enumerate(x):
            room = min(np.log(ROUNDED), xi - np.log(NO_LEVEL), np.log(TOP) - xi)
            window = xi + max(room, 0.0) * _WINDOW
            rows, logs = zip(*(_tail_row(v) for v in window), strict=True)
            weight[i] = np.mean(rows, axis=0)
            factor[i] = np.exp(np.mean(logs))
        return weight, factor

    def low_fraction(self) -> FloatArray:
        """Share of the mass below ``NO_LEVEL`` that lies above each edge (1 at ``NO_LEVEL``)."""
        x = np.log(np.minimum(self.edges, NO_LEVEL))
        above = (np.log(NO_LEVEL) - x) / (np.log(NO_LEVEL) - np.log(BOTTOM))
        return np.asarray(above * (1 - BELOW_BOTTOM), float)

    def is_high(self) -> NDArray[np.int64]:
        """1 for edges at or above ``NO_LEVEL``."""
        return (self.edges >= NO_LEVEL * (1 - 1e-9)).astype(np.int64)

    def basis(self, n_terms: int) -> FloatArray:
        """Cosine terms over the cells above ``NO_LEVEL``, zero elsewhere; shape (cell, term)."""
        n_high = int((self.edges > NO_LEVEL * (1 + 1e-9)).sum())
        position = (np.arange(n_high) + 0.5) / n_high
        out = np.zeros((self.n_cells, n_terms))
        for j in range(n_terms):
            out[:n_high, j] = np.cos(np.pi * (j + 1) * position)
        return out


# Half the relative width of a fixed leverage's cell: the engine spreads levels over cells, and at
# this width a level is one to a millionth of its distance, which double precision still resolves.
HALF_WIDTH = 1e-6


@dataclass(frozen=True)
class FixedLeverages(LeverageCells):
    """Cells of next to no width at leverages fixed by hand, the highest first.

    Between them there is nothing. ``edges`` are their upper limits.
    """

    @classmethod
    def at(cls, leverage: tuple[float, ...]) -> "FixedLeverages":
        """Cells around descending leverages; ``middle`` gives them back."""
        return cls(np.asarray(leverage, float) / (1.0 - HALF_WIDTH))

    @property
    def low(self) -> FloatArray:
        """Lower leverage limit of each cell."""
        return self.edges * (1.0 - HALF_WIDTH) / (1.0 + HALF_WIDTH)

    def distances(self, kind: str, side: str) -> tuple[FloatArray, FloatArray]:
        """Log distances (near, far) of each cell's levels."""
        near, far = (np.abs(level_log_offset(kind, side, x)) for x in (self.edges, self.low))
        return np.asarray(near, float), np.asarray(far, float)


def leverage_cells(spec: ModelSpec) -> LeverageCells:
    """Cells that a specification spreads leverage over."""
    return (
        LeverageCells.of(spec.cells) if spec.rule is None else FixedLeverages.at(spec.rule.leverage)
    )


# middles of equal parts of (-1, 1)
_WINDOW = (np.arange(40) + 0.5) / 20.0 - 1.0


def _tail_row(x: float) -> tuple[FloatArray, float]:
    """Weights of the knots in the log tail at log leverage ``x``, and what is added to it."""
    k = np.log(KNOTS)
    row = np.zeros(KNOTS.size)
    if x >= k[-1]:
        row[-1] = 1.0
        with np.errstate(divide="ignore"):
            return row, float(np.log((np.log(TOP) - x) / (np.log(TOP) - k[-1])))
    if x > k[0]:
        j = int(np.searchsorted(k, x, side="right")) - 1
        share = (x - k[j]) / (k[j + 1] - k[j])
        row[j], row[j + 1] = 1 - share, share
    else:
        row[0] = 1.0
    return row, 0.0
