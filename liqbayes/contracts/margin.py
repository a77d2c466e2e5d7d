"""Liquidation and bankruptcy prices of positions, and their inverses."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liqbayes.contracts.aggregate import AnyContract
from liqbayes.contracts.arguments import (
    Sides,
    above_zero,
    build_terms,
    finite,
    fraction,
    position,
    single_contract,
)
from liqbayes.contracts.dates import When
from liqbayes.contracts.formulas import FORMULAS
from liqbayes.contracts.requirement import (
    choose_formula,
    fee_of,
    first_price,
    opening_terms,
    position_value,
    requirement_of,
)
from liqbayes.errors import InputError

Array = NDArray[np.float64]
MODES = ("isolated", "cross")


def liquidation_price(
    contract: AnyContract,
    *,
    side: Sides,
    entry_price: ArrayLike,
    quantity: ArrayLike,
    leverage: ArrayLike | None = None,
    margin: ArrayLike | None = None,
    at: When | None = None,
    maintenance_margin_rate: ArrayLike | None = None,
    maintenance_amount: ArrayLike | None = None,
    fee: ArrayLike | None = None,
    wallet_balance: ArrayLike | None = None,
    maintenance_other: ArrayLike = 0.0,
    unrealised_pnl_other: ArrayLike = 0.0,
    accrued_funding: ArrayLike = 0.0,
) -> Array:
    """Price at which the venue liquidates a position; all arguments broadcast.

    Parameters
    ----------
    contract
        From `load_contract`; its formulas and tiers decide.
    side
        "long" or "short", or an array of them.
    entry_price
        Average entry price (quote currency), above 0.
    quantity
        Position size, above 0: base coin if linear, USD if inverse.
    leverage, margin, wallet_balance
        Exactly one. `leverage`: isolated margin of value/leverage. `margin`: isolated margin
        (settlement currency). `wallet_balance`: cross margin, the balance without the
        position's unrealised profit. Where a venue treats added margin differently (Bybit
        inverse since 2026) `leverage` and `margin` may be given together, `margin` being the
        total.
    at
        Date whose tiers, fees and formulas are used; None is the newest. What is said about
        that date by the note of `contract.tier_table(at)` holds here too.
    maintenance_margin_rate, maintenance_amount, fee
        Override the tables. A rate without an amount takes the amount 0, and no leverage
        limit is checked.
    maintenance_other, unrealised_pnl_other
        Cross only: maintenance margin and unrealised profit of the account's other positions
        in the same margin currency, held constant.
    accrued_funding
        Funding paid since entry and not yet in the margin (positive is paid), or, for BitMEX,
        the payment due that its maintenance margin contains; taken off the margin.

    Returns
    -------
    ndarray
        Liquidation price. 0 for a long and inf for a short that no price liquidates (inf for
        a long and 0 for a short are liquidated at any price).

    Raises
    ------
    InputError
        Bad side, price, quantity, leverage above the maximum, quantity beyond the last tier,
        or contradictory arguments.
    NotDeterminedError
        A rule or rate that no source establishes; the message names the overriding argument.

    Notes
    -----
    Formulas and sources: `liqbayes.contracts.formulas`. Where the requirement is valued at
    the liquidation price, so is the tier: with cumulative deductions the requirement is the
    largest of the tiers' lines (it is convex), hence the price is the largest of the tiers'
    prices for a long and the smallest for a short.
    """
    contract = single_contract(contract)
    requirement = requirement_of(contract, at, maintenance_margin_rate, maintenance_amount)
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
    return first_price(contract, formula, terms, requirement)


def margin_from_liquidation_price(
    contract: AnyContract,
    *,
    side: Sides,
    entry_price: ArrayLike,
    quantity: ArrayLike,
    liquidation_price: ArrayLike,
    mode: str = "isolated",
    at: When | None = None,
    maintenance_margin_rate: ArrayLike | None = None,
    maintenance_amount: ArrayLike | None = None,
    fee: ArrayLike | None = None,
    maintenance_other: ArrayLike = 0.0,
    unrealised_pnl_other: ArrayLike = 0.0,
    accrued_funding: ArrayLike = 0.0,
) -> Array:
    """Margin that puts the liquidation price where it is; inverse of `liquidation_price`.

    Parameters
    ----------
    liquidation_price
        Price of liquidation, above 0 and finite.
    mode
        "isolated" returns the isolated margin, "cross" the wallet balance.
    contract, side, entry_price, quantity, at, maintenance_margin_rate, maintenance_amount, \
