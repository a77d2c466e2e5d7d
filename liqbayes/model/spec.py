"""Frozen model specifications, read from ``models/<name>/``."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from liqbayes.errors import SpecError
from liqbayes.model.priors import Prior
from liqbayes.resources import find_resource

SCHEMA = 1
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
    "channels": {"feed_throttle": (set(THROTTLES), "mechanistic")},
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
# Leverage that a rule may fix: within it every contract and side has a level.
LEVERAGE_RANGE = (1.1, 1000.0)


@dataclass(frozen=True)
class Rule:
    """A mix of leverage fixed by hand.

    Attributes
    ----------
    leverage : tuple of float
        Descending, so that the nearest level comes first.
    share : tuple of float
        Share of what is opened at each leverage; they sum to one.
    source : str
        Where the mix is from.
    """

    leverage: tuple[float, ...]
    share: tuple[float, ...]
    source: str

    @classmethod
    def parse(cls, read: Mapping[str, Any], where: str) -> "Rule":
        """Check the section ``rule``.

        Raises
        ------
        SpecError
            If leverages repeat or leave ``LEVERAGE_RANGE``, or shares do not fit them, are not
            positive or do not sum to one.
        """
        leverage, share = read["leverage"], read["share"]
        low, high = LEVERAGE_RANGE
        if not leverage or len(set(leverage)) < len(leverage):
            raise SpecError(f"rule.leverage{where} is {list(leverage)}; give each leverage once.")
        if not all(low <= x <= high for x in leverage):
            raise SpecError(
                f"rule.leverage{where} is {list(leverage)}; allowed are {low:g} to {high:g}."
            )
        if len(share) != len(leverage) or not all(x > 0 for x in share):
            raise SpecError(
                f"rule.share{where} is {list(share)}; give {len(leverage)} positive shares, one a "
                "leverage."
            )
        if not abs(sum(share) - 1.0) < 1e-9:
            raise SpecError(f"rule.share{where} sums to {sum(share):g}; shares must sum to 1.")
        pairs = sorted(zip(leverage, share, strict=True), reverse=True)
        return cls(tuple(x for x, _ in pairs), tuple(s for _, s in pairs), read["source"])


@dataclass(frozen=True)
class ModelSpec:
    """What a model assumes, without data.

    Attributes
    ----------
    name, version, summary : str
        Identity; a released version is never edited.
    required, optional : tuple of str
        Panel columns the model needs, and those it uses when they are there.
    channels : tuple of str
        Observation channels, each scored when its columns are there.
    feed_weight : float
        Power to which the feed's likelihood is raised; 1 takes every report at face value.
    cells, entry_nodes, funding_blocks : int
        Resolution of the leverage density, of entries within a bar, number of funding regimes; of
        a rule the number of leverages, entries within a bar, and 1.
    book_age_hours, burn_in_hours, burn_in_share, minimum_bars : float
        Mean age of the book before the first bar, bars not scored at a segment's start (at most
        this share of the segment), and the shortest segment that is followed.
    book_old_share, book_old_age_hours : float
        Share of that book with another mean age, and that age.
    feed_throttle : {"mechanistic", "constant"}
        Whether reports saturate at what the venue lets through, or a constant share is reported.
    holding_classes : int
        1, or 3: slow, fast and a long-lived rest.
    walk_hours : float
        Time between steps of the random walk of the opening mix; 0 without one.
    pooling : mapping of str to tuple of str
        Parameters that several markets share in part, by pool; empty without pooling.
    turnover_walk_hours : float
        The same of the random walk of the log opening share of volume.
    leverage_caps : bool
        Whether dated cuts of venues' highest leverage move what is opened from then on.
    correlated : tuple of str
        Priors whose values, on their unconstrained scales, have one correlation with each other.
    correlation : float
        Prior correlation of any two of them.
    priors : mapping of str to Prior
    rule : Rule or None
        A mix of leverage fixed by hand in place of channels and priors, of which there are none.
    path : str
        Where the specification was read from; not part of its identity.
    """

    name: str
    version: str
    summary: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    channels: tuple[str, ...]
    feed_weight: float
    cells: int
    entry_nodes: int
    funding_blocks: int
    book_age_hours: float
    burn_in_hours: float
    burn_in_share: float
    minimum_bars: int
    book_old_share: float
    book_old_age_hours: float
    feed_throttle: str
    holding_classes: int
    walk_hours: float
    pooling: Mapping[str, tuple[str, ...]] = field(hash=False)
    turnover_walk_hours: float
    leverage_caps: bool
    correlated: tuple[str, ...]
    correlation: float
    priors: Mapping[str, Prior] = field(hash=False)
    source: Mapping[str, Any] = field(hash=False, repr=False)
    rule: Rule | None = None
    path: str = field(default="", compare=False)

    @property
    def content_hash(self) -> str:
        """SHA-256 of the specification's content, independent of layout and comments."""
        text = json.dumps(self.source, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def prior(self, name: str) -> Prior:
        """Return a prior, or say which ones the specification has."""
        if name not in self.priors:
            raise SpecError(
                f"{self.name} has no prior {name!r}; it has {', '.join(sorted(self.priors))}."
            )
        return self.priors[name]

    def to_json(self) -> str:
        """Serialise; ``from_json`` gives an equal specification."""
        return json.dumps(self.source, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "ModelSpec":
        """Rebuild a specification stored with a fit."""
        return cls.from_mapping(json.loads(text))

    @classmethod
    def from_mapping(cls, table: Mapping[str, Any], path: str = "") -> "ModelSpec":
        """Validate a parsed ``spec.toml``.

        Raises
        ------
        SpecError
            Naming the field that is missing, unknown or out of range.
        """
        where = f" in {path}" if path else ""
        if table.get("schema") != SCHEMA:
            raise SpecError(
                f"schema is {table.get('schema')!r}{where}; this version reads {SCHEMA}."
            )
        rule = "rule" in table
        fields, optional = (RULE_FIELDS, {}) if rule else (FIELDS, OPTIONAL)
        sections = {"schema", *fields} | (set() if rule else {"priors"})
        unknown = set(table) - sections - set(optional)
        missing = sections - set(table)
        if unknown or missing:
            also = " of a rule" if rule else ""
            raise SpecError(
                f"specification{also}{where}: unknown sections {sorted(unknown)}, "
                f"missing {sorted(missing)}."
            )
        read = {
            name: _section(
                table.get(name, {}), fields.get(name, {}), optional.get(name, {}), name, where
            )
            for name in {**fields, **optional}
        }
        if rule:
            return cls._of_rule(read, table, path, where)
        channels = read["channels"]["use"]
        bad = [c for c in channels if c not in CHANNELS]
        if bad:
            raise SpecError(f"channels {bad}{where}; use {', '.join(CHANNELS)}.")
        if not isinstance(table["priors"], Mapping):
            raise SpecError(f"priors{where} is {table['priors']!r}; give one table a prior.")
        priors = {k: Prior.parse(k, v) for k, v in table["priors"].items()}
        book = read["book"]
        return cls(
            **read["model"],
            **read["columns"],
            **read["resolution"],
            channels=channels,
            feed_weight=read["channels"]["feed_weight"],
            feed_throttle=read["channels"]["feed_throttle"],
            holding_classes=read["holding"]["classes"],
            walk_hours=read["opening_mix"]["walk_hours"],
            turnover_walk_hours=read["turnover"]["walk_hours"],
            leverage_caps=read["opening_mix"]["leverage_caps"],
            book_age_hours=book["age_hours"],
            burn_in_hours=book["burn_in_hours"],
            burn_in_share=book["burn_in_share"],
            minimum_bars=book["minimum_bars"],
            book_old_share=book["old_share"],
            book_old_age_hours=book["old_age_hours"],
            pooling=_pooling(read["pooling"], priors, where),
            correlated=_correlated(read["correlation"], priors, read["pooling"], where),
            correlation=read["correlation"]["value"],
            priors=priors,
            source=dict(table),
            path=path,
        )

    @classmethod
    def _of_rule(
        cls, read: Mapping[str, dict[str, Any]], table: Mapping[str, Any], path: str, where: str
    ) -> "ModelSpec":
        """A specification without parameters: its book starts empty and every bar counts."""
        rule = Rule.parse(read["rule"], where)
        return cls(
            **read["model"],
            **read["columns"],
            **read["resolution"],
            channels=(),
            feed_weight=1.0,
            cells=len(rule.leverage),
            funding_blocks=1,
            # age of a first book that holds nothing
            book_age_hours=1.0,
            burn_in_hours=0.0,
            burn_in_share=0.0,
            minimum_bars=read["book"]["minimum_bars"],
            book_old_share=0.0,
            book_old_age_hours=1.0,
            feed_throttle="mechanistic",
            holding_classes=1,
            walk_hours=0.0,
            pooling={},
            turnover_walk_hours=0.0,
            leverage_caps=False,
            correlated=(),
            correlation=0.0,
            priors={},
            source=dict(table),
            rule=rule,
            path=path,
        )


def _pooling(
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


def _correlated(
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


def _section(
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


def list_models() -> list[str]:
    """Names of the shipped models."""
    return sorted(p.parent.name for p in find_resource("models").glob("*/spec.toml"))


def load_spec(name_or_path: str | Path) -> ModelSpec:
    """Load a shipped model by name, or any ``spec.toml`` (or its folder) by path.

    Parameters
    ----------
    name_or_path : str or Path
        One of ``list_models()``, a folder, or a TOML file.

    Raises
    ------
    SpecError
        If nothing is found, listing the shipped models, or the file is malformed.
    """
    candidate = Path(name_or_path)
    shipped = find_resource("models") / str(name_or_path) / "spec.toml"
    if candidate.is_dir() and (candidate / "spec.toml").is_file():
        path = candidate / "spec.toml"
    elif candidate.suffix == ".toml" and candidate.is_file():
        path = candidate
    elif str(name_or_path) in list_models():
        path = shipped
    else:
        raise SpecError(
            f"no model {str(name_or_path)!r}; shipped models: {', '.join(list_models())}. "
            "A path to a spec.toml or its folder works too."
        )
    return ModelSpec.from_mapping(_resolved(path), str(path))


def _resolved(path: Path) -> dict[str, Any]:
    """A parsed ``spec.toml``, laid over the specification that it extends, if it extends one.

    ``[extends]`` names a shipped model and the hash of its content, so that what is built on
    cannot change unnoticed.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{path} is not valid TOML: {error}.") from None
    base = table.pop("extends", None)
    if base is None:
        return table
    if not isinstance(base, Mapping) or set(base) != {"name", "hash"}:
        raise SpecError(f"extends in {path} is {base!r}; give name and hash of a shipped model.")
    parent = load_spec(str(base["name"]))
    if parent.content_hash != base["hash"]:
        raise SpecError(
            f"{path} extends {base['name']} with hash {base['hash']}; this one has "
            f"{parent.content_hash}."
        )
    out = dict(parent.source)
    for section, values in table.items():
        merges = isinstance(values, Mapping) and isinstance(out.get(section), Mapping)
        out[section] = {**out[section], **values} if merges else values
    return out


def model_card(spec: ModelSpec) -> str | None:
    """Text of the card beside a specification; None where there is none."""
    card = Path(spec.path).parent / "card.md"
    # without a path (read from a fit) the specification lies nowhere, not in the working directory
    return card.read_text(encoding="utf-8") if spec.path and card.is_file() else None
