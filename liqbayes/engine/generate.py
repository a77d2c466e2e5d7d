"""Open interest drawn bar by bar from the recursion itself.

Price and volume are given; each bar's change of open interest is drawn from its one-step law given
what the book of the bars before it predicts, and the same ``advance`` that the likelihood runs
carries the book on.
"""

import numpy as np
from numba import njit

from liqbayes.engine.book import RENEWAL, TOUCH_TO_CLOSE, by_class, opening_share
from liqbayes.engine.classes import holding_classes
from liqbayes.engine.interest import interest_moments
from liqbayes.engine.recursion import (
    RESCALE_AT,
    advance,
    predicted_liquidation,
    same_bar_share,
    touched_mass,
)

# what ``draw_interest`` keeps of a bar's trading
VOLUME, TURNOVER = range(2)


@njit(cache=True, error_model="numpy")
def draw_interest(  # type: ignore[no-untyped-def]
    noise, scored, volume, hold, usual, p, shares, where, class_where, days, given, start, block,
    walk, step, interest_where, unit, covariates,
    swept0, n_swept0, pointer0, run_cell0, run_stop0, cohort0, weight0,
    swept1, n_swept1, pointer1, run_cell1, run_stop1, cohort1, weight1,
):  # fmt: skip
    """Draw the open interest of one leg.

    Parameters
    ----------
    noise : ndarray, shape (time,)
        Standardised changes, e.g. draws of a Student t.
    scored : ndarray of int64, shape (time,)
        1 where the change is drawn; elsewhere it is that of ``given``.
    volume : ndarray, shape (time,)
        Volume in the leg's unit, or over the open interest before the bar.
    hold : int
        Which of the two is given: ``VOLUME`` or ``TURNOVER``.
    usual : float
        Volume over open interest of a bar that the law's volume is relative to.
    p, shares, where, class_where, days, start, block, walk, step, swept0 ... weight1
        As in ``book.book``.
    given : ndarray, shape (time,)
        Open interest that unscored bars follow; its value at each segment's start is kept.
    interest_where, unit, covariates
        As in ``interest.interest_moments``.

    Returns
    -------
    ndarray, shape (time,)
    """
    classes = holding_classes(p, class_where)
    n_bars, n_class, n_cells = volume.shape[0], classes.shape[1], shares.shape[2]
    long, short = by_class(shares, 0, classes), by_class(shares, 1, classes)
    c = p[where[TOUCH_TO_CLOSE]]
    nu = p[where[RENEWAL]] * days
    renewed, not_renewed = -np.expm1(-nu), np.exp(-nu)
    psi = opening_share(p, where, walk, step)
    interest = given.copy()
    flow = np.zeros(n_bars)
    before = np.ones(n_bars)
    log_volume = np.zeros(n_bars)
    predicted = np.zeros((2, n_bars))
    living = np.zeros((2, n_bars, n_class, n_cells))
    placed = np.zeros((2, n_bars, n_class, n_cells))
    scaled = np.zeros((2, n_cells * n_bars, n_class))
    by_run0 = np.zeros((n_class, run_cell0.shape[0]))
    by_run1 = np.zeros((n_class, run_cell1.shape[0]))
    touched = np.zeros((2, n_class, n_cells))
    total = np.zeros((2, n_class))
    gamma = np.zeros((2, n_class))
    left = np.zeros(n_class)
    stay = np.zeros(n_class)
    opened = np.zeros(n_class)
    kept = np.ones((2, n_class))
    one_bar = np.zeros(1, np.int64)
    for t in range(n_bars):
        if start[t] < 0:
            continue
        b = block[t]
        for i in range(n_class):
            gamma[0, i] = same_bar_share(i, b, t, long, swept0, n_swept0)
            gamma[1, i] = same_bar_share(i, b, t, short, swept1, n_swept1)
        if start[t] == 1:
            for j in range(2):
                rows, swept = (long, swept0) if j == 0 else (short, swept1)
                for i in range(n_class):
                    kept[j, i] = 1.0
                    first = classes[2, i] * interest[t] / (1.0 - gamma[j, i])
                    for k in range(n_cells):
                        placed[j, t, i, k] = first * rows[i, b, k] * (1.0 - swept[t, k])
                        living[j, t, i, k] = placed[j, t, i, k]
        else:
            before[t] = interest[t - 1]
            turnover = volume[t] / before[t] if hold == VOLUME else volume[t]
            flow[t] = psi[t] * turnover
            log_volume[t] = np.log(max(turnover / usual, 1e-3))
            touched_mass(
                t, 0, pointer0, run_cell0, run_stop0, cohort0, weight0, scaled[0], kept[0],
                touched[0], total[0], by_run0,
            )  # fmt: skip
            touched_mass(
                t, 0, pointer1, run_cell1, run_stop1, cohort1, weight1, scaled[1], kept[1],
                touched[1], total[1], by_run1,
            )  # fmt: skip
            for j in range(2):
                predicted[j, t] = predicted_liquidation(
                    total[j], gamma[j], classes[0], c, before[t], flow[t]
                )
            change = np.log(given[t] / given[t - 1])
            if scored[t] == 1:
                one_bar[0] = t
                location, scale = interest_moments(
                    p, predicted, interest_where, unit, covariates, log_volume, before, one_bar,
                    one_bar,
                )  # fmt: skip
                change = location[0] + scale[0] * noise[t]
            interest[t] = before[t] * np.exp(change)
            for j in range(2):
                if j == 0:
                    advance(
                        t, b, touched[0], total[0], gamma[0], long, swept0, classes[0],
                        classes[1], c, renewed, interest, flow, left, stay, opened, living[0],
                        placed[0],
                    )  # fmt: skip
                else:
                    advance(
                        t, b, touched[1], total[1], gamma[1], short, swept1, classes[0],
                        classes[1], c, renewed, interest, flow, left, stay, opened, living[1],
                        placed[1],
                    )  # fmt: skip
                for i in range(n_class):
                    kept[j, i] *= stay[i] * not_renewed
        for j in range(2):
            for i in range(n_class):
                if kept[j, i] < RESCALE_AT:
                    for k in range(n_cells):
                        for s in range(k * n_bars, k * n_bars + t):
                            scaled[j, s, i] *= kept[j, i]
                    kept[j, i] = 1.0
                for k in range(n_cells):
                    scaled[j, k * n_bars + t, i] = placed[j, t, i, k] / kept[j, i]
    return interest
