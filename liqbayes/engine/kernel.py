"""The open-interest recursion, forward and in reverse.

One side of the book is a set of cohorts in one or more holding classes. Per bar: levels that the
path touches are removed (a share ``c`` of them is closed, the rest re-anchors), the remaining
book is thinned by a hazard that makes it end at the observed open interest, and what the volume
says was opened enters as a new cohort. The identities hold exactly for every volume >= 0 and open
interest > 0, without clipping (``docs/explanation/engine.md``).

``advance`` is the one step that likelihood, simulation and outputs share; ``forward`` loops over
it and records what ``reverse``, its hand-written adjoint, needs.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# rows of the per-class tape
OPENED, REANCHORED, TOUCHED, MASS, LOG_KEPT = range(5)
N_CLASS_ROWS = 5
# rows of the per-bar tape
EXPECTED, PREDICTED, HAZARD, FLOW = range(4)
N_BAR_ROWS = 4

# Below this the running survival is folded into the cohorts, long before it underflows.
_RESCALE_AT = -200.0


@njit(cache=True, error_model="numpy")
def same_bar_share(shares, block, swept, n_swept, class_index, bar):  # type: ignore[no-untyped-def]
    """Share of what is opened in ``bar`` that the bar's own path touches."""
    gamma = 0.0
    for k in range(n_swept[bar]):
        gamma += shares[class_index, block[bar], k] * swept[bar, k]
    return gamma


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def touched_mass(  # type: ignore[no-untyped-def]
    bar, pointer, cohort, slot, open_weight, moved_weight, flat, opened, reanchored, scale, out
):
    """Mass per class whose level the bar's path reaches, out of earlier cohorts.

    ``flat`` are the shares as (class, block x cell), which ``slot`` indexes; ``opened`` and
    ``reanchored`` are cohort masses divided by their survival at opening,
    ``scale`` the survival now, so that their product is what is left.
    """
    for i in range(out.shape[0]):
        total = 0.0
        for q in range(pointer[bar], pointer[bar + 1]):
            s = cohort[q]
            total += flat[i, slot[q]] * (
                open_weight[q] * opened[i, s] + moved_weight[q] * reanchored[i, s]
            )
        out[i] = total * scale[i]


@njit(cache=True, error_model="numpy")
def predicted_liquidation(  # type: ignore[no-untyped-def]
    touched, gamma, entering, closed_share, previous_interest, flow
):
    """Liquidation expected before the bar's open interest is known (design of the OI channel)."""
    opening = previous_interest * (1.0 - np.exp(-0.5 * flow))
    total = 0.0
    for i in range(touched.shape[0]):
        total += closed_share * touched[i]
        total += closed_share * entering[i] * gamma[i] / (1.0 - closed_share * gamma[i]) * opening
    return total


@njit(cache=True, error_model="numpy")
def opening_exponent(flow, x):  # type: ignore[no-untyped-def]
    """``a = (sqrt(f^2 + x^2) + x) / 2`` without cancellation; ``a - x`` is the voluntary hazard."""
    root = np.sqrt(flow * flow + x * x)
    if x >= 0.0:
        return 0.5 * (root + x)
    return 0.5 * flow * flow / (root - x)