fee, maintenance_other, unrealised_pnl_other, accrued_funding
        As in `liquidation_price`.

    Returns
    -------
    ndarray
        Margin in the settlement currency (negative if the position would need none).
    """
    contract = single_contract(contract)
    if mode not in MODES:
        raise InputError(f"mode={mode!r}; a margin mode is one of {', '.join(MODES)}")
    s, q, entry = position(side, entry_price, quantity)
    price = above_zero("liquidation_price", liquidation_price)
    formula = choose_formula(contract, mode, at)
    requirement = requirement_of(contract, at, maintenance_margin_rate, maintenance_amount)
    # A zero of the shape of the price makes the terms broadcast against it.
    terms = build_terms(
        s=s,
        q=q,
        entry=entry,
        margin=price * 0.0,
        m=requirement.rate * 0.0,
        c=requirement.amount * 0.0,
        fee=fee_of(contract, formula, at, fee),
        extra=0.0,
        size_rate=requirement.size_rate,
    )
    price = np.broadcast_to(price, terms.q.shape)
    where = price if formula.at_liquidation else terms.entry
    m, c = requirement.at_size(contract, terms.q, terms.entry, where)
    held = formula.margin(replace(terms, m=m, c=c), price)
    return np.asarray(
        held
        - finite("unrealised_pnl_other", unrealised_pnl_other)
        + finite("maintenance_other", maintenance_other)
        + finite("accrued_funding", accrued_funding)
    )[()]


def leverage_from_liquidation_price(
    contract: AnyContract,
    *,
    side: Sides,
    entry_price: ArrayLike,
    quantity: ArrayLike,
    liquidation_price: ArrayLike,
    at: When | None = None,
    maintenance_margin_rate: ArrayLike | None = None,
    maintenance_amount: ArrayLike | None = None,
    fee: ArrayLike | None = None,
    accrued_funding: ArrayLike = 0.0,
) -> Array:
    """Leverage (value at entry over isolated margin) that gives a liquidation price.

    Arguments as in `margin_from_liquidation_price`. The result may exceed the venue's
    maximum: a level this close can arise from funding or withdrawn margin.

    Returns
    -------
    ndarray
        Leverage; inf where the position would need no margin (level on the profit side).
    """
    single = single_contract(contract)
    held = margin_from_liquidation_price(
        single,
        side=side,
        entry_price=entry_price,
        quantity=quantity,
        liquidation_price=liquidation_price,
        at=at,
        maintenance_margin_rate=maintenance_margin_rate,
        maintenance_amount=maintenance_amount,
        fee=fee,
        accrued_funding=accrued_funding,
    )
    formula = choose_formula(single, "isolated", at)
    q, entry = np.broadcast_arrays(np.asarray(quantity, float), np.asarray(entry_price, float))
    value = position_value(single, q, entry)
    own = held - formula.fees_in_margin * fee_of(single, formula, at, fee) * value
    return np.asarray(np.where(own > 0, value / np.where(own > 0, own, 1.0), np.inf))[()]


def bankruptcy_price(
    contract: AnyContract,
    *,
    side: Sides,
    entry_price: ArrayLike,
    quantity: ArrayLike,
    leverage: ArrayLike | None = None,
    margin: ArrayLike | None = None,
    wallet_balance: ArrayLike | None = None,
    at: When | None = None,
    fee: ArrayLike = 0.0,
    accrued_funding: ArrayLike = 0.0,
) -> Array:
    """Price at which a position's margin is used up.

    Solves W + sQ(p - E) = f Q p (linear) or W + sQ(1/E - 1/p) = f Q / p (inverse): without a
    fee E(1 - s/L) and E/(1 + s/L). Bybit settles liquidated positions at this price. BitMEX
    keeps two taker fees out of an isolated margin (`Formula.fees_reserved`), which gives its
    support formula E/(1 + s(1/L - 2f)) for inverse contracts.

    Parameters
    ----------
    contract, side, entry_price, quantity, leverage, margin, wallet_balance, at, accrued_funding
        As in `liquidation_price`; exactly one of the three margins.
    fee
        Fee for closing at that price, 0 by default; `contract.taker_fee` for the price net of
        it.

    Returns
    -------
    ndarray
        Bankruptcy price; 0 for a long and inf for a short that cannot go bankrupt.
    """
    contract = single_contract(contract)
    s, q, entry = position(side, entry_price, quantity)
    given = [x is not None for x in (leverage, margin, wallet_balance)]
    if sum(given) != 1:
        raise InputError("give exactly one of leverage=, margin= and wallet_balance=")
    value = position_value(contract, q, entry)
    if wallet_balance is not None:
        held = finite("wallet_balance", wallet_balance)
    else:
        formula = choose_formula(contract, "isolated", at)
        reserved = formula.fees_reserved
        if margin is not None:
            held = above_zero("margin", margin)
        else:
            assert leverage is not None
            held = value / above_zero("leverage", leverage)
            reserved -= formula.fees_in_margin
        if reserved:
            held = held - reserved * fee_of(contract, formula, at, None) * value
    terms = build_terms(
        s=s,
        q=q,
        entry=entry,
        margin=held - finite("accrued_funding", accrued_funding),
        m=fraction("fee", fee),
        c=0.0,
        fee=0.0,
        extra=0.0,
        size_rate=0.0,
    )
    return np.asarray(FORMULAS[contract.kind].price(terms))[()]
