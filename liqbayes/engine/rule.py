"""A rule with a fixed mix of leverage: open interest in, both sides' books out, nothing inferred.

Per bar: levels that the path touches are consumed wholly; a rise of open interest opens on the
side of the bar's direction; a fall shrinks what is left on both sides by the share by which open
interest fell (``docs/explanation/fixed-mix.md``). The tapes are those of ``recursion.forward``, so
that levels, heatmap, leverage and liquidations are read from them in the same way.
"""

import numpy as np
from numba import njit

from liqbayes.engine.recursion import (
    EXPECTED,
    FLOW,
    HAZARD,
    LOG_KEPT,
    N_BAR_ROWS,
    N_CLASS_ROWS,
    OPENED,
    PREDICTED,
    RESCALE_AT,
    TOUCHED,
    touched_mass,
)


@njit(cache=True, error_model="numpy")
def rule_book(  # type: ignore[no-untyped-def]
    weights, rising, interest, start,
    swept0, n_swept0, pointer0, run_cell0, run_stop0, cohort0, weight0,
    swept1, n_swept1, pointer1, run_cell1, run_stop1, cohort1, weight1,
):  # fmt: skip
    """Run the rule over longs and shorts of one leg.

    Parameters
    ----------
    weights : ndarray, shape (cell,)
        Fixed mix of leverage, the same on both sides; sums to one.
    rising : ndarray of bool, shape (time,)
        Whether a rise of open interest in the bar is of longs.
    interest : ndarray, shape (time,)
        Open interest at bar close, positive.
    start : ndarray of int64, shape (time,)
        1 on a segment's first bar, after which the book is empty; 0 inside, -1 outside.
    swept0 ... weight0, swept1 ... weight1
        ``Touches.arrays`` of longs and of shorts.

    Returns
    -------
    expected, predicted : ndarray, shape (2, time)
        Consumed in each bar, in all and out of what stood before it.
    living, placed, by_run, by_class, by_bar (of longs), and the same of shorts
        As ``recursion.forward`` returns them, with one class. ``HAZARD`` is what the fall of open
        interest took (minus the log of what it left), ``FLOW`` the log change of open interest;
        ``LEFT`` and ``STAY`` are not filled.
    """
    change = closing(interest, start)
    long = follow(
        change, weights, rising, interest, start,
        swept0, n_swept0, pointer0, run_cell0, run_stop0, cohort0, weight0,
    )  # fmt: skip
    short = follow(
        change, weights, ~rising, interest, start,
        swept1, n_swept1, pointer1, run_cell1, run_stop1, cohort1, weight1,
    )  # fmt: skip
    expected = np.empty((2, interest.shape[0]))
    predicted = np.empty((2, interest.shape[0]))
    expected[0], expected[1] = long[4][EXPECTED], short[4][EXPECTED]
    predicted[0], predicted[1] = long[4][PREDICTED], short[4][PREDICTED]
    return (
        expected, predicted,
        long[0], long[1], long[2], long[3], long[4],
        short[0], short[1], short[2], short[3], short[4],
    )  # fmt: skip


@njit(cache=True, error_model="numpy")
def closing(interest, start):  # type: ignore[no-untyped-def]
    """Share of every remaining level that each bar leaves: below 1 where open interest fell."""
    kept = np.ones(interest.shape[0])
    for t in range(1, interest.shape[0]):
        if start[t] == 0:
            kept[t] = min(interest[t] / interest[t - 1], 1.0)
    return kept


@njit(cache=True, error_model="numpy")
def follow(  # type: ignore[no-untyped-def]
    left, weights, opens, interest, start,
    swept, n_swept, pointer, run_cell, run_stop, cohort, weight,
):  # fmt: skip
    """One side: consume what is touched, shrink what is left, add what was opened."""
    n_bars, n_cells = swept.shape
    living = np.zeros((n_bars, 1, n_cells))
    placed = np.zeros((n_bars, 1, n_cells))
    by_run = np.zeros((1, run_cell.shape[0]))
    by_class = np.zeros((N_CLASS_ROWS, 1, n_bars))
    by_bar = np.zeros((N_BAR_ROWS, n_bars))
    scaled = np.zeros((n_cells * n_bars, 1))
    touched = np.zeros((1, n_cells))
    first = 0
    total = np.zeros(1)
    kept = np.ones(1)
    log_kept = 0.0
    for t in range(n_bars):
        if start[t] < 0:
            continue
        if start[t] == 1:
            # what was open before the segment is nowhere in the rule's book
            first, kept[0], log_kept = t, 1.0, 0.0
            continue
        touched_mass(
            t, 0, pointer, run_cell, run_stop, cohort, weight, scaled, kept, touched, total, by_run
        )
        opened = max(interest[t] - interest[t - 1], 0.0) if opens[t] else 0.0
        own = 0.0
        for k in range(n_cells):
            gone = opened * weights[k] * swept[t, k] if k < n_swept[t] else 0.0
            own += gone
            placed[t, 0, k] = opened * weights[k] - gone
            # weights are in single precision: a cell must not fall below nothing by their rounding
            untouched = max(living[t - 1, 0, k] - touched[0, k], 0.0)
            living[t, 0, k] = left[t] * untouched + placed[t, 0, k]
        kept[0] *= left[t]
        log_kept += np.log(left[t])
        if kept[0] < RESCALE_AT:
            for k in range(n_cells):
                for s in range(k * n_bars + first, k * n_bars + t):
                    scaled[s, 0] *= kept[0]
            kept[0] = 1.0
        for k in range(n_cells):
            scaled[k * n_bars + t, 0] = placed[t, 0, k] / kept[0]
        by_bar[EXPECTED, t] = total[0] + own
        by_bar[PREDICTED, t] = total[0]
        by_bar[HAZARD, t] = -np.log(left[t])
        by_bar[FLOW, t] = np.log(interest[t] / interest[t - 1])
        by_class[OPENED, 0, t] = opened
        by_class[TOUCHED, 0, t] = total[0]
        by_class[LOG_KEPT, 0, t] = log_kept
    return living, placed, by_run, by_class, by_bar
