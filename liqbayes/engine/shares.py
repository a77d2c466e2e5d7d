"""Cell shares of effective leverage from continuation logits, and back-propagation."""

import numpy as np
from numba import njit

from liqbayes.engine.steps import walked, walked_reverse


@njit(cache=True)
def cell_shares(  # type: ignore[no-untyped-def]
    p, where, weight, factor, low_fraction, high, basis, block_score, walk, week, class_tilt, lean,
    cap_effect, capped,
):  # fmt: skip
    """Distribution over leverage cells for each side and block.

    The tail P(leverage >= x) is log-linear between knots, continued by fixed fractions above the
    last and below the first; smooth log deviations multiply the cells.

    Parameters
    ----------
    p : ndarray, shape (parameter,)
    where : ndarray of int64
        Indices into ``p``: first-knot logit of longs and of shorts, continuation logit of each
        further knot, their long-minus-short tilts, the block tilt (-1: none), then the deviations.
    weight : ndarray, shape (cell, knot)
        Weights of the log tail at the knots for each cell's upper edge.
    factor, low_fraction : ndarray, shape (cell,)
        Fixed factor above the last knot, share of the low mass above each edge.
    high : ndarray of int64, shape (cell,)
        1 where the edge is at or above the first knot.
    basis : ndarray, shape (cell, term)
    block_score : ndarray, shape (block,)
        Funding score of each block of bars, which tilts high leverage between the sides.
    walk : ndarray of int64
        Indices into ``p``: scale of the random walk of high leverage, then its steps; empty
        without one.
    week : ndarray of int64, shape (block,)
        How many steps the walk has taken in each block.
    class_tilt : int
        Index into ``p`` of the tilt between holding classes; -1: none.
    lean : ndarray, shape (class,)
        How far each class leans to high leverage, in tilts.
    cap_effect : int
        Index into ``p`` of the effect of venues' cuts of leverage; -1: none.
    capped : ndarray, shape (block,)
        Share of the cuts that are in force in each block.

    Returns
    -------
    ndarray, shape (2, class x block, cell)
        Long then short; blocks of the first class, then of the next; cells from high to low
        leverage; rows sum to one.
    """
    n_cells, n_knots = weight.shape
    n_tail = n_knots - 1
    n_terms = basis.shape[1]
    n_blocks = block_score.shape[0]
    out = np.empty((2, lean.shape[0] * n_blocks, n_cells))
    logits = np.empty(n_knots)
    log_tail = np.empty(n_knots)
    edge = np.empty(n_cells + 1)
    deviation = np.zeros(n_cells)
    path = walked(p, walk)
    for k in range(n_cells):
        for i in range(n_terms):
            deviation[k] += basis[k, i] * p[where[3 + 2 * n_tail + i]]
        deviation[k] = np.exp(deviation[k])
    for side in range(2):
        for row in range(out.shape[1]):
            b, leaning = row % n_blocks, _leaning(p, class_tilt, lean[row // n_blocks])
            cut = _cut(p, cap_effect, capped[b])
            _logits(p, where, side, block_score[b], path[week[b]], leaning, cut, n_tail, logits)
            _tail_at_edges(logits, weight, factor, low_fraction, high, log_tail, edge)
            total = 0.0
            for k in range(n_cells):
                out[side, row, k] = (edge[k + 1] - edge[k]) * deviation[k]
                total += out[side, row, k]
            for k in range(n_cells):
                out[side, row, k] /= total
    return out


@njit(cache=True)
def _leaning(p, class_tilt, lean):  # type: ignore[no-untyped-def]
    """Shift of a class's logits."""
    return lean * p[class_tilt] if class_tilt >= 0 else 0.0


@njit(cache=True)
def _cut(p, cap_effect, capped):  # type: ignore[no-untyped-def]
    """Shift by the cuts of leverage in force."""
    return capped * p[cap_effect] if cap_effect >= 0 else 0.0


@njit(cache=True)
def _logits(p, where, side, score, moved_by, leaning, cut, n_tail, logits):  # type: ignore[no-untyped-def]
    """Continuation logits of one side and block.

    The block's score and the random walk move the steps above 8x and above 20x, the class those
    above 3x, 8x and 20x, cuts of leverage those above 20x and above 50x.
    """
    sign = 1.0 - 2.0 * side
    logits[0] = p[where[side]]
    for i in range(n_tail):
        logits[i + 1] = p[where[2 + i]] + 0.5 * sign * p[where[2 + n_tail + i]]
    tilt = where[2 + 2 * n_tail]
    moved = moved_by + leaning
    if tilt >= 0:
        moved += sign * score * p[tilt]
    logits[1] += leaning
    logits[2] += moved
    logits[3] += moved
    if cut != 0.0:
        logits[3] += cut
        logits[4] += cut


@njit(cache=True)
def _tail_at_edges(logits, weight, factor, low_fraction, high, log_tail, edge):  # type: ignore[no-untyped-def]
    """Fill the log tail at the knots, and the share above each cell edge and below them all."""
    n_cells, n_knots = weight.shape
    running = 0.0
    for i in range(n_knots):
        running -= np.log1p(np.exp(-logits[i]))
        log_tail[i] = running
    reach = np.exp(log_tail[0])
    for k in range(n_cells):
        if high[k] == 1:
            value = 0.0
            for i in range(n_knots):
                value += weight[k, i] * log_tail[i]
            edge[k] = np.exp(value) * factor[k]
        else:
            edge[k] = reach + (1.0 - reach) * low_fraction[k]
    edge[n_cells] = 1.0


@njit(cache=True)
def cell_shares_reverse(  # type: ignore[no-untyped-def]
    out_bar, out, p, where, weight, factor, low_fraction, high, basis, block_score, walk, week,
    class_tilt, lean, cap_effect, capped,
):  # fmt: skip
    """Adjoint of ``cell_shares`` by ``p``."""
    n_cells, n_knots = weight.shape
    n_tail = n_knots - 1
    n_terms = basis.shape[1]
    n_blocks = block_score.shape[0]
    p_bar = np.zeros_like(p)
    logits = np.empty(n_knots)
    log_tail = np.empty(n_knots)
    log_tail_bar = np.empty(n_knots)
    edge = np.empty(n_cells + 1)
    edge_bar = np.empty(n_cells + 1)
    deviation = np.zeros(n_cells)
    deviation_bar = np.zeros(n_cells)
    tilt = where[2 + 2 * n_tail]
    path = walked(p, walk)
    path_bar = np.zeros_like(path)
    for k in range(n_cells):
        for i in range(n_terms):
            deviation[k] += basis[k, i] * p[where[3 + 2 * n_tail + i]]
        deviation[k] = np.exp(deviation[k])
    for side in range(2):
        sign = 1.0 - 2.0 * side
        for row in range(out.shape[1]):
            b = row % n_blocks
            lean_of = lean[row // n_blocks]
            leaning = _leaning(p, class_tilt, lean_of)
            cut = _cut(p, cap_effect, capped[b])
            _logits(p, where, side, block_score[b], path[week[b]], leaning, cut, n_tail, logits)
            _tail_at_edges(logits, weight, factor, low_fraction, high, log_tail, edge)
            reach = np.exp(log_tail[0])
            log_tail_bar[:] = 0.0
            total = 0.0
            mean_bar = 0.0
            for k in range(n_cells):
                total += (edge[k + 1] - edge[k]) * deviation[k]
                mean_bar += out_bar[side, row, k] * out[side, row, k]
            edge_bar[:] = 0.0
            for k in range(n_cells):
                raw_bar = (out_bar[side, row, k] - mean_bar) / total
                deviation_bar[k] += raw_bar * (edge[k + 1] - edge[k]) * deviation[k]
                edge_bar[k + 1] += raw_bar * deviation[k]
                edge_bar[k] -= raw_bar * deviation[k]
            for k in range(n_cells):
                if high[k] == 1:
                    for i in range(n_knots):
                        log_tail_bar[i] += edge_bar[k] * edge[k] * weight[k, i]
                else:
                    log_tail_bar[0] += edge_bar[k] * (1.0 - low_fraction[k]) * reach
            running = 0.0
            for i in range(n_knots - 1, -1, -1):
                running += log_tail_bar[i]
                # d/dx of -log(1 + exp(-x))
                logit_bar = running / (1.0 + np.exp(logits[i]))
                if i == 0:
                    p_bar[where[side]] += logit_bar
                else:
                    p_bar[where[1 + i]] += logit_bar
                    p_bar[where[1 + n_tail + i]] += 0.5 * sign * logit_bar
                    if class_tilt >= 0 and i <= 3:
                        p_bar[class_tilt] += lean_of * logit_bar
                    if cap_effect >= 0 and i >= 3:
                        p_bar[cap_effect] += capped[b] * logit_bar
                    if i == 2 or i == 3:
                        path_bar[week[b]] += logit_bar
                        if tilt >= 0:
                            p_bar[tilt] += sign * block_score[b] * logit_bar
    for k in range(n_cells):
        for i in range(n_terms):
            p_bar[where[3 + 2 * n_tail + i]] += basis[k, i] * deviation_bar[k]
    walked_reverse(path_bar, p, walk, p_bar)
    return p_bar
