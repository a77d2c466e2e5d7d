"""What the backtest asks of a forecaster, be it a model or a baseline."""

from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from liqbayes.backtest.table import BarTable
from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Task = Literal["conditional", "conditional-oi", "forecast"]
TASKS: tuple[str, ...] = get_args(Task)


class Fitted(Protocol):
    """A forecaster that has seen the bars before an origin."""

    def draws(
        self, table: BarTable, bars: IntArray, *, task: str, size: int, rng: np.random.Generator
    ) -> FloatArray:
        """Draws of reported liquidations over open interest before the bar.

        Of bar ``t`` it may use rows before ``t`` whole, and of row ``t`` price and turnover (tasks
        ``conditional`` and ``forecast``, whose bars are drawn), and ``change`` too
        (``conditional-oi``); nothing later, and never ``reported[:, t]``. Each bar is forecast by
        itself, so that an answer does not depend on which other bars are asked for.

        Parameters
        ----------
        table : BarTable
            The bars fitted to and the later ones.
        bars : ndarray of int, shape (bar,)
            Rows of the table to forecast, none before the origin.
        task : {"conditional", "conditional-oi", "forecast"}
        size : int
            Draws a bar.
        rng : numpy.random.Generator

        Returns
        -------
        ndarray, shape (side, bar, draw)
            Not negative; NaN throughout where a bar's price or turnover is unknown.
        """
        ...


class Forecaster(Protocol):
    """A law of liquidations given price and volume, fitted at any origin."""

    @property
    def name(self) -> str:
        """Name in tables and on the command line."""
        ...

    def fit(self, table: BarTable, stop: int) -> Fitted:
        """Fit to rows before ``stop`` only.

        Raises
        ------
        InputError
            If too few reports are known there.
        """
        ...


def check_request(table: BarTable, bars: IntArray, task: str, size: int) -> IntArray:
    """The bars as an index array.

    Raises
    ------
    InputError
        For an unknown task, bars that the table does not have, or fewer than one draw.
    """
    if task not in TASKS:
        raise InputError(f"the task is {task!r}; the tasks are {', '.join(TASKS)}.")
    if size < 1:
        raise InputError(f"size is {size}; ask for one draw at least.")
    rows = np.atleast_1d(np.asarray(bars, np.int64))
    if rows.size and (rows.min() < 0 or rows.max() >= table.n_bars):
        raise InputError(
            f"bars {rows.min()} to {rows.max()} are asked for; the table has rows 0 to "
            f"{table.n_bars - 1}."
        )
    return rows
