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
from liqbayes.model.sections import (
    CHANNELS,
    FIELDS,
    OPTIONAL,
    RULE_FIELDS,
    correlated_of,
    pools_of,
    read_section,
)
from liqbayes.resources import find_resource

SCHEMA = 1
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
    feed_weight, open_interest_weight : float
        Powers to which the likelihoods of the feed and of open interest are raised; 1 takes every
        bar at face value.
    weight_hours : float
        Shorter bars share the weight of one of this length; 0 gives every bar its own.
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
    open_interest_weight: float
    weight_hours: float
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
            name: read_section(
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
            open_interest_weight=read["channels"]["open_interest_weight"],
            weight_hours=read["channels"]["weight_hours"],
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
            pooling=pools_of(read["pooling"], priors, where),
            correlated=correlated_of(read["correlation"], priors, read["pooling"], where),
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
            open_interest_weight=1.0,
            weight_hours=0.0,
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
