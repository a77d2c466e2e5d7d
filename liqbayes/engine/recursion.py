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
OPENED, TOUCHED, LOG_KEPT, LEFT, STAY = range(5)
N_CLASS_ROWS = 5
# rows of the tape that has one number a bar
EXPECTED, PREDICTED, HAZARD, FLOW = range(4)
N_BAR_ROWS = 4

# Below this survival the cohorts are rescaled, before it underflows.
RESCALE_AT = 1e-200
# A cohort of which less than exp(-36), the precision of a double, is left is no longer touched.
FORGOTTEN = 36.0


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def same_bar_share(i, b, t, shares, swept, n_swept):  # type: ignore[no-untyped-def]
    """Share of what class ``i`` opens in bar ``t`` that the bar's own path touches."""
    gamma = 0.0
    for k in range(n_swept[t]):
        gamma += shares[i, b, k] * swept[t, k]
    return gamma


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
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


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def touched_mass(  # type: ignore[no-untyped-def]
    t, oldest, pointer, run_cell, run_stop, cohort, weight, scaled, kept, touched, total, by_run
):
    """Mass whose level the path of bar ``t`` reaches, out of earlier cohorts.

    Parameters
    ----------
    t : int
    oldest : int
        First cohort that counts; see ``FORGOTTEN``.
    pointer, run_cell, run_stop, cohort, weight
        ``Touches.arrays``.
    scaled : ndarray, shape (cell x time, class)
        Cohort masses after their own bar over survival since then, cell by cell. Classes lie side
        by side, so that a touch is looked up once for all of them.
    kept : ndarray, shape (class,)
        Survival now, so that the product is what is left.
    touched : ndarray, shape (class, cell)
        Overwritten with the touched mass of each cell.
    total : ndarray, shape (class,)
        Overwritten with its sums.
    by_run : ndarray, shape (class, run)
        Its entries of this bar are filled likewise.
    """
    n_class, n_cells = touched.shape
    # unsigned indices: signed ones are checked for wrap-around at every access
    n_bars = np.uint64(scaled.shape[0] // n_cells)
    slow, fast, rest = np.uint64(0), np.uint64(1), np.uint64(2)
    for i in range(n_class):
        total[i] = 0.0
        for k in range(n_cells):
            touched[i, k] = 0.0
    for r in range(pointer[t], pointer[t + 1]):
        k = run_cell[r]
        row = np.uint64(k) * n_bars
        begin = first_touch(oldest, run_stop[r], run_stop[r + 1], cohort)
        if n_class == 3:
            by_slow, by_fast, by_rest = 0.0, 0.0, 0.0
            for q in range(begin, run_stop[r + 1]):
                s = row + cohort[q]
                share = weight[q]
                by_slow += share * scaled[s, slow]
                by_fast += share * scaled[s, fast]
                by_rest += share * scaled[s, rest]
            by_run[0, r] = by_slow * kept[0]
            by_run[1, r] = by_fast * kept[1]
            by_run[2, r] = by_rest * kept[2]
        else:
            for i in range(n_class):
                mass = 0.0
                for q in range(begin, run_stop[r + 1]):
                    mass += weight[q] * scaled[row + cohort[q], i]
                by_run[i, r] = mass * kept[i]
        for i in range(n_class):
            touched[i, k] = by_run[i, r]
            total[i] += by_run[i, r]


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
def forgotten(by_class, at, log_kept):  # type: ignore[no-untyped-def]
    """Whether nothing is left, in any class, of what bar ``at`` opened; see ``FORGOTTEN``."""
    for i in range(log_kept.shape[0]):
        if by_class[LOG_KEPT, i, at] - log_kept[i] <= FORGOTTEN:
            return False
    return True


@njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})
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
def common_hazard(left, speed, target, stay):  # type: ignore[no-untyped-def]
    """Hazard of a class of speed one at which ``sum left exp(-speed eta)`` falls to ``target``.

    Halley's method on the logarithm of the sum, which is convex and nearly straight in ``eta``,
    from the hazard of the mean speed, which lies below the root (Jensen). ``stay``, shape
    (class,), is filled with ``exp(-speed eta)``.
    """
    total = 0.0
    mean_speed = 0.0
    fastest = 0.0
    for i in range(left.shape[0]):
        total += left[i]
        mean_speed += speed[i] * left[i]
        if speed[i] > fastest:
            fastest = speed[i]
    # what is asked for may be nothing at all: the hazard stays a number
    wanted = target if target > 1e-250 * total else 1e-250 * total
    eta = np.log(total / wanted) * total / mean_speed if total > wanted else 0.0
    step = np.inf
    tries = 0
    # One way out of the loop, and neither min nor max before it: else numba counts references to
    # every array in every bar, a third of the time of the whole pass.
    while abs(step) * fastest > 1e-5 and tries < 60:
        tries += 1
        first = 0.0
        second = 0.0
        total = 0.0
        for i in range(left.shape[0]):
            stay[i] = np.exp(-speed[i] * eta)
            mass = left[i] * stay[i]
            total += mass
            first += speed[i] * mass
            second += speed[i] * speed[i] * mass
        newton = np.log(total / wanted) * total / first
        # half of g g'' / g'^2 of the logarithm g, held where Halley's step stays within two
        # of Newton's
        bend = 0.5 * newton * (second / first - first / total)
        step = newton / (1.0 - bend if bend < 0.5 else 0.5)
        eta += step
    for i in range(left.shape[0]):
        # the last step is so small that two terms of its exponential are exact
        moved = speed[i] * step
        stay[i] *= 1.0 - moved * (1.0 - 0.5 * moved)
    return eta if eta > 0.0 else 0.0


