"""Moments of the reported liquidations of both sides, and back-propagation.

Expected liquidation as a share of open interest becomes orders; a throttle caps how many can be
reported; lumps make them over-dispersed; a slow residual is predicted from earlier reports. See
``docs/explanation/liquidation-feed.md`` for the formulas.
"""

import numpy as np
from numba import njit

# order of the parameters behind ``where``
REPORTED, ORDER_SIZE, BUSY, FLOOR, NOISE, POSITIONS, MEMORY, GAIN = range(8)


@njit(cache=True, error_model="numpy")
def counted_orders(orders, capacity, busy):  # type: ignore[no-untyped-def]
    """Orders that pass the throttle."""
    if np.isinf(capacity):
        return orders
    limit = busy * capacity
    return -limit * np.expm1(-orders / limit)


@njit(cache=True, error_model="numpy")
def report_moments(p, expected, where, hours, before, capacity, log_past, start):  # type: ignore[no-untyped-def]
    """Zero probability, log location and scale of each bar's report.

    Parameters
    ----------
    p : ndarray, shape (parameter,)
    expected : ndarray, shape (2, time)
        Expected liquidation of longs and shorts in the unit of the reports.
    where : ndarray of int64, shape (2, 8)
        Indices into ``p`` in this module's order, for each side.
    hours : float
        Bar length.
    before, capacity : ndarray, shape (time,)
        Open interest before the bar, most orders that can be reported.
    log_past : ndarray, shape (2, time)
        Log of the reports as a share of open interest; minus infinity where none or unknown. A
        bar's own value is used only for later bars.
    start : ndarray of int64, shape (time,)
        1 at a segment's first bar, 0 inside, -1 outside.

    Returns
    -------
    location, scale, log_zero : ndarray, shape (2, time)
        ``log R | R > 0 ~ Normal(location, scale)`` and ``log P(R = 0)``.
    some, counted, slow : ndarray, shape (2, time)
        ``P(R > 0)``, orders that pass the throttle, predicted slow residual.
    """
    n_bars = expected.shape[1]
    location = np.zeros((2, n_bars))
    scale = np.ones((2, n_bars))
    log_zero = np.full((2, n_bars), -1.0)
    some = np.ones((2, n_bars))
    counted = np.zeros((2, n_bars))
    slow = np.zeros((2, n_bars))
    for j in range(2):
        at = where[j]
        kappa, q, busy = p[at[REPORTED]], p[at[ORDER_SIZE]], p[at[BUSY]]
        floor = p[at[FLOOR]] * hours
        noise, positions, gain = p[at[NOISE]], p[at[POSITIONS]], p[at[GAIN]]
        memory = np.exp(-hours / p[at[MEMORY]])
        e = 0.0
        for t in range(n_bars):
            if start[t] != 0:
                e = 0.0
                continue
            share = expected[j, t] / before[t]
            passing = counted_orders(share / q, capacity[t], busy)
            n = kappa * passing + floor / q
            h = positions * (share + floor)
            lz = -h * np.log1p(n / h)
            any_report = -np.expm1(lz)
            w = np.log((1.0 + 1.0 / h + 1.0 / n) * any_report)
            middle = np.log(q * n / any_report) - 0.5 * w
            location[j, t] = middle + e
            scale[j, t] = np.sqrt(noise * noise + w)
            log_zero[j, t] = lz
            some[j, t] = any_report
            counted[j, t] = passing
            slow[j, t] = e
            if log_past[j, t] > -np.inf:
                e += gain * (log_past[j, t] - middle - e)
            e *= memory
    return location, scale, log_zero, some, counted, slow


