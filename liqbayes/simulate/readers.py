"""Compiled traders who act on a published map: stops, front-running, avoidance.

Linear coordinates throughout (see `liqbayes.simulate.book`): `sign` is 1 for row 0, -1 for row 1.
"""

import numpy as np

from liqbayes.simulate.book import (
    ANCHOR,
    EXIT_LEFT,
    LEVEL,
    READER,
    SIZE,
    STOP,
    TARGET,
    WISH,
    FloatArray,
    Rules,
)
from liqbayes.simulate.chart import AVOIDS, ORIGIN, REACH, RUNS, STOPS_MOVE, WIDTH, Chart
from liqbayes.simulate.positions import (
    COUNT,
    Desk,
    compiled,
    liquidation_level,
    margin_for_level,
    refresh,
)

#: How far outside a dense cell somebody moves, as a share of the price.
_CLEAR = 1e-6
#: Least share of the distance that may be left at a stop: below it is no stop but the level.
_LEAST_STOP = 0.01


@compiled
def dense_run(chart: Chart, row: int, price: float) -> tuple[float, float]:
    """Prices just below and above the run of dense cells around a price; zeros where none is."""
    if price <= 0:
        return 0.0, 0.0
    cells = chart.dense.shape[1]
    origin, width = chart.grid[ORIGIN], chart.grid[WIDTH]
    place = (np.log(price) - origin) / width
    if place < 0 or place >= cells or chart.dense[row, int(place)] == 0:
        return 0.0, 0.0
    first = last = int(place)
    while first > 0 and chart.dense[row, first - 1] == 1:
        first -= 1
    while last + 1 < cells and chart.dense[row, last + 1] == 1:
        last += 1
    low = np.exp(origin + first * width) * (1 - _CLEAR)
    high = np.exp(origin + (last + 1) * width) * (1 + _CLEAR)
    return low, high


@compiled
def place_stop(
    book: FloatArray,
    row: int,
    i: int,
    sign: float,
    price: float,
    chart: Chart,
    tiers: FloatArray,
    rules: Rules,
) -> None:
    """Move a reader's stop out of dense cells, to the nearer end that is possible.

    In front of them, if that is still beyond the market, or behind them, if that is still before
    the own level.
    """
    level = book[LEVEL, row, i]
    if book[READER, row, i] == 0 or book[STOP, row, i] <= 0 or not np.isfinite(level):
        return
    gap = sign * (book[ANCHOR, row, i] - level)
    wish = level + sign * book[WISH, row, i] * gap
    # A wish that price has passed in the meantime would fill at once.
    if gap <= 0 or sign * (price - wish) <= 0:
        return
    share = book[WISH, row, i]
    low, high = dense_run(chart, row, wish)
    if high > 0:
        front, back = (high, low) if sign > 0 else (low, high)
        before = sign * (front - level) / gap
        behind = sign * (back - level) / gap
        may_front, may_back = sign * (price - front) > 0, behind > _LEAST_STOP
        if may_front and (not may_back or abs(front - wish) <= abs(back - wish)):
            share = before
        elif may_back:
            share = behind
    book[STOP, row, i] = share
    refresh(book, row, i, sign, tiers, rules)


@compiled
def place_stops(desk: Desk, price: float, chart: Chart, tiers: FloatArray, rules: Rules) -> None:
    """Let every reader look at a new map."""
    if chart.grid[STOPS_MOVE] == 0:
        return
    for row in range(2):
        for i in range(desk.tally[COUNT + row]):
            place_stop(desk.book, row, i, 1.0 - 2.0 * row, price, chart, tiers, rules)


@compiled
def avoiding_margin(
    row: int,
    sign: float,
    size: float,
    price: float,
    margin: float,
    least: float,
    chart: Chart,
    tiers: FloatArray,
) -> float:
    """Collateral per notional that brings the level to the nearer end of its dense cells.

    Parameters
    ----------
    margin, least : float
        What the trader would have brought, and what the venue asks for, per notional.
    """
    notional = size * price
    level = liquidation_level(sign, size, price, margin * notional, tiers)
    if chart.grid[AVOIDS] == 0 or not np.isfinite(level):
        return margin
    low, high = dense_run(chart, row, level)
    if high == 0:
        return margin
    front, back = (high, low) if sign > 0 else (low, high)
    more = margin_for_level(sign, size, price, back, tiers) / notional
    less = margin_for_level(sign, size, price, front, tiers) / notional
    if less >= least and sign * (price - front) > 0 and abs(front - level) <= abs(back - level):
        return float(less)
    return float(max(more, least))


@compiled
def target_of(chart: Chart, row: int, log_price: float) -> float:
    """Near end of the first dense cell ahead of a front-runner; 0 where none is in reach."""
    cells = chart.dense.shape[1]
    sign = 1.0 - 2.0 * row
    best = 0.0
    nearest = chart.grid[REACH]
    for k in range(cells):
        edge = chart.grid[ORIGIN] + (k + row) * chart.grid[WIDTH]
        away = sign * (edge - log_price)
        if chart.dense[1 - row, k] == 1 and 0 < away <= nearest:
            nearest = away
            best = np.exp(edge)
    return best


@compiled
def pull_of(chart: Chart, log_price: float) -> float:
    """Where more would be liquidated nearby: 1 if all above the price, -1 if all below.

    0 where front-runners have nothing to run to: no dense cell in reach on that side.
    """
    if chart.grid[RUNS] == 0:
        return 0.0
    cells = chart.amount.shape[1]
    above = below = 0.0
    for k in range(cells):
        away = chart.grid[ORIGIN] + (k + 0.5) * chart.grid[WIDTH] - log_price
        if 0 < away <= chart.grid[REACH]:
            above += chart.amount[1, k]
        elif 0 < -away <= chart.grid[REACH]:
            below += chart.amount[0, k]
    if above == below or target_of(chart, 0 if above > below else 1, log_price) == 0:
        return 0.0
    return (above - below) / (above + below)


@compiled
def take_profits(desk: Desk, chart: Chart, low: float, high: float) -> None:
    """Front-runners whose target price was reached want to sell everything."""
    if chart.grid[RUNS] == 0:
        return
    book = desk.book
    for row in range(2):
        sign = 1.0 - 2.0 * row
        far = high if row == 0 else low
        for i in range(desk.tally[COUNT + row]):
            target = book[TARGET, row, i]
            if target > 0 and sign * (far - target) >= 0:
                chart.flow[1, row] += book[SIZE, row, i] - book[EXIT_LEFT, row, i]
                book[EXIT_LEFT, row, i] = book[SIZE, row, i]
                book[TARGET, row, i] = 0.0


@compiled
def pass_cells(chart: Chart, low: float, high: float) -> None:
    """Empty the cells that price has run over: of row 0 from the low up, of row 1 to the high."""
    cells = chart.dense.shape[1]
    bottom, top = np.log(low), np.log(high)
    for k in range(cells):
        middle = chart.grid[ORIGIN] + (k + 0.5) * chart.grid[WIDTH]
        if middle >= bottom:
            chart.amount[0, k] = 0.0
            chart.dense[0, k] = 0.0
        if middle <= top:
            chart.amount[1, k] = 0.0
            chart.dense[1, k] = 0.0