@njit(cache=True, error_model="numpy")
def advance(  # type: ignore[no-untyped-def]
    mass,
    touched,
    gamma,
    entering,
    speed,
    closed_share,
    renewal,
    previous_interest,
    interest,
    flow,
    opened,
    reanchored,
):
    """One bar: remove touches, thin to the observed open interest, add what was opened.

    Parameters
    ----------
    mass : ndarray, shape (class,)
        Living mass before the bar; overwritten with the mass after it.
    touched, gamma, entering, speed : ndarray, shape (class,)
        Touched mass, same-bar share, share of openings and relative hazard of each class.
    closed_share, renewal, previous_interest, interest, flow : float
        Touch-to-close share ``c``, renewal hazard of the bar, open interest before and after,
        and ``psi V / OI``.
    opened, reanchored : ndarray, shape (class,)
        Filled with the cohort that this bar adds, before its own touches.

    Returns
    -------
    liquidated, eta, x : float
        Expected liquidation of the bar, hazard of a class of speed one, and
        ``log(OI_t / (OI_{t-1} - c m))``.
    """
    n_class = mass.shape[0]
    total_touched = 0.0
    for i in range(n_class):
        total_touched += touched[i]
    from_book = closed_share * total_touched
    x = np.log(interest / (previous_interest - from_book))
    a = opening_exponent(flow, x)
    net = -interest * np.expm1(-a)
    target = interest - net
    if n_class == 1:
        eta = (a - x) / speed[0]
    else:
        eta = 0.0
        for _ in range(60):
            value = -target
            slope = 0.0
            for i in range(n_class):
                left = (mass[i] - closed_share * touched[i]) * np.exp(-speed[i] * eta)
                value += left
                slope += speed[i] * left
            step = value / slope
            eta += step
            if step <= 1e-15 * (1.0 + eta):
                break
        eta = max(eta, 0.0)
    renewed = -np.expm1(-renewal)
    liquidated = from_book
    for i in range(n_class):
        if n_class == 1:
            stay = target / (previous_interest - from_book)
        else:
            stay = np.exp(-speed[i] * eta)
        gross = entering[i] * net / (1.0 - closed_share * gamma[i])
        opened[i] = gross
        reanchored[i] = (
            stay * ((mass[i] - touched[i]) * renewed + (1.0 - closed_share) * touched[i])
            + (1.0 - closed_share) * gamma[i] * gross
        )
        mass[i] = (mass[i] - closed_share * touched[i]) * stay + entering[i] * net
        liquidated += closed_share * gamma[i] * gross
    return liquidated, eta, x


@njit(cache=True, error_model="numpy")
def forward(  # type: ignore[no-untyped-def]
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
    cohort,
    slot,
    open_weight,
    moved_weight,
):
    """Run one side over a panel.

    Parameters
    ----------
    flow : ndarray, shape (time,)
        ``psi V_t / OI_{t-1}``, never negative.
    shares : ndarray, shape (class, block, cell)
        Distribution of distance to liquidation at opening, one row per block of bars.
    closed_share, renewal : float
        Share of touched mass that is closed, and renewal hazard of one bar.
    entering, speed, initial : ndarray, shape (class,)
        Class shares of what is opened, relative hazards, class shares of the first book.
    interest : ndarray, shape (time,)
        Open interest at bar close.
    start : ndarray of int64, shape (time,)
        1 where a segment's first book is set, 0 inside a segment, -1 outside all segments.
    block : ndarray of int64, shape (time,)
        Row of ``shares`` for what is opened in each bar.
    swept, n_swept, pointer, cohort, slot, open_weight, moved_weight
        ``Layout.arrays()``: the touches as the loops read them.

    Returns
    -------
    class_tape : ndarray, shape (5, class, time)
        Opened, re-anchored, touched mass, living mass, log survival since the segment start.
    bar_tape : ndarray, shape (4, time)
        Expected liquidation given the bar's open interest, the same predicted without it, hazard
        of speed one, and ``x``.
    """
    n_bars = flow.shape[0]
    n_class = entering.shape[0]
    flat = shares.reshape((n_class, shares.shape[1] * shares.shape[2]))
    class_tape = np.zeros((N_CLASS_ROWS, n_class, n_bars))
    bar_tape = np.zeros((N_BAR_ROWS, n_bars))
    opened_scaled = np.zeros((n_class, n_bars))
    reanchored_scaled = np.zeros((n_class, n_bars))
    mass = np.zeros(n_class)
    log_kept = np.zeros(n_class)
    base = np.zeros(n_class)
    touched = np.zeros(n_class)
    gamma = np.zeros(n_class)
    opened = np.zeros(n_class)
    reanchored = np.zeros(n_class)
    scale = np.zeros(n_class)
    first = 0
    for t in range(n_bars):
        if start[t] < 0:
            continue
        for i in range(n_class):
            gamma[i] = same_bar_share(shares, block, swept, n_swept, i, t)
        if start[t] == 1:
            first = t
            for i in range(n_class):
                mass[i] = initial[i] * interest[t]
                opened[i] = mass[i] / (1.0 - gamma[i])
                reanchored[i] = 0.0
                log_kept[i] = 0.0
                base[i] = 0.0
                touched[i] = 0.0
        else:
            for i in range(n_class):
                scale[i] = np.exp(log_kept[i] - base[i])
            touched_mass(
                t,
                pointer,
                cohort,
                slot,
                open_weight,
                moved_weight,
                flat,
                opened_scaled,
                reanchored_scaled,
                scale,
                touched,
            )
            bar_tape[PREDICTED, t] = predicted_liquidation(
                touched, gamma, entering, closed_share, interest[t - 1], flow[t]
            )
            liquidated, eta, x = advance(
                mass,
                touched,
                gamma,
                entering,
                speed,
                closed_share,
                renewal,
                interest[t - 1],
                interest[t],
                flow[t],
                opened,
                reanchored,
            )
            bar_tape[EXPECTED, t] = liquidated
            bar_tape[HAZARD, t] = eta
            bar_tape[FLOW, t] = x
            for i in range(n_class):
                log_kept[i] -= speed[i] * eta + renewal
                if log_kept[i] - base[i] < _RESCALE_AT:
                    fold = np.exp(log_kept[i] - base[i])
                    for s in range(first, t):
                        opened_scaled[i, s] *= fold
                        reanchored_scaled[i, s] *= fold
                    base[i] = log_kept[i]
        for i in range(n_class):
            kept = np.exp(log_kept[i] - base[i])
            opened_scaled[i, t] = opened[i] / kept
            reanchored_scaled[i, t] = reanchored[i] / kept
            class_tape[OPENED, i, t] = opened[i]
            class_tape[REANCHORED, i, t] = reanchored[i]
            class_tape[TOUCHED, i, t] = touched[i]
            class_tape[MASS, i, t] = mass[i]
            class_tape[LOG_KEPT, i, t] = log_kept[i]
    return class_tape, bar_tape


