"""The book of a draw at any bar, exactly, in chosen price columns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.engine.recursion import LOG_KEPT
from liqbayes.engine.standing import stand
from liqbayes.model.data import Leg
from liqbayes.model.evaluate import BookRun
from liqbayes.outputs.context import Context, Draw
from liqbayes.outputs.levels import standing_of

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class _Rows:
    """Entries of ``engine.standing.Standing`` that lie between the outer edges.

    ``segment`` is its first bar, ``first`` that of the first cohort kept.
    """

    leg: Leg
    segment: int
    first: int
    pointer: NDArray[np.int64]
    column: NDArray[np.int32]
    share: FloatArray
    n_columns: int


@dataclass(frozen=True)
class BookAt:
    """Untouched levels of one side at the close of a bar, by price column.

    Attributes
    ----------
    context : Context
    side : str
    at : int
        Bar, counted with the history, in the last segment.
    edges : ndarray, shape (column + 1,)
        Oriented log prices (log price for longs, minus log price for shorts), ascending.
    """

    context: Context
    side: str
    at: int
    edges: FloatArray
    rows: tuple[_Rows, ...]

    @classmethod
    def of(cls, context: Context, side: str, at: int, edges: FloatArray) -> "BookAt":
        """Lay the columns out once for all draws."""
        rows = []
        for leg in context.evaluator.data.legs:
            whole = standing_of(context, leg, side, edges, at=at)
            inside = (whole.column > 0) & (whole.column < whole.n_columns - 1)
            pointer = np.append(0, np.cumsum(inside))[whole.pointer]
            # cohorts before the first that has a level here need not be walked through
            n_cells = context.evaluator.data.cells.n_cells
            empty = int(np.searchsorted(pointer, 0, side="right")) - 1
            skipped = min(empty // n_cells, at - whole.first)
            rows.append(
                _Rows(
                    leg,
                    whole.first,
                    whole.first + skipped,
                    pointer[skipped * n_cells :],
                    whole.column[inside],
                    whole.share[inside],
                    whole.n_columns,
                )
            )
        return cls(context, side, at, edges, tuple(rows))

    def columns(self, draw: Draw) -> FloatArray:
        """Quantity in each column in the panel's unit, shape (column,), far to near."""
        out = np.zeros(self.edges.size - 1)
        for r in self.rows:
            run = draw.runs[r.leg.name, self.side]
            masses = stand(
                run.placed,
                run.by_class,
                self.at,
                r.first,
                r.pointer,
                r.column,
                r.share,
                r.n_columns,
            )
            out += masses[1:-1] * r.leg.at_close[self.at]
        return out

    def total(self, draw: Draw) -> float:
        """Quantity of the whole side, with and without a level, in the panel's unit."""
        living = (
            draw.runs[r.leg.name, self.side].living[self.at].sum() * r.leg.at_close[self.at]
            for r in self.rows
        )
        return float(sum(living))

    def cohorts(self) -> list[tuple[Leg, FloatArray]]:
        """Share of each cohort's cells in each column, (column, cohort, cell), leg by leg."""
        n_cells = self.context.evaluator.data.cells.n_cells
        out = []
        for r in self.rows:
            n_rows = r.pointer.size - 1
            row = np.repeat(np.arange(n_rows), np.diff(r.pointer))
            flat = (r.column.astype(np.int64) - 1) * n_rows + row
            weight = np.bincount(flat, r.share, minlength=(self.edges.size - 1) * n_rows)
            skipped = np.zeros((self.edges.size - 1, r.first - r.segment, n_cells))
            own = weight.reshape(self.edges.size - 1, -1, n_cells)
            out.append((r.leg, np.concatenate([skipped, own], axis=1)))
        return out


def living_cells(run: BookRun, first: int, at: int) -> FloatArray:
    """What is left at a bar of what each cohort placed, (cohort, cell), in the leg's unit."""
    log_kept = run.by_class[LOG_KEPT]
    left = np.exp(log_kept[:, at, None] - log_kept[:, first : at + 1])
    return np.asarray(np.einsum("sik,is->sk", run.placed[first : at + 1], left))


def lumpy_share(share: FloatArray, positions: float, rng: np.random.Generator) -> FloatArray:
    """Share of a lumpy book in each of several price sets, each drawn by itself.

    With ``N`` effective positions and expected share ``p`` it is Beta(N p, N (1 - p)); see
    ``outputs.noise``. Shares of nothing stay zero, and unknown ones unknown.
    """
    expected = np.clip(np.nan_to_num(share), 0.0, 1.0)
    inside = rng.standard_gamma(positions * expected)
    outside = rng.standard_gamma(positions * (1.0 - expected))
    total = inside + outside
    drawn = np.where(total > 0, inside / np.where(total > 0, total, 1.0), expected)
    return np.asarray(np.where(np.isnan(share), np.nan, drawn))
