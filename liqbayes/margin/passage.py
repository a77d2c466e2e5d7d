"""How often a position would have been liquidated within a horizon, from bars."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.contracts import AnyContract, Contract, liquidation_price
from liqbayes.errors import InputError, NotDeterminedError
from liqbayes.margin.moves import check_side
from liqbayes.panel import MarketPanel

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Passage:
    """Whether positions opened at each bar were liquidated; NaN where a bar is unknown.

    Attributes
    ----------
    start : ndarray of datetime64, shape (entry,)
    extremes : ndarray, shape (entry,)
        Opened at the bar's open, held against every trade: 1 liquidated, 0 not.
    closes : dict of int to ndarray, shape (entry,)
        Held against closes alone, every so many bars.
    least, most : ndarray, shape (entry,)
        Bounds over any moment and price of the first bar at which the position may have been
        opened, for whatever happens inside bars.
    """

    start: NDArray[np.datetime64]
    extremes: FloatArray
    closes: dict[int, FloatArray]
    least: FloatArray
    most: FloatArray


def first_passage(
    panel: MarketPanel, side: str, ratio: FloatArray, horizon: int, steps: tuple[int, ...]
) -> Passage:
    """Follow a position from each bar for ``horizon`` bars.

    Parameters
    ----------
    panel : MarketPanel
    side : {"long", "short"}
    ratio : ndarray, shape (n_bars,)
        Liquidation price over entry price of a position opened in each bar.
    horizon : int
        Bars.
    steps : tuple of int
        Bars between the closes that are looked at; each divides ``horizon``.

    Raises
    ------
    InputError
        If the panel is not longer than the horizon, or a step does not divide it.

    Notes
    -----
    A position opened within bar i lives until some moment of bar i + horizon. Least: entry at the
    bar's best price, held against the whole bars i + 1 … i + horizon - 1, which every such position
    sees. Most: entry at its worst price, held against all of i … i + horizon. Every share of
    liquidated positions from finer bars, whatever their length, lies between the two.
    """
    check_side(side)
    n = panel.n_bars - horizon
    if horizon < 2 or n < 1:
        raise InputError(
            f"the panel has {panel.n_bars} bars and the horizon {horizon}; use a horizon of at "
            "least 2 bars and a longer panel."
        )
    if any(step < 1 or horizon % step for step in steps):
        raise InputError(f"steps {list(steps)} must divide the horizon of {horizon} bars.")
    sign = 1.0 if side == "long" else -1.0
    # with the sign a short is a long: liquidated at or below its level
    opened, closed = sign * panel.values("open"), sign * panel.values("close")
    worst = sign * panel.values("low" if side == "long" else "high")
    best = sign * panel.values("high" if side == "long" else "low")
    level = opened[:n] * ratio[:n]

    def lowest(values: FloatArray, first: int, last: int) -> FloatArray:
        """Smallest of bars i + first … i + last, for each entry i."""
        rows = np.lib.stride_tricks.sliding_window_view(values, last - first + 1)
        return np.asarray(rows[first : first + n].min(axis=1))

    closes = {}
    for step in steps:
        picked = np.stack([closed[k : k + n] for k in range(step - 1, horizon, step)])
        closes[step] = _hit(picked.min(axis=0), level)
    return Passage(
        panel.time[:n].copy(),
        _hit(lowest(worst, 0, horizon - 1), level),
        closes,
        _hit(lowest(worst, 1, horizon - 1), worst[:n] * ratio[:n]),
        _hit(lowest(worst, 0, horizon), best[:n] * ratio[:n]),
    )


def _hit(reached: FloatArray, level: FloatArray) -> FloatArray:
    known = ~(np.isnan(reached) | np.isnan(level))
    return np.where(known, (reached <= level).astype(float), np.nan)


def level_ratios(
    contract: AnyContract, side: str, leverage: float, time: NDArray[np.datetime64]
) -> tuple[FloatArray, tuple[str, ...]]:
    """Liquidation price over entry price under the rules of each moment.

    Parameters
    ----------
    contract : Contract
    side : {"long", "short"}
    leverage : float
    time : ndarray of datetime64, shape (entry,)
        When positions are opened, in order.

    Returns
    -------
    ratio : ndarray, shape (entry,)
        Of a position of one coin, isolated margin.
    notes : tuple of str
        What is uncertain of a rule's date.

    Raises
    ------
    NotDeterminedError
        If the contract's rules are not known, or it is an aggregate of venues.
    InputError
        If the leverage is more than the venue allows at a time.
    """
    if not isinstance(contract, Contract):
        raise NotDeterminedError(
            f"{contract.name} mixes venues and has no liquidation rule; give the contract of one."
        )
    dates = [r.since for r in contract.tiers] + [r.since for r in contract.fees]
    dates += [r.since for r in contract.formulas]
    changes = sorted({since for since in dates if since is not None})
    edges = np.array([np.datetime64(c.replace(tzinfo=None)) for c in changes], "datetime64[ns]")
    regime = np.searchsorted(edges, time, side="right")
    out = np.full(time.size, np.nan)
    notes: list[str] = []
    price = 10_000.0
    for k in np.unique(regime):
        at = time[np.flatnonzero(regime == k)[0]].astype("datetime64[us]").item()
        assert isinstance(at, dt.datetime)
        level = liquidation_price(
            contract,
            side=side,
            entry_price=price,
            quantity=price if contract.kind == "inverse" else 1.0,
            leverage=leverage,
            at=at,
        )
        out[regime == k] = float(level) / price
        for note in (contract.tier_table(at)[1], contract.formula_rule(at)[1]):
            if note is not None and note not in notes:
                notes.append(note)
    return out, tuple(notes)


def linear_ratio(side: str, leverage: float, maintenance: float) -> float:
    """Liquidation price over entry price of a linear contract without fees.

    Alexander, Deng and Zou (2023, doi 10.1016/j.ejor.2022.07.037): a short is liquidated where the
    return exceeds (1/leverage - m) / (1 + m), m the maintenance margin rate; a long where it falls
    below -(1/leverage - m) / (1 - m).
    """
    check_side(side)
    if not leverage > 0 or not 0 <= maintenance < 1 / leverage:
        raise InputError(
            f"leverage {leverage:g} with a maintenance margin rate of {maintenance:g} is "
            "liquidated at once; use a leverage below its inverse."
        )
    s = 1.0 if side == "long" else -1.0
    return 1.0 - s * (1.0 / leverage - maintenance) / (1.0 - s * maintenance)