@njit(cache=True, error_model="numpy")
def _rescaled(class_tape, i, first, t, base, opened, reanchored):  # type: ignore[no-untyped-def]
    """Cohort masses over survival relative to ``base``, as ``forward`` held them before ``t``."""
    for s in range(first, t):
        factor = np.exp(base - class_tape[LOG_KEPT, i, s])
        opened[i, s] = class_tape[OPENED, i, s] * factor
        reanchored[i, s] = class_tape[REANCHORED, i, s] * factor


@njit(cache=True, error_model="numpy")
def reverse(  # type: ignore[no-untyped-def]
    expected_bar,
    predicted_bar,
    class_tape,
    bar_tape,
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
    cohort,
    slot,
    open_weight,
    moved_weight,
):
    """Adjoint of ``forward``.

    Parameters
    ----------
    expected_bar, predicted_bar : ndarray, shape (time,)
        Derivative of the target by expected and predicted liquidation.
    class_tape, bar_tape
        What ``forward`` returned; the remaining arguments are ``forward``'s own.

    Returns
    -------
    tuple
        Derivatives by ``flow``, ``shares``, ``closed_share``, ``renewal``, ``entering``,
        ``speed`` and ``initial``.
    """
    n_bars = flow.shape[0]
    n_class = entering.shape[0]
    c = closed_share
    flow_bar = np.zeros(n_bars)
    shares_bar = np.zeros_like(shares)
    flat = shares.reshape((n_class, shares.shape[1] * shares.shape[2]))
    flat_bar = shares_bar.reshape((n_class, shares.shape[1] * shares.shape[2]))
    entering_bar = np.zeros(n_class)
    speed_bar = np.zeros(n_class)
    initial_bar = np.zeros(n_class)
    c_bar = 0.0
    renewal_bar = 0.0
    opened = np.zeros((n_class, n_bars))
    reanchored = np.zeros((n_class, n_bars))
    opened_bar = np.zeros((n_class, n_bars))  # by the scaled cohorts of the current base
    reanchored_bar = np.zeros((n_class, n_bars))
    opened_done = np.zeros((n_class, n_bars))  # by the cohorts themselves
    reanchored_done = np.zeros((n_class, n_bars))
    log_kept_bar = np.zeros((n_class, n_bars))
    mass_bar = np.zeros(n_class)
    base = np.zeros(n_class)
    gamma = np.zeros(n_class)
    gamma_bar = np.zeros(n_class)
    stay = np.zeros(n_class)
    touched_bar = np.zeros(n_class)
    previous_bar = np.zeros(n_class)
    left_bar = np.zeros(n_class)
    first = 0
    fresh = True
    for t in range(n_bars - 1, -1, -1):
        if start[t] < 0:
            continue
        if fresh:
            # entering a segment from its end: its first bar and its last base
            first = t
            while start[first] != 1:
                first -= 1
            for i in range(n_class):
                mass_bar[i] = 0.0
                base[i] = 0.0
                for s in range(first, t + 1):
                    if class_tape[LOG_KEPT, i, s] - base[i] < _RESCALE_AT:
                        base[i] = class_tape[LOG_KEPT, i, s]
                _rescaled(class_tape, i, first, t + 1, base[i], opened, reanchored)
            fresh = False
        for i in range(n_class):
            gamma[i] = same_bar_share(shares, block, swept, n_swept, i, t)
            gamma_bar[i] = 0.0
            # the bar whose survival became the base: earlier touches used the base before it
            if t > first and class_tape[LOG_KEPT, i, t] == base[i] and base[i] < 0.0:
                for s in range(first, t + 1):
                    factor = np.exp(base[i] - class_tape[LOG_KEPT, i, s])
                    opened_done[i, s] += opened_bar[i, s] * factor
                    reanchored_done[i, s] += reanchored_bar[i, s] * factor
                    opened_bar[i, s] = 0.0
                    reanchored_bar[i, s] = 0.0
                base[i] = 0.0
                for s in range(first, t):
                    if class_tape[LOG_KEPT, i, s] - base[i] < _RESCALE_AT:
                        base[i] = class_tape[LOG_KEPT, i, s]
                _rescaled(class_tape, i, first, t, base[i], opened, reanchored)
        if t == first:
            for i in range(n_class):
                by_opened = opened_done[i, t] + opened_bar[i, t] * np.exp(
                    base[i] - class_tape[LOG_KEPT, i, t]
                )
                mass_total = mass_bar[i] + by_opened / (1.0 - gamma[i])
                initial_bar[i] += mass_total * interest[t]
                gamma_bar[i] = by_opened * initial[i] * interest[t] / (1.0 - gamma[i]) ** 2
                for k in range(n_swept[t]):
                    shares_bar[i, block[t], k] += gamma_bar[i] * swept[t, k]
            fresh = True
            continue
        eta = bar_tape[HAZARD, t]
        x = bar_tape[FLOW, t]
        before = interest[t - 1]
        a = opening_exponent(flow[t], x)
        target = interest[t] * np.exp(-a)
        net = -interest[t] * np.expm1(-a)
        decay = np.exp(-0.5 * flow[t])
        opening = before * (1.0 - decay)
        eta_bar = 0.0
        net_bar = 0.0
        from_book_bar = expected_bar[t] + predicted_bar[t]
        slope = 0.0
        for i in range(n_class):
            e = np.exp(-speed[i] * eta)
            stay[i] = e
            m = class_tape[TOUCHED, i, t]
            living = class_tape[MASS, i, t - 1]
            gross = class_tape[OPENED, i, t]
            d = 1.0 / (1.0 - c * gamma[i])
            # the cap acts only where a fold has just emptied the scaled adjoints (0 times infinity)
            unscale = np.exp(min(base[i] - class_tape[LOG_KEPT, i, t], -_RESCALE_AT))
            by_opened = opened_done[i, t] + opened_bar[i, t] * unscale
            by_reanchored = reanchored_done[i, t] + reanchored_bar[i, t] * unscale
            by_log = (
                log_kept_bar[i, t]
                - by_opened * gross
                - by_reanchored * class_tape[REANCHORED, i, t]
            )
            # log survival
            eta_bar -= speed[i] * by_log
            speed_bar[i] -= eta * by_log
            renewal_bar -= by_log
            log_kept_bar[i, t - 1] += by_log
            # re-anchored mass
            moved = -(living - m) * np.expm1(-renewal) + (1.0 - c) * m
            eta_bar -= speed[i] * e * moved * by_reanchored
            speed_bar[i] -= eta * e * moved * by_reanchored
            previous_bar[i] = -e * np.expm1(-renewal) * by_reanchored
            touched_bar[i] = e * (np.exp(-renewal) - c) * by_reanchored
            renewal_bar += e * (living - m) * np.exp(-renewal) * by_reanchored
            c_bar -= (e * m + gamma[i] * gross) * by_reanchored
            gamma_bar[i] += (1.0 - c) * gross * by_reanchored
            by_opened += (1.0 - c) * gamma[i] * by_reanchored
            # living mass
            left = living - c * m
            left_bar[i] = e * mass_bar[i]
            eta_bar -= speed[i] * left * e * mass_bar[i]
            speed_bar[i] -= eta * left * e * mass_bar[i]
            net_bar += entering[i] * mass_bar[i]
            entering_bar[i] += net * mass_bar[i]
            # expected liquidation of same-bar openings
            gamma_bar[i] += c * gross * expected_bar[t]
            by_opened += c * gamma[i] * expected_bar[t]
            c_bar += gamma[i] * gross * expected_bar[t]
            # gross openings
            net_bar += entering[i] * d * by_opened
            entering_bar[i] += net * d * by_opened
            c_bar += entering[i] * net * d * d * gamma[i] * by_opened
            gamma_bar[i] += entering[i] * net * d * d * c * by_opened
            # predicted liquidation
            flow_bar[t] += predicted_bar[t] * c * entering[i] * gamma[i] * d * before * 0.5 * decay
            c_bar += predicted_bar[t] * opening * entering[i] * gamma[i] * d * d
            gamma_bar[i] += predicted_bar[t] * opening * entering[i] * c * d * d
            entering_bar[i] += predicted_bar[t] * opening * c * gamma[i] * d
            slope += left * speed[i] * e
        a_bar = target * net_bar
        # hazard by the implicit function: sum left_i exp(-speed_i eta) = target
        if slope > 0.0:
            for i in range(n_class):
                left = class_tape[MASS, i, t - 1] - c * class_tape[TOUCHED, i, t]
                left_bar[i] += eta_bar * stay[i] / slope
                speed_bar[i] -= eta_bar * eta * left * stay[i] / slope
            a_bar += eta_bar * target / slope
        root = np.sqrt(flow[t] * flow[t] + x * x)
        x_bar = 0.0
        if root > 0.0:
            flow_bar[t] += a_bar * 0.5 * flow[t] / root
            x_bar = a_bar * 0.5 * (x / root + 1.0)
        total_touched = 0.0
        for i in range(n_class):
            total_touched += class_tape[TOUCHED, i, t]
        from_book_bar += x_bar / (before - c * total_touched)
        c_bar += from_book_bar * total_touched
        for i in range(n_class):
            previous_bar[i] += left_bar[i]
            touched_bar[i] += c * (from_book_bar - left_bar[i])
            c_bar -= class_tape[TOUCHED, i, t] * left_bar[i]
            for k in range(n_swept[t]):
                shares_bar[i, block[t], k] += gamma_bar[i] * swept[t, k]
            mass_bar[i] = previous_bar[i]
            log_kept_bar[i, t - 1] += touched_bar[i] * class_tape[TOUCHED, i, t]
            u = touched_bar[i] * np.exp(class_tape[LOG_KEPT, i, t - 1] - base[i])
            for q in range(pointer[t], pointer[t + 1]):
                s = cohort[q]
                k = slot[q]
                by_open = u * open_weight[q]
                by_moved = u * moved_weight[q]
                share = flat[i, k]
                opened_bar[i, s] += by_open * share
                reanchored_bar[i, s] += by_moved * share
                flat_bar[i, k] += by_open * opened[i, s] + by_moved * reanchored[i, s]
    return flow_bar, shares_bar, c_bar, renewal_bar, entering_bar, speed_bar, initial_bar


