"""What a position must hold: formula, fee and maintenance requirement at a date."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liqbayes.contracts.arguments import (
    Sides,
    above_zero,
    build_terms,
    check_shapes,
    finite,
    fraction,
    position,
)
from liqbayes.contracts.contract import Contract
from liqbayes.contracts.dates import When
from liqbayes.contracts.formulas import FORMULAS, Formula, Terms
from liqbayes.contracts.tiers import TierTable
from liqbayes.errors import InputError, NotDeterminedError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Requirement:
    """Maintenance requirement: a tier table, or a rate and an amount given by the caller."""

    table: TierTable | None
    rate: Array
    amount: Array
    size_rate: float

    def lines(self) -> list[tuple[float, float]]:
        """Return rate and amount of every tier."""
        assert self.table is not None
        return list(zip(self.table.rates, self.table.amounts, strict=True))

    def at_size(
        self, contract: Contract, q: Array, entry: Array, price: Array
    ) -> tuple[Array, Array]:
        """Return rate and amount for positions valued at a price.

        Tables without deductions are looked up at entry, whatever the formula.
        """
        if self.table is None:
            return np.broadcast_to(self.rate, q.shape), np.broadcast_to(self.amount, q.shape)
        table = self.table
        where = price if table.deductions == "cumulative" else entry
        size = contract.size(table.unit, q, where)
        k = table.index(size, name=contract.name)
        m = table.rates[k] + table.steps(size) * table.step_rate
        _determined(contract, table, m)
        return m, table.amounts[k]


def choose_formula(contract: Contract, mode: str, at: When | None) -> Formula:
    """Return the liquidation formula of a margin mode in force at a date."""
    rule, _ = contract.formula_rule(at)
    name = rule.isolated if mode == "isolated" else rule.cross
    if name is None:
        other = "wallet_balance= (cross)" if mode == "isolated" else "margin= or leverage="
        raise NotDeterminedError(
            f"{contract.name}: no source read states the {mode}-margin liquidation formula at "
            f"that date ({rule.source}); use {other}, another at=, or a contract file that "
            "names a formula"
        )
    return FORMULAS[name]


def position_value(contract: Contract, q: Array, price: Array) -> Array:
    """Return the position's value in the settlement currency at a price."""
    return np.asarray(q * price if contract.kind == "linear" else q / price)


def opening_terms(
    contract: Contract,
    requirement: Requirement,
    *,
    side: Sides,
    entry_price: ArrayLike,
    quantity: ArrayLike,
    leverage: ArrayLike | None,
    margin: ArrayLike | None,
    wallet_balance: ArrayLike | None,
    at: When | None,
    fee: ArrayLike | None,
    maintenance_other: ArrayLike,
    unrealised_pnl_other: ArrayLike,
    accrued_funding: ArrayLike,
) -> tuple[Formula, Terms]:
    """Validate a position; return the formula in force and its arguments (m = c = 0)."""
    s, q, entry = position(side, entry_price, quantity)
    check_shapes(s, q, entry, leverage, margin, wallet_balance)
    cross = wallet_balance is not None
    formula = choose_formula(contract, "cross" if cross else "isolated", at)
    check_one_margin(formula, leverage, margin, wallet_balance)
    other_pnl = finite("unrealised_pnl_other", unrealised_pnl_other)
    other_margin = finite("maintenance_other", maintenance_other)
    if not cross and (np.any(other_pnl != 0) or np.any(other_margin != 0)):
        raise InputError(
            "maintenance_other and unrealised_pnl_other belong to cross margin; give "
            "wallet_balance= instead of leverage= or margin="
        )
    fees = fee_of(contract, formula, at, fee)
    initial: Array | None = None
    if leverage is not None:
        lev = above_zero("leverage", leverage)
        if requirement.table is not None:
            check_leverage(contract, requirement.table, lev, q, entry)
        value = position_value(contract, q, entry)
        initial = value / lev + formula.fees_in_margin * fees * value
    if margin is not None:
        held = above_zero("margin", margin)
    elif wallet_balance is not None:
        held = finite("wallet_balance", wallet_balance)
    else:
        assert initial is not None  # check_one_margin saw that one of the three is given
        held = initial
    extra = np.zeros(()) if initial is None else np.asarray(held - initial)
    held = held + other_pnl - other_margin - finite("accrued_funding", accrued_funding)
    terms = build_terms(
        s=s,
        q=q,
        entry=entry,
        margin=held,
        m=requirement.rate * 0.0,
        c=requirement.amount * 0.0,
        fee=fees,
        extra=extra if formula.splits_margin else 0.0,
        size_rate=requirement.size_rate,
    )
    return formula, terms


