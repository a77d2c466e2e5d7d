"""A position with its orders, checked against the contract and the present price."""

from dataclasses import dataclass

import numpy as np

from liqbayes.contracts import SIDES, AnyContract, liquidation_price
from liqbayes.errors import InputError


@dataclass(frozen=True)
class Position:
    """A position that is held, or opened when a limit order fills.

    Attributes
    ----------
    side : {"long", "short"}
    quantity : float
        Base coin if the contract is linear, USD if inverse.
    entry : float, optional
        Average entry price; default: the limit, else the mark price.
    leverage, margin, wallet_balance : float, optional
        Exactly one: isolated margin of value/leverage, isolated margin, or cross margin, in the
        settlement currency.
    stop, take_profit, limit : float, optional
        Prices of the stop, of the limit order that closes with a profit, and of the one that opens.
    """

    side: str
    quantity: float
    entry: float | None = None
    leverage: float | None = None
    margin: float | None = None
    wallet_balance: float | None = None
    stop: float | None = None
    take_profit: float | None = None
    limit: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be a position whatever the market."""
        if self.side not in SIDES:
            raise InputError(f"side is {self.side!r}; use {' or '.join(SIDES)}.")
        for name in ("entry", "stop", "take_profit", "limit"):
            price = getattr(self, name)
            if price is not None and not (np.isfinite(price) and price > 0):
                raise InputError(f"{name} is {price}; give a positive price.")
        if self.limit is not None and self.entry not in (None, self.limit):
            raise InputError(
                f"entry is {self.entry:g} and limit {self.limit:g}: a limit order is filled at its "
                "own price; leave out --entry, or --limit if the position is held already."
            )


@dataclass(frozen=True)
class Held:
    """A checked position.

    Attributes
    ----------
    position : Position
    entry : float
    level : float
        Liquidation price; 0 for a long and inf for a short that no price liquidates.
    mark_price : float
    note : str
        What the contract says about its margin tiers at that date, or empty.
    """

    position: Position
    entry: float
    level: float
    mark_price: float
    note: str

    @property
    def sign(self) -> int:
        """1 for a long, −1 for a short."""
        return 1 if self.position.side == "long" else -1

    @property
    def reachable(self) -> bool:
        """Whether a price liquidates it."""
        return bool(np.isfinite(self.level) and self.level > 0)

    @property
    def distance(self) -> float:
        """Adverse move from the mark price to the level, as a fraction; NaN if there is none."""
        return abs(self.level / self.mark_price - 1) if self.reachable else float("nan")


def hold(
    contract: AnyContract,
    position: Position,
    mark_price: float,
    *,
    at: np.datetime64 | None = None,
    priced: tuple[float, float] = (0.0, np.inf),
) -> Held:
    """Find the level of a position and check that it can be held and its orders can stand.

    Parameters
    ----------
    contract : Contract
    position : Position
    mark_price : float
    at : datetime64, optional
        Date of the margin rules.
    priced : (float, float)
        Prices between which levels are known; orders must lie within.

    Returns
    -------
    Held

    Raises
    ------
    InputError
        If the position is liquidated already, an order would be executed at once or never, or lies
        outside the priced range; and as `liqbayes.contracts.liquidation_price`.
    """
    when = None if at is None else str(np.datetime_as_string(at, unit="s"))
    p = position
    entry = p.entry if p.entry is not None else p.limit if p.limit is not None else mark_price
    level = float(
        liquidation_price(
            contract,
            side=p.side,
            entry_price=entry,
            quantity=p.quantity,
            leverage=p.leverage,
            margin=p.margin,
            wallet_balance=p.wallet_balance,
            at=when,
        )
    )
    held = Held(p, entry, level, mark_price, contract.tier_table(when)[1] or "")
    s = held.sign
    now = mark_price if p.limit is None else p.limit
    if s * (level - now) >= 0:
        where = "the mark price" if p.limit is None else "its own limit"
        raise InputError(
            f"this {p.side} is liquidated already: its level is {level:g}, {where} {now:g}. Check "
            "side, entry and margin."
        )
    for name in ("limit", "stop", "take_profit"):
        price = getattr(p, name)
        if price is not None and not priced[0] <= price <= priced[1]:
            raise InputError(
                f"{name} is {price:g}, outside the priced range {priced[0]:g} to {priced[1]:g}; "
                "give a price within it."
            )
    if p.limit is not None and s * (p.limit - mark_price) >= 0:
        raise InputError(
            f"a limit order to open a {p.side} at {p.limit:g} fills at once at the mark price "
            f"{mark_price:g}; leave out --limit."
        )
    if p.stop is not None:
        if s * (p.stop - now) >= 0:
            raise InputError(
                f"the stop of a {p.side} at {p.stop:g} would be executed at {now:g}; a stop lies "
                f"{'below' if s > 0 else 'above'} it."
            )
        if s * (p.stop - level) <= 0:
            raise InputError(
                f"the stop at {p.stop:g} lies beyond the liquidation level {level:g}: it is never "
                "executed. Move it nearer, or add margin."
            )
    if p.take_profit is not None and s * (p.take_profit - now) <= 0:
        raise InputError(
            f"the take-profit of a {p.side} at {p.take_profit:g} fills at once; it lies "
            f"{'above' if s > 0 else 'below'} {now:g}."
        )
    return held
