"""The rules by name."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from liqbayes.errors import InputError
from liqbayes.panel import MarketPanel
from liqbayes.peers import fixed_mix, oi_flow, trades
from liqbayes.peers.levels import LevelMap

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_SWEPT: dict[str, Callable[[MarketPanel], FloatArray]] = {
    "py-liquidation-map": trades.swept,
    oi_flow.PUBLISHED: oi_flow.swept,
    oi_flow.CORRECTED: partial(oi_flow.swept, corrected=True),
    fixed_mix.NAME: fixed_mix.swept,
}
_LEVELS: dict[str, Callable[[MarketPanel, IntArray], LevelMap]] = {
    "py-liquidation-map": trades.levels,
    oi_flow.PUBLISHED: oi_flow.levels,
    oi_flow.CORRECTED: partial(oi_flow.levels, corrected=True),
}
#: Names that `swept` knows.
RULES = tuple(_SWEPT)


def swept(panel: MarketPanel, rule: str) -> FloatArray:
    """What each bar sweeps of the map that a rule had drawn from the bars before it.

    Parameters
    ----------
    panel : MarketPanel
    rule : str
        One of `RULES`.

    Returns
    -------
    ndarray, shape (side, time)
        Long, short, in the panel's quantity unit. 0 where the bar swept nothing, NaN where its
        prices or the close before it are unknown.

    Raises
    ------
    InputError
        If the rule is unknown or the panel lacks a column that it needs.
    """
    return _of(_SWEPT, rule)(panel)


def rule_map(panel: MarketPanel, rule: str, *, every: int = 1) -> LevelMap:
    """The levels that a published rule shows at bar closes.

    Parameters
    ----------
    panel : MarketPanel
    rule : str
        One of `RULES` but ``fixed-mix``, which is a model: fit it and take
        `liqbayes.liquidation_heatmap`.
    every : int
        Every so manieth bar, counted back from the last.

    Returns
    -------
    LevelMap
        In the panel's quantity unit; bars whose close is unknown have no snapshot.

    Raises
    ------
    InputError
        If the rule is unknown, the panel lacks a column, or the rule draws nothing.
    """
    if every < 1:
        raise InputError(f"every is {every}; use 1 or more.")
    draw = _of(_LEVELS, rule)
    shown = np.arange(panel.n_bars - 1, -1, -every)[::-1]
    close = np.asarray(panel.values("close"))[shown]
    return draw(panel, shown[np.isfinite(close)])


def _of[T](table: dict[str, T], rule: str) -> T:
    if rule not in table:
        raise InputError(f"rule is {rule!r}; use one of {', '.join(table)}.")
    return table[rule]