@njit(cache=True, error_model="numpy")
def book(  # type: ignore[no-untyped-def]
    p,
    shares,
    where,
    side,
    days,
    classes,
    turnover,
    interest,
    start,
    block,
    swept,
    n_swept,
    pointer,
    cohort,
    slot,
    open_weight,
    moved_weight,
):
    """One side of a market: parameters in, expected and predicted liquidation out.

    Parameters
    ----------
    p : ndarray, shape (parameter,)
    shares : ndarray, shape (2, block, cell)
        Opening distribution over leverage cells, long then short.
    where : ndarray of int64, shape (4,)
        Indices into ``p``: opening share of volume, renewal hazard a day, touch-to-close share,
        volume scale (-1: the volume is the market's own).
    side : int
        0 for longs, 1 for shorts.
    days : float
        Bar length in days.
    classes : ndarray, shape (3, class)
        Entering shares, relative hazards and first-book shares of the holding classes.
    turnover : ndarray, shape (time,)
        Volume over open interest before the bar.

    Returns
    -------
    expected, predicted : ndarray, shape (time,)
    class_tape, bar_tape
        See ``forward``, which documents the other arguments.
    """
    one = shares[side : side + 1]
    by_class = np.empty((classes.shape[1], one.shape[1], one.shape[2]))
    for i in range(classes.shape[1]):
        by_class[i] = one[0]
    scale = p[where[0]] * p[where[3]] if where[3] >= 0 else p[where[0]]
    class_tape, bar_tape = forward(
        scale * turnover,
        by_class,
        p[where[2]],
        p[where[1]] * days,
        classes[0].copy(),
        classes[1].copy(),
        classes[2].copy(),
        interest,
        start,
        block,
        swept,
        n_swept,
        pointer,
        cohort,
        slot,
        open_weight,
        moved_weight,
    )
    return bar_tape[EXPECTED].copy(), bar_tape[PREDICTED].copy(), class_tape, bar_tape


