"""Derivatives of the recursion by reverse accumulation, written by hand.

See Griewank & Walther 2008 (doi 10.1137/1.9780898717761). ``reverse`` reads the tapes that
``recursion.forward`` leaves and walks back through the bars.
"""

import numpy as np
from numba import njit

from liqbayes.engine.recursion import (
    FLOW,
    HAZARD,
    LEFT,
    LOG_KEPT,
    OPENED,
    STAY,
    TOUCHED,
    first_touch,
    forgotten,
    opening_exponent,
    same_bar_share,
)

# Adjoints of cohorts are rescaled when the log of survival since then passes this, 1e200.
_RESCALE_AT = 460.0


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def spread_to_cohorts(  # type: ignore[no-untyped-def]
    t,
    oldest,
    pointer,
    run_cell,
    run_stop,
    cohort,
    weight,
    touched_bar,
    by_total,
    kept,
    by_run,
    scaled_bar,
    log_kept_bar,
):
    """Adjoint of ``recursion.touched_mass``.

    ``touched_bar``, shape (class, cell), is the derivative by each cell's touched mass,
    ``by_total``, shape (class,), by their sums. Adds to ``scaled_bar``, shape (cell x time,
    class), and to ``log_kept_bar``, the derivative by the logarithm of the survival ``kept``.
    """
    n_class, n_cells = touched_bar.shape
    n_bars = np.uint64(scaled_bar.shape[0] // n_cells)
    slow, fast, rest = np.uint64(0), np.uint64(1), np.uint64(2)
    for r in range(pointer[t], pointer[t + 1]):
        k = run_cell[r]
        row = np.uint64(k) * n_bars
        begin = first_touch(oldest, run_stop[r], run_stop[r + 1], cohort)
        for i in range(n_class):
            log_kept_bar[i] += (touched_bar[i, k] + by_total[i]) * by_run[i, r]
        if n_class == 3:
            by_slow = (touched_bar[0, k] + by_total[0]) * kept[0]
            by_fast = (touched_bar[1, k] + by_total[1]) * kept[1]
            by_rest = (touched_bar[2, k] + by_total[2]) * kept[2]
            for q in range(begin, run_stop[r + 1]):
                s = row + cohort[q]
                share = weight[q]
                scaled_bar[s, slow] += by_slow * share
                scaled_bar[s, fast] += by_fast * share
                scaled_bar[s, rest] += by_rest * share
        else:
            for i in range(n_class):
                u = (touched_bar[i, k] + by_total[i]) * kept[i]
                for q in range(begin, run_stop[r + 1]):
                    scaled_bar[row + cohort[q], i] += u * weight[q]


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def reverse(  # type: ignore[no-untyped-def]
    expected_bar,
    predicted_bar,
    living,
    placed,
    by_run,
    by_class,
    by_bar,
    flow,
    shares,
    closed_share,
    renewal,
    entering,
    speed,
    initial,
    interest,
    start,
    block,
    swept,
    n_swept,
    pointer,
    run_cell,
    run_stop,
    cohort,
    weight,
):
    """Adjoint of ``recursion.forward``.

    Parameters
    ----------
    expected_bar, predicted_bar : ndarray, shape (time,)
        Derivative of the target by expected and predicted liquidation.
    living, placed, by_run, by_class, by_bar
        What ``forward`` returned; the remaining arguments are ``forward``'s own.

    Returns
    -------
    tuple
        Derivatives by ``flow``, ``shares``, ``closed_share``, ``renewal``, ``entering``,
        ``speed`` and ``initial``.
    """
    n_bars = flow.shape[0]
    n_class, _, n_cells = shares.shape
    c = closed_share
    flow_bar = np.zeros(n_bars)
    shares_bar = np.zeros_like(shares)
    entering_bar = np.zeros(n_class)
    speed_bar = np.zeros(n_class)
    initial_bar = np.zeros(n_class)
    c_bar = 0.0
    renewed_bar = 0.0
    renewal_bar = 0.0
    scaled_bar = np.zeros((n_cells * n_bars, n_class))
    living_bar = np.zeros((n_class, n_cells))
    touched = np.zeros(n_cells)
    touched_bar = np.zeros((n_class, n_cells))
    by_log_stay = np.zeros(n_class)
    by_total = np.zeros(n_class)
    log_kept_bar = np.zeros(n_class)
    kept = np.ones(n_class)  # survival at the bar's close over the current base
    base = np.zeros(n_class)
    now = np.zeros(n_class)
    oldest = 0
    renewed = -np.expm1(-renewal)
    enters_segment = True
    for t in range(n_bars - 1, -1, -1):
        if start[t] < 0:
            continue
        b = block[t]
        if enters_segment:
            oldest = t
            for i in range(n_class):
                base[i] = by_class[LOG_KEPT, i, t]
                kept[i] = 1.0
                log_kept_bar[i] = 0.0
                for k in range(n_cells):
                    living_bar[i, k] = 0.0
            enters_segment = False
        if start[t] == 1:
            for i in range(n_class):
                gross = by_class[OPENED, i, t]
                gamma = same_bar_share(i, b, t, shares, swept, n_swept)
                by_gross = 0.0
                for k in range(n_cells):
                    by_mass = living_bar[i, k] + scaled_bar[k * n_bars + t, i] / kept[i]
                    by_mass *= 1.0 - swept[t, k]
                    by_gross += by_mass * shares[i, b, k]
                    shares_bar[i, b, k] += by_mass * gross
                initial_bar[i] += by_gross * interest[t] / (1.0 - gamma)
                for k in range(n_swept[t]):
                    shares_bar[i, b, k] += by_gross * gross / (1.0 - gamma) * swept[t, k]
            enters_segment = True
            continue
        eta = by_bar[HAZARD, t]
        x = by_bar[FLOW, t]
        before = interest[t - 1]
        a = opening_exponent(flow[t], x)
        net = -interest[t] * np.expm1(-a)
        target = interest[t] - net
        decay = np.exp(-0.5 * flow[t])
        opening = before * (1.0 - decay)
        total_touched = 0.0
        for i in range(n_class):
            total_touched += by_class[TOUCHED, i, t]
        remaining = before - c * total_touched
        net_bar = 0.0
        for i in range(n_class):
            # what the bar left in each cell, by what it found and what it opened
            e = by_class[STAY, i, t]
            gross = by_class[OPENED, i, t]
            unscale = 1.0 / kept[i]
            for k in range(n_cells):
                touched[k] = 0.0
                touched_bar[i, k] = scaled_bar[k * n_bars + t, i] * unscale
            for r in range(pointer[t], pointer[t + 1]):
                touched[run_cell[r]] = by_run[i, r]
            by_gross = 0.0
            by_swept = 0.0
            by_stay = 0.0
            by_c = 0.0
            by_renewed = 0.0
            by_log_kept = 0.0
            for k in range(n_cells):
                by_placed = touched_bar[i, k]
                by_living = living_bar[i, k]
                both = by_placed + by_living
                m = touched[k]
                untouched = living[t - 1, i, k] - m
                inherited = by_living + renewed * by_placed
                by_log_kept += by_placed * placed[t, i, k]
                fresh = 1.0 - c * swept[t, k]
                by_gross += both * shares[i, b, k] * fresh
                by_swept += both * shares[i, b, k] * swept[t, k]
                shares_bar[i, b, k] += both * gross * fresh
                by_stay += inherited * untouched + both * (1.0 - c) * m
                by_c += both * m
                by_renewed += by_placed * untouched
                living_bar[i, k] = e * inherited
                touched_bar[i, k] = e * ((1.0 - c) * both - inherited)
            c_bar -= e * by_c + gross * by_swept
            renewed_bar += e * by_renewed
            log_kept_bar[i] -= by_log_kept
            renewal_bar -= log_kept_bar[i]
            by_log_stay[i] = e * by_stay + log_kept_bar[i]
            # gross openings, their same-bar liquidation and its prediction
            gamma = same_bar_share(i, b, t, shares, swept, n_swept)
            d = 1.0 / (1.0 - c * gamma)
            by_gross += c * gamma * expected_bar[t]
            net_bar += entering[i] * d * by_gross
            own = predicted_bar[t] * opening * d
            entering_bar[i] += net * d * by_gross + own * c * gamma
            c_bar += (
                gross * d * gamma * by_gross
                + gamma * gross * expected_bar[t]
                + own * entering[i] * gamma * d
            )
            gamma_bar = c * (gross * d * by_gross + gross * expected_bar[t] + own * entering[i] * d)
            flow_bar[t] += predicted_bar[t] * c * entering[i] * gamma * d * before * 0.5 * decay
            for k in range(n_swept[t]):
                shares_bar[i, b, k] += gamma_bar * swept[t, k]
        a_bar = target * net_bar
        x_bar = 0.0
        by_left = 0.0
        # hazard by the implicit function: sum left_i exp(-speed_i eta) = target
        eta_bar = 0.0
        slope = 0.0
        for i in range(n_class):
            eta_bar -= speed[i] * by_log_stay[i]
            speed_bar[i] -= eta * by_log_stay[i]
            slope += speed[i] * by_class[LEFT, i, t] * by_class[STAY, i, t]
        if slope > 0.0:
            by_left = eta_bar / slope
        a_bar += by_left * target
        for i in range(n_class):
            by_mass = by_left * by_class[STAY, i, t]
            speed_bar[i] -= by_mass * eta * by_class[LEFT, i, t]
            c_bar -= by_mass * by_class[TOUCHED, i, t]
            for k in range(n_cells):
                living_bar[i, k] += by_mass
        root = np.sqrt(flow[t] * flow[t] + x * x)
        if root > 0.0:
            flow_bar[t] += a_bar * 0.5 * flow[t] / root
            x_bar += a_bar * 0.5 * (x / root + 1.0)
        from_book_bar = expected_bar[t] + predicted_bar[t] + x_bar / remaining
        c_bar += from_book_bar * total_touched
        for i in range(n_class):
            rise = by_class[LOG_KEPT, i, t - 1] - base[i]
            if rise > _RESCALE_AT:
                # what is older than ``oldest`` is still zero
                unscale = np.exp(-rise)
                for k in range(n_cells):
                    for s in range(k * n_bars + oldest, k * n_bars + t):
                        scaled_bar[s, i] *= unscale
                base[i] = by_class[LOG_KEPT, i, t - 1]
                rise = 0.0
            kept[i] = np.exp(rise)
            by_total[i] = c * (from_book_bar - by_left * by_class[STAY, i, t])
            now[i] = by_class[LOG_KEPT, i, t - 1]
        # the first bar of a segment has survived wholly: the search ends there
        while oldest > 0 and start[oldest] != 1 and not forgotten(by_class, oldest - 1, now):
            oldest -= 1
        spread_to_cohorts(
            t,
            oldest,
            pointer,
            run_cell,
            run_stop,
            cohort,
            weight,
            touched_bar,
            by_total,
            kept,
            by_run,
            scaled_bar,
            log_kept_bar,
        )
    renewal_bar += renewed_bar * np.exp(-renewal)
    return flow_bar, shares_bar, c_bar, renewal_bar, entering_bar, speed_bar, initial_bar
