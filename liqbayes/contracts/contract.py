"""Contracts: what is traded, in which units, under which dated margin rules."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liqbayes.contracts.dates import When, in_force, show
from liqbayes.contracts.rules import (
    FeedRegime,
    FeeSchedule,
    FormulaRule,
    LadderRule,
    LeverageCap,
)
from liqbayes.contracts.tiers import Tier, TierTable
from liqbayes.errors import NotDeterminedError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Contract:
    """A perpetual contract.

    Attributes
    ----------
    name
        "VENUE:SYMBOL" in the venue's spelling.
    kind
        "linear" (margin and profit in the quote currency) or "inverse" (in the base coin).
    contract_size
        Base coin per contract if linear, USD per contract if inverse.
    funding_interval_hours
        Hours the funding rate is stated for.
    trigger_price
        Price that triggers liquidations: "mark", "oracle" or "last".
    formulas, fees, tiers, feed
        Dated rules, oldest first.
    leverage_caps
        Dated cuts of the highest leverage beyond those in the tiers, oldest first.
    ladder
        How a liquidated position is closed.
    sources, notes
        Where the facts come from, and what to know about them.
    """

    name: str
    venue: str
    symbol: str
    kind: str
    base: str
    quote: str
    settle: str
    contract_size: float
    funding_interval_hours: float
    trigger_price: str
    formulas: tuple[FormulaRule, ...]
    fees: tuple[FeeSchedule, ...] = ()
    tiers: tuple[TierTable, ...] = ()
    feed: tuple[FeedRegime, ...] = ()
    ladder: LadderRule = field(
        default_factory=lambda: LadderRule("not_determined", None, None, "", "")
    )
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    leverage_caps: tuple[LeverageCap, ...] = ()

    @property
    def quantity_unit(self) -> str:
        """Unit of volume, open interest and liquidations: base coin, or USD if inverse."""
        return self.base if self.kind == "linear" else "USD"

    @property
    def quote_unit(self) -> str:
        """Unit of amounts of money."""
        return self.quote

    @property
    def taker_fee(self) -> float | None:
        """Newest taker fee (fraction), None if not determined."""
        return self.fees[-1].taker if self.fees else None

    @property
    def maker_fee(self) -> float | None:
        """Newest maker fee (fraction, negative is a rebate), None if not determined."""
        return self.fees[-1].maker if self.fees else None

    def to_quote(self, quantity: ArrayLike, price: ArrayLike) -> Array:
        """Convert a quantity (in `quantity_unit`) at a price to the quote currency."""
        q, p = np.asarray(quantity, dtype=np.float64), np.asarray(price, dtype=np.float64)
        return np.asarray(q * p if self.kind == "linear" else q * np.ones_like(p))

    def to_base(self, quantity: ArrayLike, price: ArrayLike) -> Array:
        """Convert a quantity (in `quantity_unit`) at a price to the base coin."""
        q, p = np.asarray(quantity, dtype=np.float64), np.asarray(price, dtype=np.float64)
        return np.asarray(q * np.ones_like(p) if self.kind == "linear" else q / p)

    def size(self, unit: str, quantity: ArrayLike, price: ArrayLike) -> Array:
        """Measure a position in the unit of a tier table ("quote", "base", "contracts")."""
        if unit == "quote":
            return self.to_quote(quantity, price)
        if unit == "base":
            return self.to_base(quantity, price)
        quantity, price = np.broadcast_arrays(quantity, price)
        return np.asarray(quantity / self.contract_size, dtype=np.float64)

    def quantity_of_size(self, unit: str, size: ArrayLike, price: ArrayLike) -> Array:
        """Return the quantity (in `quantity_unit`) of a size; the inverse of `size`."""
        s, p = np.asarray(size, dtype=np.float64), np.asarray(price, dtype=np.float64)
        if unit == "contracts":
            return np.asarray(s * self.contract_size * np.ones_like(p))
        if unit == "quote":
            return np.asarray(s / p if self.kind == "linear" else s * np.ones_like(p))
        return np.asarray(s * np.ones_like(p) if self.kind == "linear" else s * p)

    def tier_table(self, at: When | None = None) -> tuple[TierTable, str | None]:
        """Return the margin tiers in force at a date, and a note or None.

        The table is the last one not after the date; before the first, the first, which the
        note says. None asks for the newest.

        Raises
        ------
        NotDeterminedError
            If no tiers of the contract are known at all.
        """
        if not self.tiers:
            raise NotDeterminedError(
                f"{self.name}: maintenance margin tiers are not determined by any source read; "
                "pass maintenance_margin_rate= (and maintenance_amount= if there is one)"
            )
        return in_force(self.tiers, at)

    def formula_rule(self, at: When | None = None) -> tuple[FormulaRule, str | None]:
        """Return the liquidation formulas in force at a date, and a note or None."""
        return in_force(self.formulas, at)

    def fees_at(self, at: When | None = None) -> tuple[FeeSchedule, str | None]:
        """Return the fees in force at a date, and a note or None.

        Raises
        ------
        NotDeterminedError
            If no fees of the contract are known.
        """
        if not self.fees:
            raise NotDeterminedError(
                f"{self.name}: fees are not determined by any source read; pass fee="
            )
        return in_force(self.fees, at)

    def feed_at(self, at: When | None = None) -> FeedRegime | None:
        """Return the regime of the liquidation feed at a date; None if not determined."""
        if not self.feed:
            return None
        regime, note = in_force(self.feed, at)
        return None if note else regime

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, in the layout of one `[[contract]]` of a contract file."""
        out: dict[str, Any] = {
            "venue": self.venue,
            "symbol": self.symbol,
            "kind": self.kind,
            "base": self.base,
            "quote": self.quote,
            "settle": self.settle,
            "contract_size": self.contract_size,
            "funding_interval_hours": self.funding_interval_hours,
            "trigger_price": self.trigger_price,
            "formulas": [
                _trim(
                    {
                        "since": show(r.since),
                        "isolated": r.isolated,
                        "cross": r.cross,
                        "source": r.source,
                    }
                )
                for r in self.formulas
            ],
            "fees": [
                _trim(
                    {"since": show(r.since), "taker": r.taker, "maker": r.maker, "source": r.source}
                )
                for r in self.fees
            ],
            "tiers": [_tiers_to_dict(t) for t in self.tiers],
            "feed": [
                _trim(
                    {
                        "since": show(r.since),
                        "max_orders_per_second": r.max_orders_per_second,
                        "note": r.note,
                        "source": r.source,
                    }
                )
                for r in self.feed
            ],
            "ladder": _trim(
                {
                    "rule": self.ladder.rule,
                    "fraction": self.ladder.fraction,
                    "threshold": self.ladder.threshold,
                    "note": self.ladder.note,
                    "source": self.ladder.source,
                }
            ),
            "sources": list(self.sources),
            "notes": list(self.notes),
        }
        if self.leverage_caps:
            out["leverage_caps"] = leverage_caps_to_list(self.leverage_caps)
        return out

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Contract":
        """Build and validate a contract from what `to_dict` returns.

        Raises
        ------
        InputError
            Naming the key that is missing, unknown or wrong.
        """
        from liqbayes.contracts.schema import parse_contract

        return parse_contract(values, "contract")


