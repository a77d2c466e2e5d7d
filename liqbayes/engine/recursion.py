"""The open-interest recursion: one side of the book, bar by bar.

One side is a set of cohorts spread over distance cells, in one or more holding classes. Per bar:
levels that the path touches are removed (a share ``c`` of them is closed, the rest gets a new
level), the remaining book is thinned by a hazard that makes it end at the observed open interest,
and what the volume says was opened enters as a new cohort. Mass that gets a new level keeps its
distance cell and starts again at the current price. The identities hold exactly for every volume
>= 0 and open interest > 0, without clipping (``docs/explanation/engine.md``).

``advance`` is the one step: ``forward`` loops over it for likelihood and outputs,
``generate.draw_interest`` to draw data.
``adjoint.reverse`` is its derivative.
"""

import numpy as np
from numba import njit

# rows of the tape that has one number a class and bar
OPENED, TOUCHED, LOG_KEPT = range(3)
N_CLASS_ROWS = 3
# rows of the tape that has one number a bar
EXPECTED, PREDICTED, HAZARD, FLOW = range(4)
N_BAR_ROWS = 4

# Below this survival the cohorts are rescaled, long before it underflows.
RESCALE_AT = 1e-90
# A cohort of which less than exp(-36), the precision of a double, is left is no longer touched.
FORGOTTEN = 36.0


@njit(cache=True, error_model="numpy", inline="always")
def same_bar_share(i, b, t, shares, swept, n_swept):  # type: ignore[no-untyped-def]
    """Share of what class ``i`` opens in bar ``t`` that the bar's own path touches."""
    gamma = 0.0
    for k in range(n_swept[t]):
        gamma += shares[i, b, k] * swept[t, k]
    return gamma


@njit(cache=True, error_model="numpy", inline="always")
def first_touch(oldest, begin, stop, cohort):  # type: ignore[no-untyped-def]
    """First touch of a run whose cohort counts; cohorts ascend within a run."""
    if cohort[begin] >= oldest:
        return begin
    if cohort[stop - 1] < oldest:
        return stop
    low, high = begin, stop
    while low < high:
        middle = (low + high) // 2
        if cohort[middle] < oldest:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, error_model="numpy", inline="always")
