"""Sections of a specification: what each may hold, and checks across them."""

from collections.abc import Mapping
from typing import Any

from liqbayes.errors import SpecError
from liqbayes.model.priors import Prior

CHANNELS = ("open_interest", "liquidation_feed")
TEXT, NAMES, NUMBERS, FLAG = "text", "names", "numbers", "flag"
THROTTLES = ("mechanistic", "constant")
# Groups of parameters that several markets may have in common, each to an extent of its own.
POOLS = ("leverage", "survival", "reporting")
# section -> field -> TEXT, NAMES, NUMBERS, FLAG, a set of allowed values, or (type, smallest,
# largest)
FIELDS: Mapping[str, Mapping[str, Any]] = {
    "model": {"name": TEXT, "version": TEXT, "summary": TEXT},
    "columns": {"required": NAMES, "optional": NAMES},
    "resolution": {
        "cells": (int, 8, 200),
        "entry_nodes": (int, 1, 100),
        "funding_blocks": (int, 1, 100),
    },
    "book": {
        "age_hours": (float, 1e-3, 1e6),
        "burn_in_hours": (float, 0.0, 1e6),
        "burn_in_share": (float, 0.0, 0.9),
        "minimum_bars": (int, 2, 1_000_000),
    },
    "channels": {"use": NAMES, "feed_weight": (float, 0.01, 1.0)},
}
# Fields that a specification may leave out, and what holds then.
OPTIONAL: Mapping[str, Mapping[str, tuple[Any, Any]]] = {
    "book": {
        "old_share": ((float, 0.0, 0.95), 0.0),
        "old_age_hours": ((float, 1e-3, 1e6), 1.0),
    },
    "channels": {
        "feed_throttle": (set(THROTTLES), "mechanistic"),
        "open_interest_weight": ((float, 0.01, 1.0), 1.0),
        "weight_hours": ((float, 0.0, 1e3), 0.0),
    },
    "holding": {"classes": ({1, 3}, 1)},
    "pooling": {pool: (NAMES, ()) for pool in POOLS},
    "opening_mix": {"walk_hours": ((float, 0.0, 1e6), 0.0), "leverage_caps": (FLAG, False)},
    "turnover": {"walk_hours": ((float, 0.0, 1e6), 0.0)},
    "correlation": {"among": (NAMES, ()), "value": ((float, 0.0, 0.99), 0.0)},
}
# A rule has the section ``rule`` in place of channels and priors, and nothing else to set.
RULE_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "model": FIELDS["model"],
    "columns": FIELDS["columns"],
    "resolution": {"entry_nodes": FIELDS["resolution"]["entry_nodes"]},
    "book": {"minimum_bars": FIELDS["book"]["minimum_bars"]},
    "rule": {"leverage": NUMBERS, "share": NUMBERS, "source": TEXT},
}


def pools_of(
    read: Mapping[str, tuple[str, ...]], priors: Mapping[str, Prior], where: str
) -> dict[str, tuple[str, ...]]:
    """Pools with something in them, checked against the priors."""
    pools = {pool: names for pool, names in read.items() if names}
    if not pools:
        return {}
    pooled = [name for names in pools.values() for name in names]
    # a walk's steps are those of one panel's own time
    walks = ("mix_step", "turnover_step")
    bad = sorted({n for n in pooled if n not in priors or n in walks or pooled.count(n) > 1})
    if bad:
        raise SpecError(
            f"pooling{where}: {', '.join(bad)} cannot be pooled; name each prior once, and no "
            "steps of a walk."
        )
    share = priors.get("pooled_share")
    if share is None or share.labels != tuple(pools) or share.distribution != "logitnormal":
        raise SpecError(
            f"pooling{where}: give a logitnormal prior pooled_share with the labels "
            f"{', '.join(pools)}."
        )
    return pools


def correlated_of(
    read: Mapping[str, Any],
    priors: Mapping[str, Prior],
    pooling: Mapping[str, tuple[str, ...]],
    where: str,
) -> tuple[str, ...]:
    """Names of correlated priors, of which every model with this specification has all values."""
    names: tuple[str, ...] = read["among"]
    always = ("no_level_logit", "tail_logit", "high_leverage_logit", "side_tilt")
    bad = sorted({n for n in names if n not in priors or n not in always or names.count(n) > 1})
    if bad or bool(names) != (read["value"] > 0.0):
        raise SpecError(
            f"correlation{where}: among is {list(names)} with value {read['value']:g}; name each "
            f"of {', '.join(always)} at most once, with a value above 0."
        )
    if len({next((pool for pool, own in pooling.items() if n in own), "") for n in names}) > 1:
        raise SpecError(f"correlation{where}: {', '.join(names)} must lie in one pool, or in none.")
    return names


def read_section(
    value: Any,
    fields: Mapping[str, Any],
    optional: Mapping[str, tuple[Any, Any]],
    section: str,
    where: str,
) -> dict[str, Any]:
    """Fields of one section, checked against what they must and may be."""
    if not isinstance(value, Mapping):
        raise SpecError(f"section {section}{where} is {value!r}; give {', '.join(fields)}.")
    missing = sorted(set(fields) - set(value))
    unknown = sorted(set(value) - set(fields) - set(optional))
    if missing or unknown:
        raise SpecError(f"section {section}{where}: missing {missing}, unknown {unknown}.")
    rules = {**fields, **{name: rule for name, (rule, _) in optional.items()}}
    return {
        **{name: default for name, (_, default) in optional.items()},
        **{name: _field(value[name], rules[name], f"{section}.{name}{where}") for name in value},
    }


def _field(value: Any, rule: Any, name: str) -> Any:
    if rule == TEXT:
        if not isinstance(value, str) or not value:
            raise SpecError(f"{name} is {value!r}; give a text.")
        return value
    if rule == NAMES:
        if not isinstance(value, list | tuple) or not all(isinstance(x, str) for x in value):
            raise SpecError(f"{name} is {value!r}; give a list of names.")
        return tuple(value)
    if rule == FLAG:
        if not isinstance(value, bool):
            raise SpecError(f"{name} is {value!r}; give true or false.")
        return value
    if isinstance(rule, set):
        if value not in rule or isinstance(value, bool):
            raise SpecError(f"{name} is {value!r}; use one of {', '.join(map(str, sorted(rule)))}.")
        return value
    if rule == NUMBERS:
        if not isinstance(value, list | tuple) or not all(
            isinstance(x, int | float) and not isinstance(x, bool) for x in value
        ):
            raise SpecError(f"{name} is {value!r}; give a list of numbers.")
        return tuple(float(x) for x in value)
    kind, smallest, largest = rule
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not (whole or (kind is float and isinstance(value, float))):
        raise SpecError(
            f"{name} is {value!r}; give {'a number' if kind is float else 'an integer'}."
        )
    if not smallest <= value <= largest:
        raise SpecError(f"{name} is {value}; allowed are {smallest:g} to {largest:g}.")
    return kind(value)
