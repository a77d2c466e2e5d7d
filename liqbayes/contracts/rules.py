"""Dated rules of a contract: liquidation feed, fees, formulas, and how positions are closed."""

import datetime as dt
from dataclasses import dataclass

TRIGGER_PRICES = ("mark", "oracle", "last")
LADDER_RULES = ("next_tier", "two_tiers", "fraction", "not_determined")


@dataclass(frozen=True, slots=True)
class FeedRegime:
    """What the public liquidation feed could report from a date on.

    Attributes
    ----------
    since
        Start (UTC).
    max_orders_per_second
        At most so many liquidation orders a second appear; None is unthrottled.
    note
        What the feed selects and what its price is.
    source
        Where this is stated.
    """

    since: dt.datetime
    max_orders_per_second: float | None
    note: str
    source: str


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """Fees (fractions of the traded value) from a date; None is not determined."""

    since: dt.datetime | None
    taker: float | None
    maker: float | None
    source: str


@dataclass(frozen=True, slots=True)
class FormulaRule:
    """Which liquidation-price formulas are in force from a date (names in `formulas`)."""

    since: dt.datetime | None
    isolated: str | None
    cross: str | None
    source: str


@dataclass(frozen=True, slots=True)
class LeverageCap:
    """A cut of a venue's highest leverage, for all of its contracts or for one.

    Attributes
    ----------
    since
        From when on positions above it could not be opened (UTC).
    max_leverage
        Highest leverage afterwards, for those whom it reaches.
    note
        Whom it reaches.
    source
        Where this is stated.
    """

    since: dt.datetime
    max_leverage: float
    note: str
    source: str


@dataclass(frozen=True, slots=True)
class LadderRule:
    """How a venue closes a position that is being liquidated.

    Attributes
    ----------
    rule
        "next_tier": down to the top of the next lower tier, each time maintenance is
        breached; "two_tiers": down two tiers from tier 3 up, all of it in tiers 1 and 2;
        "fraction": a share first, all the rest at the next breach; "not_determined".
    fraction
        Share closed first ("fraction").
    threshold
        Position value (quote) up to which everything is closed at once ("fraction").
    note
        Reading of the rule, or why it is not determined.
    source
        Where this is stated.
    """

    rule: str
    fraction: float | None
    threshold: float | None
    note: str
    source: str
