"""The compiled market: what happens to the book in every step.

In a step the price moves first; positions whose stop, collateral or liquidation level it reaches
act. Other positions may be left by choice. Every close that takes liquidity is filled in part (rho)
by a closing counterparty and for the rest by a newcomer, and pairs of newcomers open against each
other, so that both sides of the book stay equal.
"""

import numpy as np

from liqbayes.simulate.book import (
    ALERT,
    COLLATERAL,
    ENTRY,
    EXIT_LEFT,
    ISOLATED,
    RATE,
    SIZE,
    FloatArray,
    Rules,
)
from liqbayes.simulate.chart import WIDTH, Chart
from liqbayes.simulate.matching import exit_chance, fill_openings, mean_gap, passive_close, skipped
from liqbayes.simulate.positions import (
    COUNT,
    NEXT,
    ORDERS,
    Desk,
    compiled,
    reduce,
    refresh,
    touched,
)
from liqbayes.simulate.price import Drive
from liqbayes.simulate.readers import pass_cells, pull_of, take_profits

# Columns of the step records. Pairs are rows 0 and 1.
OPEN, HIGH, LOW, CLOSE, VOLUME, TAKER_BUY, FLOW = range(7)
LIQUIDATED, LIQUIDATED_VALUE, CLOSED, OPENED, OPENED_INVERSE = 7, 9, 11, 13, 15
RECORD_WIDTH = 17

# Entries of the state vector.
LOG_PRICE, SHIFT, PENDING, MOVE, IMBALANCE, OPEN_INTEREST, OUTFLOW = range(7)
LEAVING = 7  # one entry per row
STATE_SIZE = 9

# Newcomers match the exits of about this many hours, and a tenth too little open interest brings
# RETURN_POWER tenths more of them: half a gap closes in a day or two.
MEMORY_HOURS = 12.0
RETURN_POWER = 0.6


@compiled
def next_busy(alert: FloatArray, exit_left: FloatArray, reach: float, start: int) -> int:
    """First position from `start` downwards that price reaches or that is leaving; -1 for none."""
    for i in range(start, -1, -1):
        if alert[i] >= reach or exit_left[i] > 0:
            return i
    return -1


@compiled
def leaving_rate(desk: Desk, row: int, rules: Rules) -> float:
    """Sum of size times exit rate over a row."""
    total = 0.0
    for i in range(desk.tally[COUNT + row]):
        total += desk.book[RATE, row, i] * desk.book[SIZE, row, i]
    return total


@compiled
def drift_collateral(
    book: FloatArray, row: int, i: int, move: float, rules: Rules, rng: np.random.Generator
) -> None:
    """Let the other profits of a cross account change its collateral."""
    # Box-Muller: the generator's own normal variates take long to compile.
    radius = np.sqrt(-2 * np.log(1 - rng.random()))
    own = np.sqrt(1 - rules.cross_correlation**2) * radius * np.cos(2 * np.pi * rng.random())
    notional = book[SIZE, row, i] * book[ENTRY, row, i]
    daily = rules.cross_drift * notional / max(book[COLLATERAL, row, i], 1e-12 * notional)
    scale = min(1.0, daily * np.sqrt(rules.cross_drift_hours / 24))
    z = rules.cross_correlation * rules.orientation * move + own
    book[COLLATERAL, row, i] *= np.exp(scale * z - scale**2 / 2)


