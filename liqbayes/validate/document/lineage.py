"""What a specification extends, and which of its priors come from where."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liqbayes.model import ModelSpec, load_spec


@dataclass(frozen=True)
class Ancestor:
    """One specification of a chain.

    Attributes
    ----------
    spec : ModelSpec
        With all that it inherits.
    own : frozenset of str
        Priors that its own file gives.
    pinned : str
        Hash of what it extends, as its file says; empty if it extends nothing.
    """

    spec: ModelSpec
    own: frozenset[str]
    pinned: str


def lineage(spec: ModelSpec) -> tuple[Ancestor, ...]:
    """A specification and what it extends, from itself to the root.

    Parameters
    ----------
    spec : ModelSpec
        With a path; of one without (read from a fit) nothing is known of its descent.
    """
    if not spec.path:
        return (Ancestor(spec, frozenset(spec.priors), ""),)
    written: dict[str, Any] = tomllib.loads(Path(spec.path).read_text(encoding="utf-8"))
    own = frozenset(written.get("priors", {}))
    base = written.get("extends")
    if base is None:
        return (Ancestor(spec, own, ""),)
    return (Ancestor(spec, own, base["hash"]), *lineage(load_spec(base["name"])))


def origins(spec: ModelSpec) -> dict[str, ModelSpec]:
    """For every prior, the specification whose file gives it: the nearest in the chain."""
    chain = lineage(spec)
    return {
        name: next((each.spec for each in chain if name in each.own), chain[-1].spec)
        for name in spec.priors
    }
