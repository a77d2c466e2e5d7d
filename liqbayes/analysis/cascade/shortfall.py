"""Who carries what forced positions lose beyond their margin."""

import numpy as np
from numpy.typing import NDArray

from liqbayes.contracts import AggregateContract, Contract, bankruptcy_price, liquidation_price
from liqbayes.errors import NotDeterminedError

FloatArray = NDArray[np.float64]

#: Size of a forced position where the model does not say (quote currency).
POSITION_NOTIONAL = 100_000.0
# Distance at which the gap is evaluated; it depends on it only through the tier.
_DISTANCE = 0.1


def bankruptcy_gap(
    contract: Contract | AggregateContract,
    side: str,
    *,
    price: float,
    notional: FloatArray | float = POSITION_NOTIONAL,
    at: str | None = None,
) -> FloatArray:
    """Log distance from the liquidation price to the bankruptcy price.

    Both from the contract's rules for an isolated position; the maintenance margin lies between
    them. Sizes beyond the last margin tier are taken at its end.

    Parameters
    ----------
    contract : Contract
    side : {"long", "short"}
    price : float
        Last price.
    notional : float or ndarray
        Size of the positions, quote currency.
    at : str, optional
        Date of the rules.

    Returns
    -------
    ndarray

    Raises
    ------
    NotDeterminedError
        If the contract's liquidation rule or tiers are not known.
    """
    if isinstance(contract, AggregateContract):
        raise NotDeterminedError(f"{contract.name} mixes venues and has no bankruptcy price.")
    table, _ = contract.tier_table(at)
    value = np.asarray(notional, float)
    quantity = value / price if contract.kind == "linear" else value
    limit = table.caps[-1]
    if np.isfinite(limit):
        size = np.asarray(contract.size(table.unit, quantity, np.full_like(quantity, price)))
        # a short's position is worth more at its level than where it was opened
        quantity = quantity * np.minimum(1.0, 0.8 * limit / size)
    worth = quantity * price if contract.kind == "linear" else quantity / price
    margin = _DISTANCE * worth
    level = liquidation_price(
        contract, side=side, entry_price=price, quantity=quantity, margin=margin, at=at
    )
    bankrupt = bankruptcy_price(
        contract, side=side, entry_price=price, quantity=quantity, margin=margin, at=at
    )
    return np.abs(np.log(np.asarray(level) / np.asarray(bankrupt)))
