"""Validation of contract files: plain mappings in, contracts out, with precise errors."""

import datetime as dt
import itertools
from collections.abc import Mapping
from typing import Any

from liqbayes.contracts.aggregate import AggregateContract
from liqbayes.contracts.contract import Contract
from liqbayes.contracts.dates import as_utc
from liqbayes.contracts.distance import KINDS
from liqbayes.contracts.formulas import FORMULAS
from liqbayes.contracts.rules import (
    LADDER_RULES,
    TRIGGER_PRICES,
    FeedRegime,
    FeeSchedule,
    FormulaRule,
    LadderRule,
    LeverageCap,
)
from liqbayes.contracts.tiers import DEDUCTIONS, TIER_UNITS, Tier, TierTable
from liqbayes.errors import InputError

NOT_DETERMINED = LadderRule(
    "not_determined", None, None, "no source read states how positions are closed", ""
)


class Reader:
    """Takes typed values out of one table of a contract file and names it in errors."""

    def __init__(self, values: object, where: str, allowed: tuple[str, ...]) -> None:
        if not isinstance(values, Mapping):
            raise InputError(f"{where}: expected a table, got {type(values).__name__}")
        unknown = sorted(set(values) - set(allowed))
        if unknown:
            raise InputError(
                f"{where}: unknown key {unknown[0]!r}; allowed are {', '.join(allowed)}"
            )
        self.values = values
        self.where = where

    def _missing(self, key: str) -> InputError:
        return InputError(f"{self.where}: {key} is missing")

    def text(self, key: str, *, default: str | None = None, of: tuple[str, ...] = ()) -> str:
        """Return a string, one of `of` if given."""
        value = self.values.get(key, default)
        if value is None:
            raise self._missing(key)
        if not isinstance(value, str):
            raise InputError(f"{self.where}.{key}: {value!r} must be a string")
        if of and value not in of:
            raise InputError(f"{self.where}.{key}: {value!r} must be one of {', '.join(of)}")
        return value

    def maybe_text(self, key: str, of: tuple[str, ...]) -> str | None:
        """Return a string or None if the key is left out."""
        return self.text(key, of=of) if key in self.values else None

    def maybe_number(
        self, key: str, low: float, high: float, *, closed: bool = True
    ) -> float | None:
        """Return a number within [low, high] (or (low, high)), or None if left out."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{self.where}.{key}: {value!r} must be a number")
        inside = low <= value <= high if closed else low < value < high
        if not inside:
            left, right = ("[", "]") if closed else ("(", ")")
            raise InputError(
                f"{self.where}.{key}: {value!r} must lie in {left}{low:g}, {high:g}{right}"
            )
        return float(value)

    def number(
        self,
        key: str,
        low: float,
        high: float,
        *,
        default: float | None = None,
        closed: bool = True,
    ) -> float:
        """Return a number, as `maybe_number`, or the default, or raise if left out."""
        value = self.maybe_number(key, low, high, closed=closed)
        if value is None:
            value = default
        if value is None:
            raise self._missing(key)
        return value

    def flag(self, key: str) -> bool:
        """Return a boolean."""
        if key not in self.values:
            raise self._missing(key)
        value = self.values[key]
        if not isinstance(value, bool):
            raise InputError(f"{self.where}.{key}: {value!r} must be true or false")
        return value

    def since(self) -> dt.datetime | None:
        """Return the date `since`, None if left out."""
        value = self.values.get("since")
        if value is None:
            return None
        try:
            return as_utc(value)
        except InputError as error:
            raise InputError(f"{self.where}.since: {error}") from None

    def listing(self, key: str) -> list[Any]:
        """Return a list, empty if left out."""
        value = self.values.get(key, [])
        if not isinstance(value, list):
            raise InputError(f"{self.where}.{key}: expected a list, got {type(value).__name__}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a tuple of strings."""
        values = self.listing(key)
        for value in values:
            if not isinstance(value, str):
                raise InputError(f"{self.where}.{key}: {value!r} must be a string")
        return tuple(values)


