"""Partial liquidation: the prices at which a position is closed, and how much each time."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liqbayes.contracts.aggregate import AnyContract
from liqbayes.contracts.arguments import Sides, finite, single_contract
from liqbayes.contracts.contract import Contract
from liqbayes.contracts.dates import When
from liqbayes.contracts.requirement import (
    first_price,
    opening_terms,
    position_value,
    requirement_of,
)
from liqbayes.contracts.rules import LadderRule
from liqbayes.contracts.tiers import TierTable
from liqbayes.errors import InputError, NotDeterminedError

Array = NDArray[np.float64]
MAX_STEPS = 1000


@dataclass(frozen=True, slots=True)
class Ladder:
    """Steps of a liquidation; the last axis is the step.

    Attributes
    ----------
    price
        Price of each step; NaN after the last step of a position and where a position is
        never liquidated.
    share
        Share of the original position closed at the step, 0 where there is none. Sums to 1,
        or to less if what remains is never liquidated.
    note
        The venue's rule and how it is read.
    """

    price: Array
    share: Array
    note: str


def partial_liquidation_ladder(
    contract: AnyContract,
    *,
    side: Sides,
    entry_price: ArrayLike,
    quantity: ArrayLike,
    leverage: ArrayLike | None = None,
    margin: ArrayLike | None = None,
    wallet_balance: ArrayLike | None = None,
    at: When | None = None,
    fee: ArrayLike | None = None,
    maintenance_other: ArrayLike = 0.0,
    unrealised_pnl_other: ArrayLike = 0.0,
    accrued_funding: ArrayLike = 0.0,
    closing_cost: ArrayLike = 0.0,
) -> Ladder:
    """Price and share closed at each step of a liquidation; all arguments broadcast.

    Every step is assumed to fill at the price that triggered it. The margin and the profit or
    loss of the closed part stay in the position, whose requirement falls; the next step is at
    the liquidation price of what is left.

    Parameters
    ----------
    contract, side, entry_price, quantity, leverage, margin, wallet_balance, at, fee, \
maintenance_other, unrealised_pnl_other, accrued_funding
        As in `liquidation_price`. Rates cannot be overridden: a ladder needs the tiers.
    closing_cost
        Fee and slippage of the closed part as a fraction of its value, 0 by default.

    Returns
    -------
    Ladder
        Arrays of the broadcast shape with the steps as last axis.

    Raises
    ------
    NotDeterminedError
        Where no source states how the venue closes positions, or the tiers are not known.
    InputError
        As in `liquidation_price`.
    """
    contract = single_contract(contract)
    rule = contract.ladder
    if rule.rule == "not_determined":
        raise NotDeterminedError(
            f"{contract.name}: how a position is closed step by step is not determined "
            f"({rule.note}). A contract file with a [contract.ladder] of your own overrides it; "
            "liquidation_price() gives the first price"
        )
    if leverage is not None and margin is not None:
        raise InputError("a ladder takes leverage= or margin=, not both")
    requirement = requirement_of(contract, at, None, None)
    formula, terms = opening_terms(
        contract,
        requirement,
        side=side,
        entry_price=entry_price,
        quantity=quantity,
        leverage=leverage,
        margin=margin,
        wallet_balance=wallet_balance,
        at=at,
        fee=fee,
        maintenance_other=maintenance_other,
        unrealised_pnl_other=unrealised_pnl_other,
        accrued_funding=accrued_funding,
    )
    table = requirement.table
    assert table is not None  # no rate was given, so requirement_of returned a table
    cost = finite("closing_cost", closing_cost)
    total, s, entry = terms.q, terms.s, terms.entry
    left, held = total.copy(), terms.margin.copy()
    level = np.full(total.shape, np.inf)
    reached = np.where(s > 0, np.inf, 0.0)
    prices: list[Array] = []
    shares: list[Array] = []
    for _ in range(MAX_STEPS):
        # Positions that are done are carried along as they were opened, and masked.
        rest = np.where(left > 0, left, total)
        carried = np.where(left > 0, held, terms.margin)
        price = np.asarray(
            first_price(contract, formula, replace(terms, q=rest, margin=carried), requirement)
        )
        # Costs can leave the rest in breach at once; price does not turn back for it.
        price = np.where(s > 0, np.minimum(price, reached), np.maximum(price, reached))
        live = (left > 0) & np.isfinite(price) & (price > 0)
        if not np.any(live):
            break
        price = np.where(live, price, entry)
        valued = price if formula.at_liquidation and table.deductions == "cumulative" else entry
        closed, level = _closed(contract, rule, table, rest, price, valued, level)
        closed = np.where(live, closed, 0.0)
        reached = np.where(live, price, reached)
        prices.append(np.where(live, price, np.nan))
        shares.append(closed / total)
        pnl = (
            closed * (price - entry)
            if contract.kind == "linear"
            else (closed * (1 / entry - 1 / price))
        )
        held = held + s * pnl - cost * position_value(contract, closed, price)
        left = np.where(live & (closed >= rest), 0.0, left - closed)
    else:
        raise InputError(f"the ladder has more than {MAX_STEPS} steps; reduce the quantity")
    if not prices:
        prices, shares = [np.full(total.shape, np.nan)], [np.zeros(total.shape)]
    return Ladder(np.stack(prices, axis=-1), np.stack(shares, axis=-1), rule.note)


def _closed(
    contract: Contract,
    rule: LadderRule,
    table: TierTable,
    rest: Array,
    price: Array,
    valued: Array,
    level: Array,
) -> tuple[Array, Array]:
    """Return the quantity closed at a step and the level the position is then at.

    The level never rises again: a short just reduced to a tier's cap grows beyond it with the
    price, and is next reduced by a further tier.
    """
    if rule.rule == "fraction":
        assert rule.fraction is not None and rule.threshold is not None
        # inf marks a position that has not been reduced yet.
        first = np.isinf(level) & (contract.to_quote(rest, price) > rule.threshold)
        return np.where(first, rule.fraction * rest, rest), np.zeros_like(level)
    size = contract.size(table.unit, rest, valued)
    now = np.minimum(table.index(size, name=contract.name) + table.steps(size), level)
    down = 1 if rule.rule == "next_tier" else 2
    target = np.where(now >= down, now - down, -1.0)
    known = len(table.tiers) - 1
    caps = table.caps[np.clip(target, 0, known).astype(int)]
    caps = caps + np.maximum(target - known, 0) * table.step
    excess = contract.quantity_of_size(table.unit, np.maximum(size - caps, 0.0), valued)
    return np.where(target >= 0, excess, rest), np.maximum(target, 0.0)