@njit(cache=True, error_model="numpy")
def book_reverse(  # type: ignore[no-untyped-def]
    expected_bar,
    predicted_bar,
    class_bar,
    tape_bar,
    expected,
    predicted,
    class_tape,
    bar_tape,
    p,
    shares,
    where,
    side,
    days,
    classes,
    turnover,
    interest,
    start,
    block,
    swept,
    n_swept,
    pointer,
    cohort,
    slot,
    open_weight,
    moved_weight,
):
    """Adjoint of ``book`` by ``p`` and ``shares``; the tapes are not differentiated."""
    one = shares[side : side + 1]
    by_class = np.empty((classes.shape[1], one.shape[1], one.shape[2]))
    for i in range(classes.shape[1]):
        by_class[i] = one[0]
    scale = p[where[0]] * p[where[3]] if where[3] >= 0 else p[where[0]]
    flow_bar, by_class_bar, c_bar, renewal_bar, _, _, _ = reverse(
        expected_bar,
        predicted_bar,
        class_tape,
        bar_tape,
        scale * turnover,
        by_class,
        p[where[2]],
        p[where[1]] * days,
        classes[0].copy(),
        classes[1].copy(),
        classes[2].copy(),
        interest,
        start,
        block,
        swept,
        n_swept,
        pointer,
        cohort,
        slot,
        open_weight,
        moved_weight,
    )
    p_bar = np.zeros_like(p)
    shares_bar = np.zeros_like(shares)
    total = 0.0
    for t in range(turnover.shape[0]):
        total += flow_bar[t] * turnover[t]
    p_bar[where[0]] += total * scale / p[where[0]]
    if where[3] >= 0:
        p_bar[where[3]] += total * scale / p[where[3]]
    p_bar[where[1]] += days * renewal_bar
    p_bar[where[2]] += c_bar
    for i in range(classes.shape[1]):
        shares_bar[side] += by_class_bar[i]
    return p_bar, shares_bar
