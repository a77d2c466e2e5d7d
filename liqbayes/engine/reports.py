"""Moments of the reported liquidations of one side, and back-propagation.

Expected liquidation as a share of open interest becomes orders; a throttle caps how many can be
reported; lumps make them over-dispersed; a slow residual is predicted from earlier reports. See
``docs/explanation/liquidation-feed.md`` for the formulas.
"""

import numpy as np
from numba import njit

# order of the parameters behind ``where``
REPORTED, ORDER_SIZE, BUSY, FLOOR, NOISE, POSITIONS, MEMORY, GAIN = range(8)


@njit(cache=True)
def counted_orders(orders, capacity, busy):  # type: ignore[no-untyped-def]
    """Orders that pass the throttle, and the derivatives by orders and by the busy share."""
    if np.isinf(capacity):
        return orders, 1.0, 0.0
    limit = busy * capacity
    x = orders / limit
    e = np.exp(-x)
    return -limit * np.expm1(-x), e, capacity * (-np.expm1(-x) - x * e)


@njit(cache=True)
def report_moments(p, expected, where, hours, before, capacity, past, start):  # type: ignore[no-untyped-def]
    """Zero probability, log location and scale of each bar's report.

    Parameters
    ----------
    p : ndarray, shape (parameter,)
    expected : ndarray, shape (time,)
        Expected liquidation in the unit of the reports.
    where : ndarray of int64, shape (8,)
        Indices into ``p`` in this module's order.
    hours : float
        Bar length.
    before, capacity : ndarray, shape (time,)
        Open interest before the bar, most orders that can be reported.
    past : ndarray, shape (time,)
        Reports as a share of open interest; 0 where none or unknown. A bar's own value is used
        only for later bars.
    start : ndarray of int64, shape (time,)
        1 at a segment's first bar, 0 inside, -1 outside.

    Returns
    -------
    location, scale, log_zero : ndarray, shape (time,)
        ``log R | R > 0 ~ Normal(location, scale)`` and ``log P(R = 0)``.
    lumps, slow : ndarray, shape (time,)
        Effective number of positions behind each bar, predicted slow residual.
    """
    n_bars = expected.shape[0]
    location = np.zeros(n_bars)
    scale = np.ones(n_bars)
    log_zero = np.full(n_bars, -1.0)
    lumps = np.ones(n_bars)
    slow = np.zeros(n_bars)
    kappa, q, busy = p[where[REPORTED]], p[where[ORDER_SIZE]], p[where[BUSY]]
    floor = p[where[FLOOR]] * hours
    noise, positions, gain = p[where[NOISE]], p[where[POSITIONS]], p[where[GAIN]]
    memory = np.exp(-hours / p[where[MEMORY]])
    e = 0.0
    for t in range(n_bars):
        if start[t] != 0:
            e = 0.0
            continue
        share = expected[t] / before[t]
        counted, _, _ = counted_orders(share / q, capacity[t], busy)
        n = kappa * counted + floor / q
        h = positions * (share + floor)
        lz = -h * np.log1p(n / h)
        some = np.log(-np.expm1(lz))
        w = np.log1p(1.0 / h + 1.0 / n) + some
        middle = np.log(q * n) - some - 0.5 * w
        location[t] = middle + e
        scale[t] = np.sqrt(noise * noise + w)
        log_zero[t] = lz
        lumps[t] = h
        slow[t] = e
        if past[t] > 0.0:
            e += gain * (np.log(past[t]) - middle - e)
        e *= memory
    return location, scale, log_zero, lumps, slow


@njit(cache=True)
def report_moments_reverse(  # type: ignore[no-untyped-def]
    location_bar,
    scale_bar,
    zero_bar,
    lumps_bar,
    slow_bar,
    location,
    scale,
    log_zero,
    lumps,
    slow,
    p,
    expected,
    where,
    hours,
    before,
    capacity,
    past,
    start,
):
    """Adjoint of ``report_moments`` by ``p`` and ``expected``; ``lumps`` is not differentiated."""
    p_bar = np.zeros_like(p)
    expected_bar = np.zeros_like(expected)
    kappa, q, busy = p[where[REPORTED]], p[where[ORDER_SIZE]], p[where[BUSY]]
    floor = p[where[FLOOR]] * hours
    noise, positions, gain = p[where[NOISE]], p[where[POSITIONS]], p[where[GAIN]]
    memory = np.exp(-hours / p[where[MEMORY]])
    e_bar = 0.0
    memory_bar = 0.0
    floor_bar = 0.0
    for t in range(expected.shape[0] - 1, -1, -1):
        if start[t] != 0:
            e_bar = 0.0
            continue
        share = expected[t] / before[t]
        counted, by_orders, by_busy = counted_orders(share / q, capacity[t], busy)
        n = kappa * counted + floor / q
        h = lumps[t]
        lz = log_zero[t]
        middle = location[t] - slow[t]
        e = slow[t]
        # e_next = memory * (e + gain * (log past - middle - e))
        updated = e
        middle_bar = location_bar[t]
        u_bar = e_bar * memory
        if past[t] > 0.0:
            residual = np.log(past[t]) - middle - e
            updated += gain * residual
            p_bar[where[GAIN]] += u_bar * residual
            middle_bar -= u_bar * gain
            memory_bar += e_bar * updated
            u_bar *= 1.0 - gain
        else:
            memory_bar += e_bar * updated
        e_bar = u_bar + location_bar[t] + slow_bar[t]
        # scale = sqrt(noise^2 + w), middle = log(q n) - some - w / 2
        w_bar = 0.5 * scale_bar[t] / scale[t] - 0.5 * middle_bar
        p_bar[where[NOISE]] += scale_bar[t] * noise / scale[t]
        some_bar = w_bar - middle_bar
        q_bar = middle_bar / q
        n_bar = middle_bar / n
        r = 1.0 + 1.0 / h + 1.0 / n
        h_bar = -w_bar / (h * h * r)
        n_bar -= w_bar / (n * n * r)
        lz_bar = zero_bar[t] - some_bar * np.exp(lz) / -np.expm1(lz)
        ratio = n / h
        h_bar += lz_bar * (ratio / (1.0 + ratio) - np.log1p(ratio))
        n_bar -= lz_bar / (1.0 + ratio)
        p_bar[where[POSITIONS]] += h_bar * (share + floor)
        share_bar = h_bar * positions
        q_bar -= n_bar * floor / (q * q)
        floor_bar += h_bar * positions + n_bar / q
        p_bar[where[REPORTED]] += n_bar * counted
        p_bar[where[BUSY]] += n_bar * kappa * by_busy
        orders_bar = n_bar * kappa * by_orders
        share_bar += orders_bar / q
        q_bar -= orders_bar * share / (q * q)
        p_bar[where[ORDER_SIZE]] += q_bar
        expected_bar[t] = share_bar / before[t]
    p_bar[where[FLOOR]] += floor_bar * hours
    p_bar[where[MEMORY]] += memory_bar * memory * hours / p[where[MEMORY]] ** 2
    return p_bar, expected_bar
