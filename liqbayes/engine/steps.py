"""Random walks of parameters over equal stretches of time, and back-propagation."""

import numpy as np
from numba import njit


@njit(cache=True)
def walked(p, walk):  # type: ignore[no-untyped-def]
    """Value of a random walk after 0, 1, ... steps.

    Parameters
    ----------
    p : ndarray, shape (parameter,)
    walk : ndarray of int64
        Indices into ``p``: scale of the walk, then its standard normal steps; empty without one.

    Returns
    -------
    ndarray, shape (step + 1,)
        Begins at zero.
    """
    out = np.zeros(max(walk.shape[0], 1))
    for i in range(1, walk.shape[0]):
        out[i] = out[i - 1] + p[walk[0]] * p[walk[i]]
    return out


@njit(cache=True)
def walked_reverse(walked_bar, p, walk, p_bar):  # type: ignore[no-untyped-def]
    """Add the adjoint of ``walked`` to ``p_bar``."""
    later = 0.0
    for i in range(walk.shape[0] - 1, 0, -1):
        later += walked_bar[i]
        p_bar[walk[i]] += later * p[walk[0]]
        p_bar[walk[0]] += later * p[walk[i]]