def first_price(
    contract: Contract, formula: Formula, base: Terms, requirement: Requirement
) -> Array:
    """Return the price at which the requirement is first breached, over all tiers."""
    table = requirement.table
    if table is None or not (formula.at_liquidation and table.deductions == "cumulative"):
        m, c = requirement.at_size(contract, base.q, base.entry, base.entry)
        return np.asarray(formula.price(replace(base, m=m, c=c)))[()]
    # The position must be within the table when it is opened.
    entry_size = contract.size(table.unit, base.q, base.entry)
    reached = table.index(entry_size, name=contract.name)
    _determined(contract, table, table.rates[reached])
    best = np.where(base.s > 0, 0.0, np.inf)
    for rate, amount in requirement.lines():
        if np.isnan(rate):
            continue
        terms = replace(base, m=np.full_like(base.q, rate), c=np.full_like(base.q, amount))
        price = formula.price(terms)
        best = np.where(base.s > 0, np.maximum(best, price), np.minimum(best, price))
    if not table.complete or np.any(np.isnan(table.rates)):
        # What lies beyond the known tiers could only raise the requirement there.
        finite = np.isfinite(best) & (best > 0)
        size = contract.size(table.unit, base.q, np.where(finite, best, base.entry))
        _determined(contract, table, table.rates[table.index(size, name=contract.name)])
    return np.asarray(best)[()]


def requirement_of(
    contract: Contract, at: When | None, rate: ArrayLike | None, amount: ArrayLike | None
) -> Requirement:
    """Return the tier table in force, or the rate and amount given instead."""
    if rate is None:
        if amount is not None:
            raise InputError(
                "maintenance_amount= belongs to a rate; give maintenance_margin_rate= with it"
            )
        table, _ = contract.tier_table(at)
        return Requirement(table, np.zeros(()), np.zeros(()), table.size_rate)
    given = fraction("maintenance_margin_rate", rate)
    taken = finite("maintenance_amount", 0.0 if amount is None else amount)
    return Requirement(None, given, taken, 0.0)


def _determined(contract: Contract, table: TierTable, rates: Array) -> None:
    if np.any(np.isnan(rates)):
        raise NotDeterminedError(
            f"{contract.name}: the maintenance margin rate is not determined for this position"
            f"{' (' + table.note + ')' if table.note else ''}; pass maintenance_margin_rate= "
            f"(and maintenance_amount=). Source read: {table.source}"
        )


def fee_of(contract: Contract, formula: Formula, at: When | None, fee: ArrayLike | None) -> Array:
    """Return the taker fee that enters a formula: given, from the table, or 0 if unused."""
    if fee is not None:
        return fraction("fee", fee)
    if not formula.uses_fee:
        return np.zeros(())
    taker = contract.fees_at(at)[0].taker
    if taker is None:
        raise NotDeterminedError(
            f"{contract.name}: the taker fee, which enters this liquidation price, is not "
            "determined; pass fee="
        )
    return np.asarray(taker)


def check_leverage(
    contract: Contract, table: TierTable, lev: Array, q: Array, entry: Array
) -> None:
    """Raise if a leverage is above what the tier at entry allows."""
    lev, q, entry = np.broadcast_arrays(lev, q, entry)
    size = contract.size(table.unit, q, entry)
    limit = table.max_leverage(size, contract.to_base(q, entry), name=contract.name)
    over = lev > limit * (1 + 1e-9)
    if np.any(over):
        worst = np.unravel_index(int(np.argmax(over)), over.shape)
        raise InputError(
            f"{contract.name}: leverage {lev[worst]:g} is above the maximum {limit[worst]:g} for "
            f"a position of {size[worst]:,.8g} ({table.unit}); lower it, or pass "
            "maintenance_margin_rate= to work without the venue's table"
        )


def check_one_margin(formula: Formula, leverage: object, margin: object, wallet: object) -> None:
    """Raise unless exactly one kind of margin is given."""
    given = [
        name
        for name, value in (("leverage", leverage), ("margin", margin), ("wallet_balance", wallet))
        if value is not None
    ]
    if given == ["leverage", "margin"] and formula.splits_margin:
        return
    if len(given) != 1:
        got = " and ".join(given) if given else "none of them"
        raise InputError(
            f"give exactly one of leverage=, margin= (isolated) and wallet_balance= (cross); "
            f"got {got}"
        )
