"""The book of positions as arrays, and the constants of a market that the kernels read.

Everything here is in *linear coordinates*. A linear contract is taken as it is. An inverse contract
is a linear one in the reciprocal price with the sides exchanged: profit in coin of a long,
N (1/E - 1/P), is that of a linear short on the price 1/P. Row 0 of every array gains when the
coordinate price rises, row 1 when it falls.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liqbayes.contracts import Contract
from liqbayes.errors import NotDeterminedError
from liqbayes.simulate.config import MarketConfig

FloatArray = NDArray[np.float64]

#: Traders per side who build a position at the same time.
SLOTS = 8


#: Fields of the book, an array of shape (FIELDS, 2, capacity) whose first `count` entries of each
#: row are in use. One array, because numba counts references for every array passed to a function.
#:
#: SIZE, ENTRY, COLLATERAL: quantity, average entry price, collateral without unrealised profit.
#: LEVEL: liquidation level, -inf where there is none. ALERT: first price at which the position does
#: anything (stop, added collateral, liquidation), times the sign of the row. ANCHOR: price of the
#: last decision on size or collateral. MARGIN: collateral per notional first posted. STOP: share of
#: the distance left at which the stop triggers, 0 for none. EXIT_LEFT: quantity the trader still
#: wants to sell. RATE: exits per hour that take liquidity. ISOLATED: 1 if isolated. TOPUPS, RUNGS:
#: collateral additions and partial liquidations left. SLOT: slot of the trader who is still
#: building the position, -1 for none. READER: 1 if its trader reads the published map. WISH: where
#: the stop would be without a map. TARGET: price at which a front-runner sells, 0 for none.
(
    SIZE,
    ENTRY,
    COLLATERAL,
    LEVEL,
    ALERT,
    ANCHOR,
    MARGIN,
    STOP,
    EXIT_LEFT,
    RATE,
    ISOLATED,
    TOPUPS,
    RUNGS,
    SLOT,
    READER,
    WISH,
    TARGET,
) = range(17)
FIELDS = 17

#: Rows of the margin tiers, an array of shape (4, tier): largest notional, maintenance rate and
#: amount (margin = rate * notional - amount), smallest collateral per notional at opening. Notional
#: and amounts are in the settlement currency.
CAP, MAINTENANCE, AMOUNT, INITIAL = range(4)


def empty_book(capacity: int) -> FloatArray:
    """A book with room for `capacity` positions a side."""
    return np.zeros((FIELDS, 2, capacity))


def enlarged(book: FloatArray) -> FloatArray:
    """The same positions in an array of twice the capacity."""
    return np.concatenate([book, np.zeros_like(book)], axis=2)


def tiers_of(contract: Contract, at: str, price: float) -> FloatArray:
    """Margin tiers of a contract at a date, shape (4, tier), rows as `CAP` to `INITIAL`.

    Tables that count base coin or contracts are converted once, at `price`; the amounts follow from
    the rates and caps (they make the margin continuous). Increments beyond the last tier are left
    out.

    Raises
    ------
    NotDeterminedError
        If the contract's tiers or their rates are not known.
    """
    table, _ = contract.tier_table(at)
    rate = np.asarray(table.rates, dtype=np.float64)
    if np.isnan(rate).any():
        raise NotDeterminedError(
            f"{contract.name}: a maintenance rate of its margin tiers is not determined, so its "
            "liquidations cannot be simulated; give a contract file that states them, or take "
            "another contract"
        )
    quantity = contract.quantity_of_size(table.unit, table.caps, price)
    convert = contract.to_quote if contract.kind == "linear" else contract.to_base
    cap = np.asarray(convert(quantity, price), dtype=np.float64)
    amount = np.zeros_like(rate)
    if table.deductions == "cumulative":
        amount[1:] = np.cumsum(cap[:-1] * np.diff(rate))
    most = np.array([np.inf if t.max_leverage is None else t.max_leverage for t in table.tiers])
    cap[-1] = np.inf
    return np.stack([cap, rate, amount, np.maximum(1 / most, 1.5 * rate)])


class Rules(NamedTuple):
    """Constants of the market that the kernels read; see the configuration for their meaning."""

    fastest: float
    open_rate: float
    rho: float
    disposition: float
    disposition_scale: float
    reaction: float
    momentum: float
    hourly_volatility: float
    partial_exit_share: float
    add_share: float
    stop_reliability: float
    topup_trigger: float
    topup_size: float
    partial_notional: float
    partial_share: float
    ladder_rungs: int
    cross_drift: float
    cross_drift_hours: float
    cross_correlation: float
    participation: float
    turnover_hourly: float
    impact: float
    impact_half_life: float
    target: float
    orientation: float


def rules_of(config: MarketConfig, *, rho: float, target: float, orientation: int) -> Rules:
    """Collect the constants.

    Parameters
    ----------
    config : MarketConfig
        Settings.
    rho : float
        Share of a taken close that a closing counterparty fills.
    target : float
        Open interest that traders aim for at the start, quantity units.
    orientation : int
        1 for a linear contract, -1 for an inverse one.
    """
    behaviour, flow, price = config.behaviour, config.flow, config.price
    rate = np.array([1 / kind.hours for kind in behaviour.holding])
    share = np.array([kind.share for kind in behaviour.holding])
    notional = behaviour.partial_notional
    if orientation < 0:
        notional /= config.price_at_start
    return Rules(
        fastest=float(rate.max()) / (1 + rho),
        # Partial exits take half a position on average.
        open_rate=float(
            2 * rho / (1 + rho) * (rate * share).sum() * (1 - 0.5 * behaviour.partial_exit_share)
        ),
        rho=rho,
        disposition=behaviour.disposition,
        disposition_scale=behaviour.disposition_scale,
        reaction=behaviour.reaction,
        momentum=behaviour.momentum,
        hourly_volatility=price.hourly_volatility,
        partial_exit_share=behaviour.partial_exit_share,
        add_share=behaviour.add_share,
        stop_reliability=behaviour.stop_reliability,
        topup_trigger=behaviour.topup_trigger,
        topup_size=behaviour.topup_size,
        partial_notional=notional,
        partial_share=behaviour.partial_share,
        ladder_rungs=behaviour.ladder_rungs,
        cross_drift=behaviour.cross_drift,
        cross_drift_hours=behaviour.cross_drift_hours,
        cross_correlation=behaviour.cross_correlation,
        participation=behaviour.participation,
        turnover_hourly=flow.turnover / 24,
        impact=price.impact,
        impact_half_life=price.impact_half_life,
        target=target,
        orientation=float(orientation),
    )
