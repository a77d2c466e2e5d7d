"""Both sides of one leg of a market: parameters in, expected and predicted liquidation out."""

import numpy as np
from numba import njit

from liqbayes.engine.adjoint import reverse
from liqbayes.engine.classes import holding_classes, holding_classes_reverse
from liqbayes.engine.recursion import EXPECTED, PREDICTED, forward
from liqbayes.engine.steps import walked, walked_reverse

# indices behind ``where``
OPENING_SHARE, RENEWAL, TOUCH_TO_CLOSE, VOLUME_SCALE = range(4)


@njit(cache=True, error_model="numpy")
def book(  # type: ignore[no-untyped-def]
    p, shares, where, class_where, days, turnover, interest, start, block, walk, step,
    swept0, n_swept0, pointer0, run_cell0, run_stop0, cohort0, weight0,
    swept1, n_swept1, pointer1, run_cell1, run_stop1, cohort1, weight1,
):  # fmt: skip
    """Run longs and shorts over a panel.

    Parameters
    ----------
    p : ndarray, shape (parameter,)
    shares : ndarray, shape (2, class x block, cell)
        Opening distribution over leverage cells, long then short; see ``shares.cell_shares``.
    where : ndarray of int64, shape (4,)
        Indices into ``p``: opening share of volume, renewal hazard a day, touch-to-close share,
        volume scale (-1: the volume is the market's own).
    class_where : ndarray of int64, shape (4,)
        As for ``classes.holding_classes``.
    days : float
        Bar length in days.
    turnover : ndarray, shape (time,)
        Volume over open interest before the bar.
    interest, start, block
        As in ``recursion.forward``.
    walk : ndarray of int64
        Indices into ``p`` of the random walk of the log opening share, as for ``steps.walked``.
    step : ndarray of int64, shape (time,)
        How many steps it has taken before each bar.
    swept0 ... weight0, swept1 ... weight1
        ``Touches.arrays`` of longs and of shorts.

    Returns
    -------
    expected, predicted : ndarray, shape (2, time)
        Liquidation given the bar's open interest, and before it is known.
    living, placed, by_run, by_class, by_bar (of longs), and the same of shorts
        See ``recursion.forward``.
    """
    classes = holding_classes(p, class_where)
    flow = opening_share(p, where, walk, step) * turnover
    c, nu = p[where[TOUCH_TO_CLOSE]], p[where[RENEWAL]] * days
    long = forward(
        flow, by_class(shares, 0, classes), c, nu, classes[0], classes[1], classes[2],
        interest, start, block,
        swept0, n_swept0, pointer0, run_cell0, run_stop0, cohort0, weight0,
    )  # fmt: skip
    short = forward(
        flow, by_class(shares, 1, classes), c, nu, classes[0], classes[1], classes[2],
        interest, start, block,
        swept1, n_swept1, pointer1, run_cell1, run_stop1, cohort1, weight1,
    )  # fmt: skip
    expected = np.empty((2, turnover.shape[0]))
    predicted = np.empty((2, turnover.shape[0]))
    expected[0], expected[1] = long[4][EXPECTED], short[4][EXPECTED]
    predicted[0], predicted[1] = long[4][PREDICTED], short[4][PREDICTED]
    return (
        expected, predicted,
        long[0], long[1], long[2], long[3], long[4],
        short[0], short[1], short[2], short[3], short[4],
    )  # fmt: skip


@njit(cache=True, error_model="numpy")
def book_reverse(  # type: ignore[no-untyped-def]
    expected_bar, predicted_bar, expected, predicted,
    living0, placed0, by_run0, by_class0, by_bar0,
    living1, placed1, by_run1, by_class1, by_bar1,
    p, shares, where, class_where, days, turnover, interest, start, block, walk, step,
    swept0, n_swept0, pointer0, run_cell0, run_stop0, cohort0, weight0,
    swept1, n_swept1, pointer1, run_cell1, run_stop1, cohort1, weight1,
):  # fmt: skip
    """Adjoint of ``book`` by ``p`` and ``shares``; the tapes are not differentiated."""
    classes = holding_classes(p, class_where)
    flow = opening_share(p, where, walk, step) * turnover
    c, nu = p[where[TOUCH_TO_CLOSE]], p[where[RENEWAL]] * days
    long = reverse(
        expected_bar[0], predicted_bar[0], living0, placed0, by_run0, by_class0, by_bar0,
        flow, by_class(shares, 0, classes), c, nu, classes[0], classes[1], classes[2],
        interest, start, block,
        swept0, n_swept0, pointer0, run_cell0, run_stop0, cohort0, weight0,
    )  # fmt: skip
    short = reverse(
        expected_bar[1], predicted_bar[1], living1, placed1, by_run1, by_class1, by_bar1,
        flow, by_class(shares, 1, classes), c, nu, classes[0], classes[1], classes[2],
        interest, start, block,
        swept1, n_swept1, pointer1, run_cell1, run_stop1, cohort1, weight1,
    )  # fmt: skip
    p_bar = np.zeros_like(p)
    shares_bar = np.zeros_like(shares)
    opening_share_reverse((long[0] + short[0]) * turnover, p, where, walk, step, p_bar)
    p_bar[where[RENEWAL]] += days * (long[3] + short[3])
    p_bar[where[TOUCH_TO_CLOSE]] += long[2] + short[2]
    n_blocks = shares.shape[1] // classes.shape[1]
    for i in range(classes.shape[1]):
        shares_bar[0, i * n_blocks : (i + 1) * n_blocks] = long[1][i]
        shares_bar[1, i * n_blocks : (i + 1) * n_blocks] = short[1][i]
    holding_classes_reverse(
        long[4] + short[4], long[5] + short[5], long[6] + short[6], p, class_where, p_bar
    )
    return p_bar, shares_bar


@njit(cache=True)
def opening_share(p, where, walk, step):  # type: ignore[no-untyped-def]
    """Opening share of the panel's volume in each bar, shape (time,)."""
    return _share_by_step(p, where, walk)[step]


@njit(cache=True)
def opening_share_reverse(share_bar, p, where, walk, step, p_bar):  # type: ignore[no-untyped-def]
    """Add the adjoint of ``opening_share`` to ``p_bar``."""
    by_step = _share_by_step(p, where, walk)
    path_bar = np.zeros_like(by_step)
    for t in range(step.shape[0]):
        path_bar[step[t]] += share_bar[t]
    # derivative by the logarithm
    path_bar *= by_step
    by_log = path_bar.sum()
    p_bar[where[OPENING_SHARE]] += by_log / p[where[OPENING_SHARE]]
    if where[VOLUME_SCALE] >= 0:
        p_bar[where[VOLUME_SCALE]] += by_log / p[where[VOLUME_SCALE]]
    walked_reverse(path_bar, p, walk, p_bar)


@njit(cache=True)
def _share_by_step(p, where, walk):  # type: ignore[no-untyped-def]
    """Opening share after 0, 1, ... steps of its walk."""
    at_first = p[where[OPENING_SHARE]]
    if where[VOLUME_SCALE] >= 0:
        at_first *= p[where[VOLUME_SCALE]]
    return at_first * np.exp(walked(p, walk))


@njit(cache=True)
def by_class(shares, side, classes):  # type: ignore[no-untyped-def]
    """Opening distribution of one side, shape (class, block, cell)."""
    n_class = classes.shape[1]
    n_blocks = shares.shape[1] // n_class
    out = np.empty((n_class, n_blocks, shares.shape[2]))
    for i in range(n_class):
        out[i] = shares[side, i * n_blocks : (i + 1) * n_blocks]
    return out
