"""The cascade compiled: fixed points and losses of every draw under every draw of the priors."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Outputs of `run` on its last axis.
REST, LIQUIDATED, REACHED, SHORTFALL, BY_CASCADE, SURPLUS, BANKRUPT = range(7)
OUTPUTS = 7

_STEPS = 80
_CLOSE = 1e-14


@njit(cache=True, error_model="numpy")
def root_in_bin(
    x: float, left: float, right: float, base: float, end: float, scale: float, exponent: float
) -> float:
    """Newton's method from the far end of a bin that holds one root of ``l - x - I(M(l))``."""
    slope = (end - base) / (right - left)
    near = max(left, x)
    at = right
    for _ in range(_STEPS):
        mass = base + slope * (at - left)
        if mass <= 0.0:
            return near
        impact = scale * mass**exponent
        tilt = 1.0 - exponent * impact * slope / mass
        step = (at - x - impact) / tilt if tilt > 0.0 else 0.0
        following = max(near, at - max(step, 0.0))
        if at - following <= _CLOSE:
            return following
        at = following
    return at


@njit(cache=True, error_model="numpy")
def between(edges: FloatArray, values: FloatArray, i: int, at: float) -> float:
    """Linear interpolation within bin ``i``."""
    weight = (at - edges[i]) / (edges[i + 1] - edges[i])
    return float(values[i] * (1.0 - weight) + values[i + 1] * weight)


@njit(cache=True, error_model="numpy")
def rest_of(
    edges: FloatArray,
    flow: FloatArray,
    moved: FloatArray,
    x: float,
    first: int,
    scale: float,
    exponent: float,
) -> tuple[float, int]:
    """Least fixed point after one shock and the bin that holds it; inf and -1 if there is none.

    ``moved`` is NaN at edges whose impact is not known yet and is filled in. ``first`` is a bin in
    which or before which the search may start.
    """
    last = edges.size - 1
    i = first
    while i < last and edges[i + 1] < x:
        i += 1
    if i >= last:
        return np.inf, -1
    # a smaller shock that came to rest beyond x has shown that something is reached at x
    if edges[i] <= x and between(edges, flow, i, x) <= 0.0:
        return x, i
    while i < last:
        if np.isnan(moved[i + 1]):
            moved[i + 1] = scale * flow[i + 1] ** exponent
        if edges[i + 1] - moved[i + 1] >= x:
            return root_in_bin(x, edges[i], edges[i + 1], flow[i], flow[i + 1], scale, exponent), i
        i += 1
    return np.inf, -1


@njit(cache=True, error_model="numpy")
def rests(
    edges: FloatArray, flow: FloatArray, shocks: FloatArray, scale: float, exponent: float
) -> FloatArray:
    """Least fixed points, shape (draw, shock), for flows (draw, edge)."""
    out = np.empty(shocks.shape)
    moved = np.empty(edges.size)
    for d in range(shocks.shape[0]):
        moved[:] = np.nan
        for s in range(shocks.shape[1]):
            out[d, s] = rest_of(edges, flow[d], moved, shocks[d, s], 0, scale, exponent)[0]
    return out


@njit(cache=True, error_model="numpy")
def run(
    edges: FloatArray,
    cumulative: FloatArray,
    shocks: FloatArray,
    scale: FloatArray,
    exponent: FloatArray,
    on_book: FloatArray,
    gap: FloatArray,
    sign: float,
    linear: bool,
) -> FloatArray:
    """Run shocks of one side, shape (draw, scenario, shock, output).

    Parameters
    ----------
    edges : ndarray, shape (edge,)
    cumulative : ndarray, shape (draw, edge)
        Forced notional up to each edge.
    shocks : ndarray, shape (shock,)
        Log distances, ascending.
    scale, exponent, on_book : ndarray, shape (scenario,)
        Impact, and the share of forced notional that reaches the book.
    gap : ndarray, shape (draw,)
        Log distance to the bankruptcy price; NaN if unknown.
    sign : float
        -1 for longs, +1 for shorts.
    linear : bool
        Whether the contract is linear.
    """
    n_draw, n_scenario, n_shock = cumulative.shape[0], scale.size, shocks.size
    out = np.full((n_draw, n_scenario, n_shock, OUTPUTS), np.nan)
    moved, flow = np.empty(edges.size), np.empty(edges.size)
    for d in range(n_draw):
        total = cumulative[d]
        limit = np.exp(sign * gap[d])
        for k in range(n_scenario):
            flow[:] = on_book[k] * total
            moved[:] = np.nan
            moved[0] = 0.0
            known = 0  # edges up to this one have their impact
            start = 0
            for s in range(n_shock):
                x = shocks[s]
                at, i = rest_of(edges, flow, moved, x, start, scale[k], exponent[k])
                one = out[d, k, s]
                one[REST] = at
                if i < 0:
                    continue
                # the next shock is larger, so it rests in this bin or beyond
                start = i
                one[LIQUIDATED] = between(edges, total, i, at)
                j = i
                while j > 0 and edges[j] > x:
                    j -= 1
                one[REACHED] = between(edges, total, j, x)
                if np.isnan(gap[d]):
                    continue
                while known < i:
                    known += 1
                    if np.isnan(moved[known]):
                        moved[known] = scale[k] * flow[known] ** exponent[k]
                carry(one, edges, total, moved, x, at, i, gap[d], limit, sign, linear)
    return out


@njit(cache=True, error_model="numpy")
def carry(
    one: FloatArray,
    edges: FloatArray,
    total: FloatArray,
    moved: FloatArray,
    x: float,
    at: float,
    last: int,
    gap: float,
    limit: float,
    sign: float,
    linear: bool,
) -> None:
    """Loss beyond the margin and margin left over of what one shock forces; fills ``one``."""
    shortfall, by_cascade, surplus, bankrupt = 0.0, 0.0, 0.0, 0.0
    for b in range(last + 1):
        right = edges[b + 1] if b < last else at
        mass = (total[b + 1] if b < last else one[LIQUIDATED]) - total[b]
        if mass <= 0.0 or right <= edges[b]:
            continue
        # price is at x plus the impact of what was closed before
        impact = 0.5 * (moved[b] + (moved[b + 1] if b < last else at - x))
        past = x + impact - 0.5 * (edges[b] + right)
        if linear:
            loss = sign * (np.exp(sign * past) - limit)
        else:
            # lost coins are valued at the price at which they are lost
            loss = sign * (np.exp(sign * (past - gap)) - 1.0)
        if loss > 0.0:
            shortfall += mass * loss
            bankrupt += mass
            new = (right - max(x, edges[b])) / (right - edges[b])
            by_cascade += mass * loss * max(new, 0.0)
        else:
            surplus -= mass * loss
    one[SHORTFALL], one[BY_CASCADE] = shortfall, by_cascade
    one[SURPLUS], one[BANKRUPT] = surplus, bankrupt
