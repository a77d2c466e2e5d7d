"""Derivatives of the recursion by reverse accumulation, written by hand.

See Griewank & Walther 2008 (doi 10.1137/1.9780898717761). ``reverse`` reads the tapes that
``recursion.forward`` leaves and walks back through the bars.
"""

import numpy as np
from numba import njit

from liqbayes.engine.recursion import (
    FLOW,
    FORGOTTEN,
    HAZARD,
    LOG_KEPT,
    OPENED,
    TOUCHED,
    first_touch,
    opening_exponent,
    same_bar_share,
)

# Adjoints of cohorts are rescaled when survival since then passes this.
_RESCALE_AT = 1e90


@njit(cache=True, error_model="numpy", inline="always")
def spread_to_cohorts(  # type: ignore[no-untyped-def]
    i,
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
):
    """Adjoint of ``recursion.touched_mass``.

    ``touched_bar``, shape (class, cell), is the derivative by each cell's touched mass,
    ``by_total`` by their sum. Adds to ``scaled_bar``, shape (class, cell x time), and returns the
    derivative by the logarithm of the survival ``kept``.
    """
    n_bars = np.uint64(scaled_bar.shape[1] // touched_bar.shape[1])
    by_log_kept = 0.0
    for r in range(pointer[t], pointer[t + 1]):
        k = run_cell[r]
        row = np.uint64(k) * n_bars
        by_mass = touched_bar[i, k] + by_total
        by_log_kept += by_mass * by_run[i, r]
        u = by_mass * kept
        for q in range(first_touch(oldest, run_stop[r], run_stop[r + 1], cohort), run_stop[r + 1]):
            scaled_bar[i, row + cohort[q]] += u * weight[q]
    return by_log_kept


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
    scaled_bar = np.zeros((n_class, n_cells * n_bars))
    living_bar = np.zeros((n_class, n_cells))
    touched = np.zeros(n_cells)
    touched_bar = np.zeros((n_class, n_cells))
    by_log_stay = np.zeros(n_class)
    log_kept_bar = np.zeros(n_class)
    kept = np.ones(n_class)  # survival at the bar's close over the current base
    base = np.zeros(n_class)
    oldest = np.zeros(n_class, np.int64)
    stay = np.zeros(n_class)
    renewed = -np.expm1(-renewal)
    enters_segment = True
    for t in range(n_bars - 1, -1, -1):
        if start[t] < 0:
            continue
        b = block[t]
        if enters_segment:
            for i in range(n_class):
                base[i] = by_class[LOG_KEPT, i, t]
                kept[i] = 1.0
                oldest[i] = t
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
                    by_mass = living_bar[i, k] + scaled_bar[i, k * n_bars + t] / kept[i]
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
        target = interest[t] * np.exp(-a)
        net = -interest[t] * np.expm1(-a)
        decay = np.exp(-0.5 * flow[t])
        opening = before * (1.0 - decay)
        total_touched = 0.0
        for i in range(n_class):
            total_touched += by_class[TOUCHED, i, t]
        remaining = before - c * total_touched
        net_bar = 0.0
        for i in range(n_class):
            # what the bar left in each cell, by what it found and what it opened
            e = target / remaining if n_class == 1 else np.exp(-speed[i] * eta)
            stay[i] = e
            gross = by_class[OPENED, i, t]
            unscale = 1.0 / kept[i]
            for k in range(n_cells):
                touched[k] = 0.0
                touched_bar[i, k] = scaled_bar[i, k * n_bars + t] * unscale
            for r in range(pointer[t], pointer[t + 1]):
                touched[run_cell[r]] = by_run[i, r]
            by_gross = 0.0
            for k in range(n_swept[t]):
                both = touched_bar[i, k] + living_bar[i, k]
                by_gross -= c * both * swept[t, k] * shares[i, b, k]
                shares_bar[i, b, k] -= c * both * swept[t, k] * gross
                c_bar -= both * swept[t, k] * shares[i, b, k] * gross
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
                by_gross += both * shares[i, b, k]
                shares_bar[i, b, k] += both * gross
                by_stay += inherited * untouched + both * (1.0 - c) * m
                by_c += both * m
                by_renewed += by_placed * untouched
                living_bar[i, k] = e * inherited
                touched_bar[i, k] = e * ((1.0 - c) * both - inherited)
            c_bar -= e * by_c
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
        if n_class == 1:
            # log of what stays is x - a
            a_bar -= by_log_stay[0]
            x_bar += by_log_stay[0]
        else:
            # hazard by the implicit function: sum left_i exp(-speed_i eta) = target
            eta_bar = 0.0
            slope = 0.0
            for i in range(n_class):
                eta_bar -= speed[i] * by_log_stay[i]
                speed_bar[i] -= eta * by_log_stay[i]
                slope += speed[i] * _left(living, by_class, c, i, t) * stay[i]
            if slope > 0.0:
                by_left = eta_bar / slope
            a_bar += by_left * target
            for i in range(n_class):
                speed_bar[i] -= by_left * eta * _left(living, by_class, c, i, t) * stay[i]
                c_bar -= by_left * stay[i] * by_class[TOUCHED, i, t]
                for k in range(n_cells):
                    living_bar[i, k] += by_left * stay[i]
        root = np.sqrt(flow[t] * flow[t] + x * x)
        if root > 0.0:
            flow_bar[t] += a_bar * 0.5 * flow[t] / root
            x_bar += a_bar * 0.5 * (x / root + 1.0)
        from_book_bar = expected_bar[t] + predicted_bar[t] + x_bar / remaining
        c_bar += from_book_bar * total_touched
        for i in range(n_class):
            kept[i] = np.exp(by_class[LOG_KEPT, i, t - 1] - base[i])
            if kept[i] > _RESCALE_AT:
                for k in range(n_cells):
                    for s in range(k * n_bars, k * n_bars + t):
                        scaled_bar[i, s] /= kept[i]
                base[i] = by_class[LOG_KEPT, i, t - 1]
                kept[i] = 1.0
            # the first bar of a segment has survived wholly: the search ends there
            now = by_class[LOG_KEPT, i, t - 1]
            while (
                oldest[i] > 0
                and start[oldest[i]] != 1
                and by_class[LOG_KEPT, i, oldest[i] - 1] - now <= FORGOTTEN
            ):
                oldest[i] -= 1
            log_kept_bar[i] += spread_to_cohorts(
                i,
                t,
                oldest[i],
                pointer,
                run_cell,
                run_stop,
                cohort,
                weight,
                touched_bar,
                c * (from_book_bar - by_left * stay[i]),
                kept[i],
                by_run,
                scaled_bar,
            )
    renewal_bar += renewed_bar * np.exp(-renewal)
    return flow_bar, shares_bar, c_bar, renewal_bar, entering_bar, speed_bar, initial_bar


@njit(cache=True, error_model="numpy")
def _left(living, by_class, c, i, t):  # type: ignore[no-untyped-def]
    """Mass of a class before a bar less what the bar closes at its level."""
    left = -c * by_class[TOUCHED, i, t]
    for k in range(living.shape[2]):
        left += living[t - 1, i, k]
    return left
