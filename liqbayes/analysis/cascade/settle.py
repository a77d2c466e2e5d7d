"""Where a cascade comes to rest: the least fixed point, exactly.

Let ``M(l)`` be the forced notional up to log distance ``l`` and ``I`` the impact law. After a shock
``x`` the price rests at the least ``l >= x`` with ``l = x + I(M(l))``. ``M`` and ``I`` do not
decrease, so by Tarski's theorem (doi 10.2140/pjm.1955.5.285) there is a least one whenever there
is any, and the rounds "the price moves, what it reaches is forced, the price moves on" climb to it
from ``x``.

It needs no rounds. Within a bin ``M`` is linear and ``I`` concave, so ``h(l) = l - x - I(M(l))`` is
convex. Where it is negative at both ends of a bin it is negative in between, and no fixed point is
there; the least one lies in the first bin at whose far end ``h >= 0``, and as ``h`` is negative at
the near end it is the only one there. Newton's method from the far end descends to it.

Where the shock reaches nothing the price rests at once: the square root rises infinitely fast at
zero, so any first liquidation would carry on, and the least fixed point is the shock itself.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]


def least_fixed_point(
    edges: ArrayLike,
    flow: ArrayLike,
    shocks: ArrayLike,
    scale: float,
    exponent: float = 0.5,
) -> FloatArray:
    """Log distance at which the price rests after each shock.

    Parameters
    ----------
    edges : array, shape (edge,)
        Ascending log distances from 0.
    flow : array, shape (draw, edge)
        Notional that reaches the book up to each edge, from 0; linear in between.
    shocks : array, shape (draw, shock)
        Initial log moves, not negative.
    scale, exponent : float
        Impact ``scale * q**exponent`` in log price; exponent in (0, 1].

    Returns
    -------
    ndarray, shape (draw, shock)
        inf where the price does not come to rest within the edges.

    Raises
    ------
    InputError
        If the edges do not ascend from 0, the flow falls or is unknown, a shock is outside the
        edges, or the law is not concave.
    """
    from liqbayes.analysis.cascade import kernels

    e, m, x = (np.ascontiguousarray(v, float) for v in (edges, flow, shocks))
    if e.ndim != 1 or e.size < 2 or e[0] != 0 or not (np.diff(e) > 0).all():
        raise InputError("edges must ascend from 0, at least two of them.")
    if m.ndim != 2 or m.shape[1] != e.size or not (m[:, 0] == 0).all():
        raise InputError("flow needs a row a draw with a value an edge, the first of them 0.")
    if not (np.isfinite(m).all() and (np.diff(m, axis=1) >= 0).all()):
        raise InputError("flow must be known and must not fall from edge to edge.")
    if x.ndim != 2 or x.shape[0] != m.shape[0] or not ((x >= 0) & (x <= e[-1])).all():
        raise InputError(f"shocks need a row a draw of log moves from 0 to {e[-1]:g}.")
    if not (np.isfinite(scale) and scale >= 0 and 0 < exponent <= 1):
        raise InputError(
            f"impact of scale {scale} and exponent {exponent}; use a scale of 0 or more and an "
            "exponent above 0 up to 1."
        )
    return np.asarray(kernels.rests(e, m, x, float(scale), float(exponent)))