@compiled
def sweep(
    desk: Desk,
    step: int,
    row: int,
    sign: float,
    start: float,
    far: float,
    end: float,
    hours: float,
    activity: float,
    move: float,
    cap: float,
    tiers: FloatArray,
    rules: Rules,
    rng: np.random.Generator,
) -> tuple[float, float, float]:
    """Visit every position of a row once.

    Returns
    -------
    tuple of float
        Contracts sold by choice (stops included), liquidated, the latter times price.
    """
    book = desk.book
    sold = 0.0
    liquidated = 0.0
    value = 0.0
    reach = sign * far
    alert, exit_left = book[ALERT, row], book[EXIT_LEFT, row]
    i = next_busy(alert, exit_left, reach, desk.tally[COUNT + row] - 1)
    while i >= 0:
        if alert[i] >= reach:
            out, lost, worth = touched(desk, step, row, i, sign, start, far, tiers, rules, rng)
            sold += out
            liquidated += lost
            value += worth
        else:
            amount = min(exit_left[i], cap)
            sold += reduce(desk, row, i, sign, amount, end, tiers, rules)
        i = next_busy(alert, exit_left, reach, i - 1)

    # Other events are rare: jump from candidate to candidate and thin.
    shock = -np.expm1(-hours / rules.cross_drift_hours) if rules.cross_drift > 0 else 0.0
    pace = activity * hours * (1 + rules.reaction * min(abs(move), 6.0))
    strongest = np.exp(abs(rules.disposition))
    ceiling = min(1.0, shock - np.expm1(-rules.fastest * pace * strongest))
    gap = mean_gap(ceiling)
    i = desk.tally[COUNT + row] - 1 - skipped(gap, rng)
    while i >= 0:
        u = rng.random() * ceiling
        alive = True
        if u < shock and book[ISOLATED, row, i] == 0:
            drift_collateral(book, row, i, move, rules, rng)
            refresh(book, row, i, sign, tiers, rules)
            if book[ALERT, row, i] >= reach:
                count = desk.tally[COUNT + row]
                out, lost, worth = touched(desk, step, row, i, sign, start, far, tiers, rules, rng)
                sold += out
                liquidated += lost
                value += worth
                alive = desk.tally[COUNT + row] == count
        rate = book[RATE, row, i] if alive else 0.0
        # As above, a bound first.
        if ceiling - u < rate * pace * strongest and book[EXIT_LEFT, row, i] == 0:
            gain = sign * np.log(end / book[ENTRY, row, i])
            if ceiling - u < exit_chance(pace, rate, gain, rules):
                part = 1.0
                if rng.random() < rules.partial_exit_share:
                    part = 0.2 + 0.6 * rng.random()
                book[EXIT_LEFT, row, i] = part * book[SIZE, row, i]
                amount = min(book[EXIT_LEFT, row, i], cap)
                sold += reduce(desk, row, i, sign, amount, end, tiers, rules)
        i -= 1 + skipped(gap, rng)
    return sold, liquidated, value


@compiled
def refresh_all(desk: Desk, tiers: FloatArray, rules: Rules) -> None:
    """Compute level and alert of every position."""
    for row in range(2):
        for i in range(desk.tally[COUNT + row]):
            refresh(desk.book, row, i, 1.0 - 2.0 * row, tiers, rules)


@compiled
def settle_funding(desk: Desk, rate: float, price: float, tiers: FloatArray, rules: Rules) -> None:
    """Exchange funding: longs of the contract pay `rate` of notional to shorts."""
    book = desk.book
    for row in range(2):
        sign = 1.0 - 2.0 * row
        for i in range(desk.tally[COUNT + row]):
            payment = sign * rules.orientation * rate * book[SIZE, row, i] * price
            book[COLLATERAL, row, i] -= payment
    refresh_all(desk, tiers, rules)


@compiled
def run_steps(
    desk: Desk,
    drive: Drive,
    traders: FloatArray,
    chart: Chart,
    tiers: FloatArray,
    rules: Rules,
    state: FloatArray,
    record: FloatArray,
    first: int,
    last: int,
    reserve: int,
    rng: np.random.Generator,
) -> int:
    """Run steps `first` to `last` (excluded); stops before a step for which there is no room.

    Room means `reserve` more positions and traders per row, and an event for every liquidation that
    could happen. Returns the next step to run.
    """
    for row in range(2):
        state[LEAVING + row] = max(leaving_rate(desk, row, rules), 1e-12 * rules.target)
    for step in range(first, last):
        positions = desk.tally[COUNT] + desk.tally[COUNT + 1]
        if (
            max(desk.tally[COUNT], desk.tally[COUNT + 1]) + reserve > desk.book.shape[2]
            or max(desk.tally[NEXT], desk.tally[NEXT + 1]) + reserve > traders.shape[2]
            or desk.tally[ORDERS] + positions * (rules.ladder_rungs + 1) > desk.events.shape[0]
        ):
            return step
        run_step(desk, drive, traders, chart, tiers, rules, state, record[step], step, rng)
    return last


