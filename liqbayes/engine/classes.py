"""Holding classes from parameters: slow, fast, and a long-lived rest.

Hazards are proportional: at every moment the fast class leaves ``speed_ratio`` times and the rest
``rest_speed`` times as readily as the slow one. Shares of what is opened and of the first book are
those of a book in balance, in which what enters a class equals what leaves it.
"""

import numpy as np
from numba import njit

# indices behind ``where``
FAST_SHARE, SPEED_RATIO, REST_BOOK_SHARE, REST_SPEED = range(4)
N_CLASSES = 3


@njit(cache=True)
def holding_classes(p, where):  # type: ignore[no-untyped-def]
    """Entering shares, relative hazards and first-book shares.

    Parameters
    ----------
    p : ndarray, shape (parameter,)
    where : ndarray of int64, shape (4,)
        Indices into ``p``: share of the fast class in what is opened by slow and fast, its hazard
        over the slow one's, share of the rest in a balanced book, its hazard over the slow one's.
        A first index of -1: one class.

    Returns
    -------
    ndarray, shape (3, class)
        Classes slow, fast, rest; or one class.
    """
    if where[FAST_SHARE] < 0:
        return np.ones((3, 1))
    chi, ratio = p[where[FAST_SHARE]], p[where[SPEED_RATIO]]
    b, r = p[where[REST_BOOK_SHARE]], p[where[REST_SPEED]]
    out = np.empty((3, 3))
    # book of slow and fast for each unit that enters them
    k = chi / ratio + 1.0 - chi
    odds = r * k * b / (1.0 - b)
    rest = odds / (1.0 + odds)
    out[0, 0], out[0, 1], out[0, 2] = (1.0 - rest) * (1.0 - chi), (1.0 - rest) * chi, rest
    out[1, 0], out[1, 1], out[1, 2] = 1.0, ratio, r
    out[2, 0], out[2, 1] = (1.0 - b) * (1.0 - chi) / k, (1.0 - b) * chi / (ratio * k)
    out[2, 2] = b
    return out


@njit(cache=True)
def holding_classes_reverse(entering_bar, speed_bar, initial_bar, p, where, p_bar):  # type: ignore[no-untyped-def]
    """Add the adjoint of ``holding_classes`` to ``p_bar``."""
    if where[FAST_SHARE] < 0:
        return
    chi, ratio = p[where[FAST_SHARE]], p[where[SPEED_RATIO]]
    b, r = p[where[REST_BOOK_SHARE]], p[where[REST_SPEED]]
    k = chi / ratio + 1.0 - chi
    odds = r * k * b / (1.0 - b)
    others = 1.0 / (1.0 + odds)
    by_slow_fast = entering_bar[0] * (1.0 - chi) + entering_bar[1] * chi
    by_odds = (entering_bar[2] - by_slow_fast) * others * others
    by_chi = others * (entering_bar[1] - entering_bar[0])
    by_ratio, by_r = speed_bar[1], speed_bar[2]
    by_r += by_odds * k * b / (1.0 - b)
    by_k = by_odds * r * b / (1.0 - b)
    by_b = by_odds * r * k / (1.0 - b) ** 2
    slow, fast = (1.0 - chi) / k, chi / (ratio * k)
    by_b += initial_bar[2] - initial_bar[0] * slow - initial_bar[1] * fast
    by_chi += (1.0 - b) / k * (initial_bar[1] / ratio - initial_bar[0])
    by_ratio -= initial_bar[1] * (1.0 - b) * fast / ratio
    by_k -= (1.0 - b) / k * (initial_bar[0] * slow + initial_bar[1] * fast)
    by_chi += by_k * (1.0 / ratio - 1.0)
    by_ratio -= by_k * chi / (ratio * ratio)
    p_bar[where[FAST_SHARE]] += by_chi
    p_bar[where[SPEED_RATIO]] += by_ratio
    p_bar[where[REST_BOOK_SHARE]] += by_b
    p_bar[where[REST_SPEED]] += by_r