def _trim(values: dict[str, Any]) -> dict[str, Any]:
    # TOML has no null; a key left out is how "not determined" is written.
    return {key: value for key, value in values.items() if value is not None}


def leverage_caps_to_list(caps: tuple[LeverageCap, ...]) -> list[dict[str, Any]]:
    """Plain JSON values of dated cuts, in the layout of a contract file."""
    return [
        {
            "since": show(cap.since),
            "max_leverage": cap.max_leverage,
            "note": cap.note,
            "source": cap.source,
        }
        for cap in caps
    ]


def _tier_to_dict(tier: Tier, cumulative: bool) -> dict[str, Any]:
    row = _trim(
        {
            "cap": tier.cap,
            "maintenance_rate": tier.maintenance_rate,
            "max_leverage": tier.max_leverage,
        }
    )
    if cumulative:
        row["amount"] = tier.maintenance_amount
    return row


def _tiers_to_dict(table: TierTable) -> dict[str, Any]:
    out = _trim(
        {
            "since": show(table.since),
            "unit": table.unit,
            "deductions": table.deductions,
            "complete": table.complete,
            "source": table.source,
            "note": table.note,
        }
    )
    for key in ("step", "step_rate", "size_rate"):
        if getattr(table, key) != 0.0:
            out[key] = getattr(table, key)
    cumulative = table.deductions == "cumulative"
    out["rows"] = [_tier_to_dict(tier, cumulative) for tier in table.tiers]
    return out