@compiled
def run_step(
    desk: Desk,
    drive: Drive,
    traders: FloatArray,
    chart: Chart,
    tiers: FloatArray,
    rules: Rules,
    state: FloatArray,
    out: FloatArray,
    step: int,
    rng: np.random.Generator,
) -> None:
    """One step: path, reactions, exits, matching, openings."""
    hours = drive.hours[step]
    activity = drive.activity[step]
    start = np.exp(state[LOG_PRICE])
    # Impact of earlier forced orders arrives at the start of the step and fades.
    fade = (0.5 ** (hours / rules.impact_half_life) - 1) * state[SHIFT]
    extra = fade + state[PENDING]
    state[SHIFT] += extra
    end = start * np.exp(extra + drive.close[step])
    low = start * np.exp(min(0.0, extra + drive.low[step]))
    high = start * np.exp(max(0.0, extra + drive.high[step]))
    change = (extra + drive.close[step]) / rules.hourly_volatility
    # Sum of returns with a one-hour memory, scaled to unit variance.
    state[MOVE] = state[MOVE] * np.exp(-hours) + change * np.sqrt(2.0)
    move = min(6.0, max(-6.0, state[MOVE]))

    open_interest = state[OPEN_INTEREST]
    ordinary = rules.turnover_hourly * hours * activity * open_interest
    cap = rules.participation * ordinary
    chart.flow[:, :] = 0.0
    take_profits(desk, chart, low, high)
    sold, lost, taken = np.empty(2), np.empty(2), np.empty(2)
    given, opened = np.empty(2), np.empty(2)
    for row in range(2):
        far = low if row == 0 else high
        sold[row], lost[row], out[LIQUIDATED_VALUE + row] = sweep(
            desk,
            step,
            row,
            1.0 - 2.0 * row,
            start,
            far,
            end,
            hours,
            activity,
            move,
            cap,
            tiers,
            rules,
            rng,
        )
        taken[row] = sold[row] + lost[row]
    for row in range(2):
        need = min(rules.rho * taken[1 - row], 0.9 * (open_interest - taken[row]))
        # Four times the pace that would fill the need in one round over the row.
        pace = 4 * need / state[LEAVING + row]
        given[row] = passive_close(
            desk, row, 1.0 - 2.0 * row, need, end, pace, cap, tiers, rules, rng
        )
    # Newcomers come as fast as others left of late, faster while interest exceeds what is held.
    pace = activity * hours
    left = rules.rho * (sold[0] + sold[1]) / pace
    memory = np.exp(-pace / MEMORY_HOURS)
    state[OUTFLOW] = memory * state[OUTFLOW] + (1 - memory) * left
    aim = rules.target * drive.interest[step] / open_interest
    appetite = np.exp(rules.momentum * np.tanh(rules.orientation * move / 2)) * aim**RETURN_POWER
    pairs = state[OUTFLOW] * drive.opening[step] * pace * appetite
    pull = 0.0
    if chart.grid[WIDTH] > 0:
        pass_cells(chart, low, high)
        pull = pull_of(chart, np.log(end))
    for row in range(2):
        opened[row] = pairs + (taken[row] - given[1 - row])
        out[OPENED_INVERSE + row] = fill_openings(
            desk, traders, row, 1.0 - 2.0 * row, opened[row], end, pull, chart, tiers, rules, rng
        )
    # Front-runners open by taking: that moves taker volume, and the price as forced orders do.
    buys, sells = min(chart.flow[0, 0], pairs), min(chart.flow[0, 1], pairs)

    flow = pairs + taken[0] + taken[1]
    volume = max(ordinary, flow)
    rest = volume - flow
    tilt = 0.5 + 0.25 * np.tanh(change / max(drive.scale[step], 1e-12) * rules.hourly_volatility)
    taker_buy = min(volume, taken[1] + buys + (pairs - buys - sells + rest) * tilt)
    state[LOG_PRICE] = np.log(end)
    state[OPEN_INTEREST] += pairs - given[0] - given[1]
    forced = lost[1] - lost[0] + (buys - sells) + (chart.flow[1, 1] - chart.flow[1, 0])
    state[PENDING] = (
        rules.impact * drive.scale[step] * np.sign(forced) * np.sqrt(min(1.0, abs(forced) / volume))
    )
    keep = np.exp(-hours / 8.0)
    state[IMBALANCE] = keep * state[IMBALANCE] + (1 - keep) * (taker_buy / volume - 0.5)

    out[OPEN] = start
    out[HIGH] = max(high, start, end)
    out[LOW] = min(low, start, end)
    out[CLOSE] = end
    out[VOLUME] = volume
    out[TAKER_BUY] = taker_buy
    out[FLOW] = flow
    for row in range(2):
        out[LIQUIDATED + row] = lost[row]
        out[CLOSED + row] = sold[row] + given[row]
        out[OPENED + row] = opened[row]
