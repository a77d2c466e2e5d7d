"""Standard normal coordinates to natural parameters, and back-propagation."""

import numpy as np
from numba import njit

# how an unconstrained value becomes the parameter
IDENTITY, EXPONENTIAL, LOGISTIC = range(3)


@njit(cache=True)
def natural(z, location, matrix, kind):  # type: ignore[no-untyped-def]
    """Natural parameters of ``location + matrix z``.

    Parameters
    ----------
    z : ndarray, shape (parameter,)
        Standard normal coordinates.
    location : ndarray, shape (parameter,)
        Prior location on the unconstrained scale.
    matrix : ndarray, shape (parameter, parameter)
        Prior scale times a rotation; diagonal outside the rotated block.
    kind : ndarray of int64, shape (parameter,)
        ``IDENTITY``, ``EXPONENTIAL`` or ``LOGISTIC``.

    Returns
    -------
    ndarray, shape (parameter,)
    """
    out = np.empty_like(z)
    for i in range(z.shape[0]):
        u = location[i]
        for j in range(z.shape[0]):
            u += matrix[i, j] * z[j]
        if kind[i] == 1:
            u = np.exp(u)
        elif kind[i] == 2:
            u = 1.0 / (1.0 + np.exp(-u))
        out[i] = u
    return out


@njit(cache=True)
def natural_reverse(out_bar, out, z, location, matrix, kind):  # type: ignore[no-untyped-def]
    """Adjoint of ``natural`` by ``z``."""
    z_bar = np.zeros_like(z)
    for i in range(z.shape[0]):
        u_bar = out_bar[i]
        if kind[i] == 1:
            u_bar *= out[i]
        elif kind[i] == 2:
            u_bar *= out[i] * (1.0 - out[i])
        for j in range(z.shape[0]):
            z_bar[j] += matrix[i, j] * u_bar
    return z_bar