@njit(cache=True, error_model="numpy")
def report_moments_reverse(  # type: ignore[no-untyped-def]
    location_bar,
    scale_bar,
    zero_bar,
    location,
    scale,
    log_zero,
    some,
    counted,
    slow,
    p,
    expected,
    where,
    hours,
    before,
    capacity,
    log_past,
    start,
):
    """Adjoint of ``report_moments`` by ``p`` and ``expected``.

    Only location, scale and ``log_zero`` are differentiated.
    """
    p_bar = np.zeros_like(p)
    expected_bar = np.zeros_like(expected)
    for j in range(2):
        at = where[j]
        kappa, q, busy = p[at[REPORTED]], p[at[ORDER_SIZE]], p[at[BUSY]]
        floor = p[at[FLOOR]] * hours
        noise, positions, gain = p[at[NOISE]], p[at[POSITIONS]], p[at[GAIN]]
        memory = np.exp(-hours / p[at[MEMORY]])
        e_bar = 0.0
        memory_bar = floor_bar = gain_bar = noise_bar = 0.0
        positions_bar = kappa_bar = busy_bar = order_bar = 0.0
        for t in range(expected.shape[1] - 1, -1, -1):
            if start[t] != 0:
                e_bar = 0.0
                continue
            share = expected[j, t] / before[t]
            passing = counted[j, t]
            n = kappa * passing + floor / q
            h = positions * (share + floor)
            lz = log_zero[j, t]
            any_report = some[j, t]
            e = slow[j, t]
            # e_next = memory * (e + gain * (log past - middle - e))
            updated = e
            middle_bar = location_bar[j, t]
            u_bar = e_bar * memory
            if log_past[j, t] > -np.inf:
                residual = log_past[j, t] - location[j, t]
                updated += gain * residual
                gain_bar += u_bar * residual
                middle_bar -= u_bar * gain
                u_bar *= 1.0 - gain
            memory_bar += e_bar * updated
            e_bar = u_bar + location_bar[j, t]
            # scale = sqrt(noise^2 + w), middle = log(q n) - log(some) - w / 2
            w_bar = 0.5 * scale_bar[j, t] / scale[j, t] - 0.5 * middle_bar
            noise_bar += scale_bar[j, t] * noise / scale[j, t]
            log_some_bar = w_bar - middle_bar
            q_bar = middle_bar / q
            n_bar = middle_bar / n
            r = 1.0 + 1.0 / h + 1.0 / n
            h_bar = -w_bar / (h * h * r)
            n_bar -= w_bar / (n * n * r)
            # some = 1 - exp(lz), lz = -h log(1 + n / h)
            lz_bar = zero_bar[j, t] - log_some_bar * (1.0 - any_report) / any_report
            ratio = n / h
            h_bar += lz_bar * (ratio / (1.0 + ratio) + lz / h)
            n_bar -= lz_bar / (1.0 + ratio)
            positions_bar += h_bar * (share + floor)
            share_bar = h_bar * positions
            q_bar -= n_bar * floor / (q * q)
            floor_bar += h_bar * positions + n_bar / q
            kappa_bar += n_bar * passing
            # counted = limit (1 - exp(-orders / limit))
            by_orders = 1.0
            if not np.isinf(capacity[t]):
                limit = busy * capacity[t]
                by_orders = 1.0 - passing / limit
                x = share / (q * limit)
                busy_bar += n_bar * kappa * (passing / busy - capacity[t] * x * by_orders)
            orders_bar = n_bar * kappa * by_orders
            share_bar += orders_bar / q
            q_bar -= orders_bar * share / (q * q)
            order_bar += q_bar
            expected_bar[j, t] = share_bar / before[t]
        p_bar[at[NOISE]] += noise_bar
        p_bar[at[GAIN]] += gain_bar
        p_bar[at[POSITIONS]] += positions_bar
        p_bar[at[REPORTED]] += kappa_bar
        p_bar[at[BUSY]] += busy_bar
        p_bar[at[ORDER_SIZE]] += order_bar
        p_bar[at[FLOOR]] += floor_bar * hours
        p_bar[at[MEMORY]] += memory_bar * memory * hours / p[at[MEMORY]] ** 2
    return p_bar, expected_bar
