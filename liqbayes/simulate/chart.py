"""A published map, and the form in which compiled traders read it."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liqbayes.errors import InputError
from liqbayes.simulate.reader_settings import AVOIDANCE, FRONT_RUNNING, STOPS, ReaderConfig

FloatArray = NDArray[np.float64]

#: Width of a cell that traders distinguish, in log price.
CELL = 0.0025

#: Entries of `Chart.grid`: log price of the lower end, cell width, log distance front-runners look,
#: and whether stops are moved, front-running happens, dense cells are avoided (1 or 0).
ORIGIN, WIDTH, REACH, STOPS_MOVE, RUNS, AVOIDS = range(6)


@dataclass(frozen=True)
class PublishedMap:
    """Open interest by liquidation price, as somebody publishes it.

    Parameters
    ----------
    edges : ndarray, shape (cell + 1,)
        Prices between the cells, quote currency, ascending.
    amount : ndarray, shape (2, cell)
        What would be liquidated in each cell, long and short, in any one unit of quantity.

    Raises
    ------
    InputError
        If edges do not ascend from above 0, or an amount is negative or unknown.
    """

    edges: FloatArray
    amount: FloatArray

    def __post_init__(self) -> None:
        edges, amount = self.edges, self.amount
        if edges.ndim != 1 or amount.shape != (2, edges.size - 1):
            raise InputError(
                f"a map of {edges.shape} edges and {amount.shape} amounts is not possible: give "
                "cell + 1 edges and two rows (long, short) of cells."
            )
        if not (np.isfinite(edges).all() and edges[0] > 0 and (np.diff(edges) > 0).all()):
            raise InputError("edges of a map have to be finite prices above 0 that ascend.")
        if not (np.isfinite(amount).all() and (amount >= 0).all()):
            raise InputError("amounts of a map have to be numbers of at least 0, none unknown.")


@dataclass(frozen=True)
class Publication:
    """A map that was published, and the book behind it.

    Attributes
    ----------
    bars : int
        Published bars that it was made from.
    price : float
        Last price, quote currency.
    shown : PublishedMap
        What was published.
    book : PublishedMap
        The true book at that moment, quantity units.
    open_interest : float
        Of a side, quantity units; positions without a level included.
    """

    bars: int
    price: float
    shown: PublishedMap
    book: PublishedMap
    open_interest: float


class Chart(NamedTuple):
    """The map as compiled traders read it, in linear coordinates (see `liqbayes.simulate.book`).

    Attributes
    ----------
    amount, dense : ndarray, shape (2, cell)
        Amount of each row's levels by log-price cell, and 1 where a cell is dense.
    grid : ndarray, shape (6,)
        Where the cells are and what is done with them, see `ORIGIN` to `AVOIDS`.
    flow : ndarray, shape (2, 2)
        Contracts that front-runners of each row opened (first index 0) and began to sell at their
        target (1) in the current step.
    """

    amount: FloatArray
    dense: FloatArray
    grid: FloatArray
    flow: FloatArray


def blank_chart() -> Chart:
    """What is read before anything is published: nothing."""
    return Chart(np.zeros((2, 1)), np.zeros((2, 1)), np.zeros(6), np.zeros((2, 2)))


def read_map(
    published: PublishedMap, price: float, orientation: int, config: ReaderConfig
) -> Chart:
    """What readers see in a map.

    Parameters
    ----------
    published : PublishedMap
        Contract units.
    price : float
        Last price, quote currency.
    orientation : int
        1 for a linear contract, -1 for an inverse one.
    config : ReaderConfig
    """
    edges = np.log(published.edges)
    amount, centre = published.amount, float(np.log(price))
    if orientation < 0:
        # an inverse long is a linear short in the reciprocal price
        edges, amount, centre = -edges[::-1], amount[::-1, ::-1], -centre
    half = max(1, round(config.window / CELL))
    # The price itself is an edge: what lies within a cell of it belongs to one side.
    cells = centre + CELL * np.arange(-half, half + 1)
    standing = np.zeros((2, 2 * half))
    dense = np.zeros_like(standing)
    count = max(1, round(config.dense * half))
    for row, own in enumerate((slice(None, half), slice(half, None))):
        total = np.concatenate([[0.0], np.cumsum(amount[row])])
        values = np.diff(np.interp(cells, edges, total))[own]
        standing[row, own] = values
        order = np.argsort(-values, kind="stable")[:count]
        flags = np.zeros(half)
        flags[order[values[order] > 0]] = 1.0
        dense[row, own] = flags
    does = [float(name in config.behaviour) for name in (STOPS, FRONT_RUNNING, AVOIDANCE)]
    grid = np.array([cells[0], CELL, config.reach, *does])
    return Chart(standing, dense, grid, np.zeros((2, 2)))