def touched_mass(  # type: ignore[no-untyped-def]
    i, t, oldest, pointer, run_cell, run_stop, cohort, weight, scaled, kept, touched, by_run
):
    """Mass of class ``i`` whose level the path of bar ``t`` reaches, out of earlier cohorts.

    Parameters
    ----------
    i, t : int
    oldest : int
        First cohort that counts; see ``FORGOTTEN``.
    pointer, run_cell, run_stop, cohort, weight
        ``Touches.arrays``.
    scaled : ndarray, shape (class, cell x time)
        Cohort masses after their own bar over survival since then, cell by cell.
    kept : float
        Survival now, so that the product is what is left.
    touched : ndarray, shape (class, cell)
        Overwritten with the touched mass of each cell.
    by_run : ndarray, shape (class, run)
        Its entries of this bar are filled likewise.

    Returns
    -------
    float
        Sum over cells.
    """
    n_cells = touched.shape[1]
    n_bars = np.uint64(scaled.shape[1] // n_cells)
    for k in range(n_cells):
        touched[i, k] = 0.0
    total = 0.0
    for r in range(pointer[t], pointer[t + 1]):
        k = run_cell[r]
        # unsigned indices: signed ones are checked for wrap-around at every access
        row = np.uint64(k) * n_bars
        mass = 0.0
        for q in range(first_touch(oldest, run_stop[r], run_stop[r + 1], cohort), run_stop[r + 1]):
            mass += weight[q] * scaled[i, row + cohort[q]]
        mass *= kept
        touched[i, k] = mass
        by_run[i, r] = mass
        total += mass
    return total


@njit(cache=True, error_model="numpy", inline="always")
def predicted_liquidation(  # type: ignore[no-untyped-def]
    touched, gamma, entering, closed_share, previous_interest, flow
):
    """Liquidation expected before the bar's open interest is known (design of the OI channel).

    ``touched``, ``gamma`` and ``entering`` have shape (class,).
    """
    opening = previous_interest * (1.0 - np.exp(-0.5 * flow))
    total = 0.0
    for i in range(touched.shape[0]):
        own = entering[i] * gamma[i] / (1.0 - closed_share * gamma[i])
        total += touched[i] + own * opening
    return closed_share * total


@njit(cache=True, error_model="numpy", inline="always")
def opening_exponent(flow, x):  # type: ignore[no-untyped-def]
    """``a = (sqrt(f^2 + x^2) + x) / 2`` without cancellation; ``a - x`` is the voluntary hazard."""
    root = np.sqrt(flow * flow + x * x)
    if x >= 0.0:
        return 0.5 * (root + x)
    return 0.5 * flow * flow / (root - x)


@njit(cache=True, error_model="numpy", inline="always")
def common_hazard(left, speed, target):  # type: ignore[no-untyped-def]
    """Hazard of a class of speed one at which ``sum left exp(-speed eta)`` falls to ``target``.

    Newton's method climbs monotonically from any point below the root, because the sum is convex
    in ``eta``; the hazard of the mean speed lies below it (Jensen).
    """
    total = 0.0
    mean_speed = 0.0
    for i in range(left.shape[0]):
        total += left[i]
        mean_speed += speed[i] * left[i]
    eta = 0.0
    if target > 0.0:
        eta = max(np.log(total / target) * total / mean_speed, 0.0)
    for _ in range(60):
        value = -target
        slope = 0.0
        for i in range(left.shape[0]):
            e = left[i] * np.exp(-speed[i] * eta)
            value += e
            slope += speed[i] * e
        step = value / slope
        eta += step
        if step <= 1e-15 * (1.0 + eta):
            break
    return max(eta, 0.0)


@njit(cache=True, error_model="numpy", inline="always")
def advance(  # type: ignore[no-untyped-def]
    t,
    b,
    touched,
    total_touched,
    gamma,
    shares,
    swept,
    n_swept,
    entering,
    speed,
    closed_share,
    renewed,
    interest,
    flow,
    stay,
    opened,
    living,
    placed,
):
    """One bar: remove touches, thin to the observed open interest, add what was opened.

    Parameters
    ----------
    t, b : int
        Bar, and block of the bar.
    touched : ndarray, shape (class, cell)
        Mass that the path of the bar reaches.
    total_touched, gamma, entering, speed : ndarray, shape (class,)
        Its sum, same-bar share, share of openings and relative hazard of each class.
    shares, swept, n_swept, interest, flow
        As in ``forward``.
    closed_share, renewed : float
        Touch-to-close share ``c`` and share renewed in the bar, ``1 - exp(-nu)``.
    stay, opened : ndarray, shape (class,)
        Filled with the share that does not leave voluntarily, and with the gross openings.
    living, placed : ndarray, shape (time, class, cell)
        Row ``t`` is filled with the mass after the bar, and with the cohort that the bar leaves:
        openings and mass with a new level.

    Returns
    -------
    liquidated, eta, x : float
        Expected liquidation of the bar, hazard of a class of speed one, and
        ``log(OI_t / (OI_{t-1} - c m))``.
    """
    n_class, n_cells = touched.shape
    from_book = 0.0
    for i in range(n_class):
        from_book += closed_share * total_touched[i]
    remaining = interest[t - 1] - from_book
    x = np.log(interest[t] / remaining)
    a = opening_exponent(flow[t], x)
    net = -interest[t] * np.expm1(-a)
    if n_class == 1:
        eta = (a - x) / speed[0]
        stay[0] = (interest[t] - net) / remaining
    else:
        for i in range(n_class):
            stay[i] = -closed_share * total_touched[i]
            for k in range(n_cells):
                stay[i] += living[t - 1, i, k]
        eta = common_hazard(stay, speed, interest[t] - net)
        for i in range(n_class):
            stay[i] = np.exp(-speed[i] * eta)
    liquidated = from_book
    for i in range(n_class):
        gross = entering[i] * net / (1.0 - closed_share * gamma[i])
        opened[i] = gross
        liquidated += closed_share * gamma[i] * gross
        e = stay[i]
        for k in range(n_cells):
            placed[t, i, k] = gross * shares[i, b, k]
        for k in range(n_swept[t]):
            placed[t, i, k] *= 1.0 - closed_share * swept[t, k]
        for k in range(n_cells):
            fresh = placed[t, i, k]
            survives = (1.0 - closed_share) * touched[i, k]
            untouched = living[t - 1, i, k] - touched[i, k]
            placed[t, i, k] = fresh + e * (renewed * untouched + survives)
            living[t, i, k] = fresh + e * (untouched + survives)
    return liquidated, eta, x


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
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
    run_cell,
    run_stop,
    cohort,
    weight,
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
    swept, n_swept, pointer, run_cell, run_stop, cohort, weight
        ``Touches.arrays``.

    Returns
    -------
    living, placed : ndarray, shape (time, class, cell)
        Mass after each bar, and the cohort that the bar adds to it, after its own touches.
    by_run : ndarray, shape (class, run)
        Touched mass of each run.
    by_class : ndarray, shape (3, class, time)
        Opened, touched mass, log survival since the segment's start.
    by_bar : ndarray, shape (4, time)
        Expected liquidation given the bar's open interest, the same predicted without it, hazard
        of speed one, and ``x``.
    """
    n_bars = flow.shape[0]
    n_class, _, n_cells = shares.shape
    living = np.empty((n_bars, n_class, n_cells))
    placed = np.empty((n_bars, n_class, n_cells))
    by_run = np.empty((n_class, run_cell.shape[0]))
    by_class = np.zeros((N_CLASS_ROWS, n_class, n_bars))
    by_bar = np.zeros((N_BAR_ROWS, n_bars))
    scaled = np.empty((n_class, n_cells * n_bars))
    touched = np.zeros((n_class, n_cells))
    total_touched = np.zeros(n_class)
    gamma = np.zeros(n_class)
    stay = np.zeros(n_class)
    opened = np.zeros(n_class)
    kept = np.ones(n_class)
    log_kept = np.zeros(n_class)
    oldest = np.zeros(n_class, np.int64)
    renewed = -np.expm1(-renewal)
    not_renewed = np.exp(-renewal)
    first = 0
    for t in range(n_bars):
        if start[t] < 0:
            for i in range(n_class):
                for k in range(n_cells):
                    living[t, i, k] = 0.0
                    placed[t, i, k] = 0.0
            continue
        b = block[t]
        for i in range(n_class):
            gamma[i] = same_bar_share(i, b, t, shares, swept, n_swept)
        if start[t] == 1:
            first = t
            for i in range(n_class):
                opened[i] = initial[i] * interest[t] / (1.0 - gamma[i])
                kept[i] = 1.0
                log_kept[i] = 0.0
                oldest[i] = t
                total_touched[i] = 0.0
                for k in range(n_cells):
                    placed[t, i, k] = opened[i] * shares[i, b, k] * (1.0 - swept[t, k])
                    living[t, i, k] = placed[t, i, k]
        else:
            for i in range(n_class):
                while by_class[LOG_KEPT, i, oldest[i]] - log_kept[i] > FORGOTTEN:
                    oldest[i] += 1
                total_touched[i] = touched_mass(
                    i,
                    t,
                    oldest[i],
                    pointer,
                    run_cell,
                    run_stop,
                    cohort,
                    weight,
                    scaled,
                    kept[i],
                    touched,
                    by_run,
                )
            by_bar[PREDICTED, t] = predicted_liquidation(
                total_touched, gamma, entering, closed_share, interest[t - 1], flow[t]
            )
            liquidated, eta, x = advance(
                t,
                b,
                touched,
                total_touched,
                gamma,
                shares,
                swept,
                n_swept,
                entering,
                speed,
                closed_share,
                renewed,
                interest,
                flow,
                stay,
                opened,
                living,
                placed,
            )
            by_bar[EXPECTED, t] = liquidated
            by_bar[HAZARD, t] = eta
            by_bar[FLOW, t] = x
            for i in range(n_class):
                kept[i] *= stay[i] * not_renewed
                log_kept[i] -= speed[i] * eta + renewal
                if kept[i] < RESCALE_AT:
                    for k in range(n_cells):
                        for s in range(k * n_bars + first, k * n_bars + t):
                            scaled[i, s] *= kept[i]
                    kept[i] = 1.0
        for i in range(n_class):
            by_class[OPENED, i, t] = opened[i]
            by_class[TOUCHED, i, t] = total_touched[i]
            by_class[LOG_KEPT, i, t] = log_kept[i]
            inverse = 1.0 / kept[i]
            for k in range(n_cells):
                scaled[i, k * n_bars + t] = placed[t, i, k] * inverse
    return living, placed, by_run, by_class, by_bar
