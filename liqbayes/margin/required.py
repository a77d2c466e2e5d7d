"""From an adverse move to the initial margin that a venue's rules ask for it."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liqbayes.contracts import AnyContract, leverage_from_liquidation_price
from liqbayes.errors import InputError
from liqbayes.margin.moves import check_side

FloatArray = NDArray[np.float64]


def required_margin(
    contract: AnyContract,
    side: str,
    move: ArrayLike,
    *,
    entry_price: float,
    quantity: float | None = None,
    at: np.datetime64 | None = None,
) -> FloatArray:
    """Initial margin whose liquidation price is that move away.

    Parameters
    ----------
    contract : Contract
    side : {"long", "short"}
    move : array
        Adverse moves, fractions of the entry price; NaN is unknown.
    entry_price : float
    quantity : float, optional
        Size in ``contract.quantity_unit``, which decides the tier; one coin by default.
    at : datetime64, optional
        Date of the rules; the newest by default.

    Returns
    -------
    ndarray
        Fractions of the position's value at entry, in the settlement currency: the inverse of the
        leverage. inf where no margin keeps a long of an inverse contract, whose loss in coins grows
        without limit; a long of a linear contract needs no more than its whole value.

    Raises
    ------
    InputError
        If a move is infinite, or a short's is -1 or less.
    NotDeterminedError
        If the contract's rules are not known, or it is an aggregate of venues.

    Notes
    -----
    Isolated margin: the maintenance margin, and fees where the venue's formula holds them, come on
    top of the loss (`liqbayes.contracts.leverage_from_liquidation_price`).
    """
    check_side(side)
    d = np.asarray(move, dtype=np.float64)
    if np.any(np.isinf(d)) or (side == "short" and np.any(d <= -1.0)):
        raise InputError("adverse moves must be finite, and a short's above -1.")
    size = quantity
    if size is None:
        size = entry_price if contract.kind == "inverse" else 1.0
    gone = (side == "long") & (d >= 1.0)
    unknown = np.isnan(d)
    safe = np.where(gone | unknown, 0.5, d)
    level = entry_price * (1.0 - safe if side == "long" else 1.0 + safe)
    leverage = leverage_from_liquidation_price(
        contract,
        side=side,
        entry_price=entry_price,
        quantity=size,
        liquidation_price=level,
        at=at,
    )
    margin = np.where(gone, 1.0 if contract.kind == "linear" else np.inf, 1.0 / leverage)
    return np.asarray(np.where(unknown, np.nan, margin))
