"""Aggregated open interest of several venues as a linear and an inverse leg."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liqbayes.contracts.contract import Contract, leverage_caps_to_list
from liqbayes.contracts.dates import When
from liqbayes.contracts.rules import FeedRegime, LeverageCap
from liqbayes.contracts.tiers import TierTable
from liqbayes.errors import InputError, NotDeterminedError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AggregateContract:
    """Open interest of several venues: a linear and an inverse leg under one price.

    Each leg keeps its own unit and distance rule; totals are in USD. ``leverage_caps`` are the
    dated cuts of the highest leverage at the large venues.
    """

    name: str
    base: str
    legs: tuple[Contract, Contract]
    funding_interval_hours: float = 8.0
    leverage_caps: tuple[LeverageCap, ...] = ()

    @property
    def kind(self) -> str:
        """Always "aggregate"."""
        return "aggregate"

    @property
    def venue(self) -> str:
        """Always "aggregate"."""
        return "aggregate"

    @property
    def symbol(self) -> str:
        """The base coin."""
        return self.base

    @property
    def quote(self) -> str:
        """Always USD: stablecoins count as dollars."""
        return "USD"

    @property
    def quantity_unit(self) -> str:
        """Unit of the total: USD."""
        return "USD"

    @property
    def quote_unit(self) -> str:
        """Unit of amounts of money: USD."""
        return "USD"

    @property
    def trigger_price(self) -> str:
        """Price that triggers liquidations on the legs."""
        return self.legs[0].trigger_price

    @property
    def taker_fee(self) -> float | None:
        """Fees of a mixture of venues are not determined."""
        return None

    @property
    def maker_fee(self) -> float | None:
        """Fees of a mixture of venues are not determined."""
        return None

    @property
    def linear(self) -> Contract:
        """The leg margined in stablecoins, open interest in base coin."""
        return self.legs[0]

    @property
    def inverse(self) -> Contract:
        """The leg margined in the coin, open interest in USD."""
        return self.legs[1]

    def to_quote(self, quantity: ArrayLike, price: ArrayLike) -> Array:
        """Convert a total quantity (USD) to USD."""
        q, p = np.asarray(quantity, dtype=np.float64), np.asarray(price, dtype=np.float64)
        return np.asarray(q * np.ones_like(p))

    def to_base(self, quantity: ArrayLike, price: ArrayLike) -> Array:
        """Convert a total quantity (USD) at a price to the base coin."""
        q, p = np.asarray(quantity, dtype=np.float64), np.asarray(price, dtype=np.float64)
        return np.asarray(q / p)

    def tier_table(self, at: When | None = None) -> tuple[TierTable, str | None]:
        """Raise: an aggregate has no margin tiers of its own.

        Raises
        ------
        NotDeterminedError
            Always.
        """
        raise NotDeterminedError(
            f"{self.name} mixes venues and has no margin tiers; use a venue's contract, such as "
            f"binance:{self.base}USDT"
        )

    def feed_at(self, at: When | None = None) -> FeedRegime | None:
        """Return None: the reporting limit of a mixture of feeds is not determined."""
        return None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; `contract_from_dict` reads them back."""
        out: dict[str, Any] = {
            "name": self.name,
            "base": self.base,
            "funding_interval_hours": self.funding_interval_hours,
            "legs": [leg.to_dict() for leg in self.legs],
        }
        if self.leverage_caps:
            out["leverage_caps"] = leverage_caps_to_list(self.leverage_caps)
        return out

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "AggregateContract":
        """Build and validate an aggregate from what `to_dict` returns.

        Raises
        ------
        InputError
            Naming the key that is missing, unknown or wrong.
        """
        from liqbayes.contracts.schema import parse_aggregate

        return parse_aggregate(values, "aggregate")


AnyContract = Contract | AggregateContract


def contract_from_dict(values: dict[str, Any]) -> AnyContract:
    """Build a `Contract` or an `AggregateContract` from what its `to_dict` returned."""
    if not isinstance(values, dict):
        raise InputError(f"a contract must be a mapping, not {type(values).__name__}")
    if "legs" in values:
        return AggregateContract.from_dict(values)
    return Contract.from_dict(values)