@njit(cache=True, error_model="numpy", inline="always")
def advance(  # type: ignore[no-untyped-def]
    t,
    b,
    touched,
    total_touched,
    gamma,
    shares,
    swept,
    entering,
    speed,
    closed_share,
    renewed,
    interest,
    flow,
    left,
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
    shares, swept, interest, flow
        As in ``forward``.
    closed_share, renewed : float
        Touch-to-close share ``c`` and share renewed in the bar, ``1 - exp(-nu)``.
    left, stay, opened : ndarray, shape (class,)
        Filled with the mass before the bar less what the bar closes at its level, with the share
        of it that does not leave voluntarily, and with the gross openings.
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
    for i in range(n_class):
        left[i] = -closed_share * total_touched[i]
        for k in range(n_cells):
            left[i] += living[t - 1, i, k]
    eta = common_hazard(left, speed, interest[t] - net, stay)
    liquidated = from_book
    for i in range(n_class):
        gross = entering[i] * net / (1.0 - closed_share * gamma[i])
        opened[i] = gross
        liquidated += closed_share * gamma[i] * gross
        e = stay[i]
        for k in range(n_cells):
            fresh = gross * shares[i, b, k] * (1.0 - closed_share * swept[t, k])
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
    by_class : ndarray, shape (5, class, time)
        Opened, touched mass, log survival since the segment's start, mass before the bar less
        what it closes at its level, and the share of that which does not leave voluntarily.
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
    scaled = np.empty((n_cells * n_bars, n_class))
    touched = np.zeros((n_class, n_cells))
    total_touched = np.zeros(n_class)
    gamma = np.zeros(n_class)
    left = np.zeros(n_class)
    stay = np.zeros(n_class)
    opened = np.zeros(n_class)
    kept = np.ones(n_class)
    log_kept = np.zeros(n_class)
    oldest = 0
    renewed = -np.expm1(-renewal)
    not_renewed = np.exp(-renewal)
    ended = np.zeros(n_class, np.int64)
    rescaled = np.zeros(n_class, np.int64)
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
            oldest = t
            for i in range(n_class):
                ended[i], rescaled[i] = t, t
                opened[i] = initial[i] * interest[t] / (1.0 - gamma[i])
                kept[i] = 1.0
                log_kept[i] = 0.0
                total_touched[i], left[i], stay[i] = 0.0, 0.0, 0.0
                for k in range(n_cells):
                    placed[t, i, k] = opened[i] * shares[i, b, k] * (1.0 - swept[t, k])
                    living[t, i, k] = placed[t, i, k]
        else:
            while forgotten(by_class, oldest, log_kept):
                oldest += 1
            touched_mass(
                t,
                oldest,
                pointer,
                run_cell,
                run_stop,
                cohort,
                weight,
                scaled,
                kept,
                touched,
                total_touched,
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
                entering,
                speed,
                closed_share,
                renewed,
                interest,
                flow,
                left,
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
                    # of what was there at the last rescaling nothing is left
                    for k in range(n_cells):
                        for s in range(k * n_bars + ended[i], k * n_bars + rescaled[i]):
                            scaled[s, i] = 0.0
                        for s in range(k * n_bars + rescaled[i], k * n_bars + t):
                            scaled[s, i] *= kept[i]
                    ended[i], rescaled[i] = rescaled[i], t
                    kept[i] = 1.0
        for i in range(n_class):
            by_class[OPENED, i, t] = opened[i]
            by_class[TOUCHED, i, t] = total_touched[i]
            by_class[LOG_KEPT, i, t] = log_kept[i]
            by_class[LEFT, i, t] = left[i]
            by_class[STAY, i, t] = stay[i]
            inverse = 1.0 / kept[i]
            for k in range(n_cells):
                scaled[k * n_bars + t, i] = placed[t, i, k] * inverse
    return living, placed, by_run, by_class, by_bar