def _tier(values: object, where: str, cumulative: bool) -> Tier:
    r = Reader(values, where, ("cap", "maintenance_rate", "max_leverage", "amount"))
    rate = r.maybe_number("maintenance_rate", 0.0, 1.0, closed=False)
    leverage = r.maybe_number("max_leverage", 0.0, 1000.0, closed=False)
    amount = r.maybe_number("amount", 0.0, float("inf"))
    if cumulative and amount is None:
        raise InputError(f'{where}: amount is missing; deductions = "cumulative" needs it')
    if rate is not None and leverage is not None and rate > 1.0 / leverage + 1e-12:
        raise InputError(
            f"{where}: maintenance_rate {rate:g} is above the initial margin rate "
            f"{1 / leverage:g} of max_leverage {leverage:g}"
        )
    cap = r.maybe_number("cap", 0.0, float("inf"), closed=False)
    return Tier(cap, rate, amount or 0.0, leverage)


def _tiers(values: object, where: str) -> TierTable:
    r = Reader(
        values,
        where,
        (
            "since",
            "unit",
            "deductions",
            "complete",
            "source",
            "note",
            "step",
            "step_rate",
            "size_rate",
            "rows",
        ),
    )
    deductions = r.text("deductions", of=DEDUCTIONS)
    rows = r.listing("rows")
    if not rows:
        raise InputError(f"{where}: rows is missing; a table needs at least one tier")
    step = r.number("step", 0.0, float("inf"), default=0.0)
    step_rate = r.number("step_rate", 0.0, 1.0, default=0.0)
    if (step == 0.0) != (step_rate == 0.0):
        raise InputError(f"{where}: step and step_rate are given together or not at all")
    if step and deductions != "none":
        raise InputError(f'{where}: step needs deductions = "none"')
    table = TierTable(
        since=r.since(),
        unit=r.text("unit", of=TIER_UNITS),
        deductions=deductions,
        tiers=tuple(
            _tier(row, f"{where}.rows[{k}]", deductions == "cumulative")
            for k, row in enumerate(rows)
        ),
        complete=r.flag("complete"),
        source=r.text("source"),
        note=r.text("note", default=""),
        step=step,
        step_rate=step_rate,
        size_rate=r.number("size_rate", 0.0, 1.0, default=0.0),
    )
    for k, tier in enumerate(table.tiers[:-1]):
        if tier.cap is None:
            raise InputError(f"{where}.rows[{k}].cap: only the last tier may be open-ended")
    if step and table.tiers[-1].cap is None:
        raise InputError(f"{where}: step needs a cap on the last tier, where the steps begin")
    if table.size_rate and (len(table.tiers) > 1 or deductions != "none"):
        raise InputError(f'{where}: size_rate needs one tier and deductions = "none"')
    table.check(where)
    return table


def _formula(values: object, where: str, kind: str) -> FormulaRule:
    r = Reader(values, where, ("since", "isolated", "cross", "source"))
    names = tuple(name for name, formula in FORMULAS.items() if formula.kind == kind)
    return FormulaRule(
        r.since(), r.maybe_text("isolated", names), r.maybe_text("cross", names), r.text("source")
    )


def _fees(values: object, where: str) -> FeeSchedule:
    r = Reader(values, where, ("since", "taker", "maker", "source"))
    return FeeSchedule(
        r.since(),
        r.maybe_number("taker", -0.01, 0.1),
        r.maybe_number("maker", -0.01, 0.1),
        r.text("source"),
    )


def _feed(values: object, where: str) -> FeedRegime:
    r = Reader(values, where, ("since", "max_orders_per_second", "note", "source"))
    since = r.since()
    if since is None:
        raise InputError(f"{where}: since is missing; a feed regime needs its date")
    limit = r.maybe_number("max_orders_per_second", 0.0, float("inf"), closed=False)
    return FeedRegime(since, limit, r.text("note", default=""), r.text("source"))


def _leverage_cap(values: object, where: str) -> LeverageCap:
    r = Reader(values, where, ("since", "max_leverage", "note", "source"))
    since = r.since()
    if since is None:
        raise InputError(f"{where}: since is missing; a cut of leverage needs its date")
    return LeverageCap(
        since,
        r.number("max_leverage", 0.0, 1000.0, closed=False),
        r.text("note", default=""),
        r.text("source"),
    )


def _leverage_caps(r: Reader) -> tuple[LeverageCap, ...]:
    """Dated cuts of a contract or an aggregate, oldest first."""
    caps = tuple(
        _leverage_cap(v, f"{r.where}.leverage_caps[{k}]")
        for k, v in enumerate(r.listing("leverage_caps"))
    )
    _ordered(caps, f"{r.where}.leverage_caps")
    return caps


