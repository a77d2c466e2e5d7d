"""Rotated parametrisation of the parameters that only act as a product.

The feed identifies ``kappa x high-leverage weight x turnover``, not its factors. With the prior
``theta = mu + D z``, ``z ~ N(0, I)``, the data's direction is ``D 1`` in ``z``; a rotation of a
standard normal leaves the prior unchanged and makes that ridge one axis.
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def data_axis_rotation(scale: FloatArray) -> FloatArray:
    """Orthogonal matrix whose first column is proportional to ``scale`` (Householder).

    Parameters
    ----------
    scale : ndarray, shape (parameter,)
        Prior standard deviations ``D``; the identified combination is the plain sum.

    Returns
    -------
    ndarray, shape (parameter, parameter)
    """
    direction = np.asarray(scale, float) / np.linalg.norm(scale)
    first = np.zeros_like(direction)
    first[0] = 1.0
    v = direction - first
    norm = float(v @ v)
    if norm < 1e-24:
        return np.eye(direction.size)
    return np.asarray(np.eye(direction.size) - 2.0 * np.outer(v, v) / norm)