def _ladder(values: object, where: str) -> LadderRule:
    r = Reader(values, where, ("rule", "fraction", "threshold", "note", "source"))
    rule = r.text("rule", of=LADDER_RULES)
    fraction = r.maybe_number("fraction", 0.0, 1.0, closed=False)
    threshold = r.maybe_number("threshold", 0.0, float("inf"))
    if (rule == "fraction") != (fraction is not None and threshold is not None):
        raise InputError(
            f'{where}: rule = "fraction" needs fraction and threshold, other rules take neither'
        )
    return LadderRule(
        rule, fraction, threshold, r.text("note", default=""), r.text("source", default="")
    )


def _ordered(rules: tuple[Any, ...], where: str) -> None:
    for earlier, later in itertools.pairwise(rules):
        if later.since is None or (earlier.since is not None and earlier.since >= later.since):
            raise InputError(
                f"{where}: dates must ascend, an undated entry can only be the first; got "
                f"{later.since} after {earlier.since}"
            )


CONTRACT_KEYS = (
    "venue",
    "symbol",
    "kind",
    "base",
    "quote",
    "settle",
    "contract_size",
    "funding_interval_hours",
    "trigger_price",
    "formulas",
    "fees",
    "tiers",
    "feed",
    "leverage_caps",
    "ladder",
    "sources",
    "notes",
)


def parse_contract(values: object, where: str) -> Contract:
    """Build a contract from plain values.

    Parameters
    ----------
    values
        Mapping in the layout documented at `load_contract`.
    where
        Name of the place, for errors.

    Raises
    ------
    InputError
        Naming the key that is missing, unknown or wrong.
    """
    r = Reader(values, where, CONTRACT_KEYS)
    venue, symbol = r.text("venue"), r.text("symbol")
    where = r.where = f"{where} {venue}:{symbol}"
    kind = r.text("kind", of=KINDS)
    formulas = tuple(
        _formula(v, f"{where}.formulas[{k}]", kind) for k, v in enumerate(r.listing("formulas"))
    )
    if not formulas:
        raise InputError(f"{where}: formulas is missing; name at least one liquidation formula")
    fees = tuple(_fees(v, f"{where}.fees[{k}]") for k, v in enumerate(r.listing("fees")))
    tiers = tuple(_tiers(v, f"{where}.tiers[{k}]") for k, v in enumerate(r.listing("tiers")))
    feed = tuple(_feed(v, f"{where}.feed[{k}]") for k, v in enumerate(r.listing("feed")))
    for key, rules in (("formulas", formulas), ("fees", fees), ("tiers", tiers), ("feed", feed)):
        _ordered(rules, f"{where}.{key}")
    ladder = r.values.get("ladder")
    return Contract(
        name=f"{venue}:{symbol}",
        venue=venue,
        symbol=symbol,
        kind=kind,
        base=r.text("base"),
        quote=r.text("quote"),
        settle=r.text("settle"),
        contract_size=r.number("contract_size", 0.0, float("inf"), closed=False),
        funding_interval_hours=r.number("funding_interval_hours", 0.0, 1e4, closed=False),
        trigger_price=r.text("trigger_price", of=TRIGGER_PRICES),
        formulas=formulas,
        fees=fees,
        tiers=tiers,
        feed=feed,
        leverage_caps=_leverage_caps(r),
        ladder=NOT_DETERMINED if ladder is None else _ladder(ladder, f"{where}.ladder"),
        sources=r.texts("sources"),
        notes=r.texts("notes"),
    )


def parse_aggregate(values: object, where: str) -> AggregateContract:
    """Build an aggregate contract from plain values; errors as `parse_contract`."""
    r = Reader(values, where, ("name", "base", "funding_interval_hours", "leverage_caps", "legs"))
    legs = tuple(parse_contract(v, f"{where}.legs[{k}]") for k, v in enumerate(r.listing("legs")))
    if tuple(leg.kind for leg in legs) != KINDS:
        raise InputError(f"{where}.legs: give one linear leg, then one inverse leg")
    base = r.text("base")
    for leg in legs:
        if leg.base != base:
            raise InputError(f"{where}.legs: {leg.name} has base {leg.base}, not {base}")
    return AggregateContract(
        name=r.text("name"),
        base=base,
        legs=(legs[0], legs[1]),
        funding_interval_hours=r.number(
            "funding_interval_hours", 0.0, 1e4, default=8.0, closed=False
        ),
        leverage_caps=_leverage_caps(r),
    )
