"""Sections on what the model is: purpose, data, theory, parameters, alternatives."""

import json
import math
import re
import tomllib
from collections.abc import Callable
from typing import Any

import xarray as xr

from liqbayes.cite.works import bases_of
from liqbayes.model import ModelSpec, list_models, load_spec
from liqbayes.model.priors import Prior
from liqbayes.model.spec import model_card
from liqbayes.resources import find_resource
from liqbayes.validate.document.lineage import lineage, origins
from liqbayes.validate.document.outcomes import latest
from liqbayes.validate.document.results import Results
from liqbayes.validate.markdown import items, missing, sunk, table

# Uses that no model of this package is for, whatever its card adds.
NOT_INTENDED = (
    "Trading on single levels, or any order placed because a level is near.",
    "Statements about an individual account: its liquidation price depends on what only its venue "
    "knows.",
    "Causal claims: that price is drawn to levels, or that liquidations moved it.",
    "Forecasts of price.",
    "A sole source of margin, capital or limits: scale rests on priors and on the form of the "
    "model, as its outputs say.",
)


def card_section(spec: ModelSpec, heading: str) -> str | None:
    """One section of a model's card; None where there is no card or no such section."""
    card = model_card(spec) or ""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", card, re.M | re.S)
    return found.group(1).strip() if found else None


def purpose(spec: ModelSpec) -> str:
    """Purpose, and uses that are not intended."""
    text = card_section(spec, "Purpose and limits")
    return "\n\n".join(
        [
            spec.summary,
            text or missing("No card with a section on purpose lies beside the specification."),
            "Not intended:",
            items(NOT_INTENDED),
        ]
    )


def data_lineage(spec: ModelSpec, fit: xr.DataTree | None) -> str:
    """Columns, checks, and of a fit where its numbers come from."""
    parts = [
        table(
            ("columns", "which"),
            [
                ("needed", ", ".join(("open", "high", "low", "close", *spec.required))),
                ("used if there", ", ".join(spec.optional) or "none"),
                ("scored", ", ".join(spec.channels) or "none: a rule"),
            ],
        ),
        "Prices are in quote units; volume, open interest and liquidations one-sided in the "
        "contract's quantity unit. A panel is validated when read (order, spacing, signs, high and "
        "low, units against each other); unknown is never zero; bars without price or volume end a "
        "segment, and no change over a gap of open interest is scored as one bar. Each conversion, "
        "column left out and figure of another venue is kept in the panel's provenance.",
    ]
    if fit is None:
        parts.append(missing("No fit was given (`--fit DIR`), so no panel's origin is listed."))
        return "\n\n".join(parts)
    meta = json.loads(fit.attrs["panel_meta"])
    origin: dict[str, Any] = meta["provenance"]
    time = fit["panel"]["time"].to_numpy()
    parts += [
        "The panel of the given fit:",
        table(
            ("item", "value"),
            [
                ("contract", json.loads(fit.attrs["contract"]).get("name", "")),
                ("bars", f"{time.size} of {meta['bar_seconds']} s, {time[0]} to {time[-1]} UTC"),
                ("SHA-256", fit.attrs["panel_hash"]),
                *((key, json.dumps(value)) for key, value in sorted(origin.items())),
            ],
        ),
    ]
    return "\n\n".join(parts)


def theory(spec: ModelSpec, results: Results) -> str:
    """What is assumed, with the test of each assumption and its latest published outcome."""
    parts = []
    for heading in ("The rule", "What it adds to baseline", "What it adds to standard"):
        text = card_section(spec, heading)
        if text:
            parts += [f"### {heading}", sunk(text)]
    for each in lineage(spec):
        text = card_section(each.spec, "Assumptions")
        if text:
            parts += [f"### Assumptions of {each.spec.name} {each.spec.version}", text]
    rows = [
        (
            entry["assumption"],
            f"`{entry['explained']}`",
            ", ".join(f"`{name}`" for name in entry["tests"]),
            latest(entry.get("outcome"), results),
        )
        for entry in assumptions(spec)
    ]
    parts += [
        "### Tests",
        "Paths are those of the source tree; a wheel has neither tests nor explanation. That a "
        "test exists is checked; whether it passes is for whoever runs it: `pytest PATH`.",
        table(("assumption", "explained in", "tested by", "latest published outcome"), rows),
    ]
    return "\n\n".join(parts)


def assumptions(spec: ModelSpec) -> list[dict[str, Any]]:
    """Assumptions of the parts that a model is made of."""
    path = find_resource("validate", "document", "assumptions.toml")
    has = {"any", *bases_of(spec), *(["rule"] if spec.rule is not None else [])}
    read = tomllib.loads(path.read_text(encoding="utf-8"))
    return [entry for entry in read.values() if entry["of"] in has]


def parameters(spec: ModelSpec) -> str:
    """Every prior with its value and source, and the chain of inheritance."""
    chain = lineage(spec)
    parts = [
        "### Inheritance",
        table(
            ("specification", "version", "SHA-256 of its content", "extends, pinned by hash"),
            [
                (e.spec.name, e.spec.version, f"`{e.spec.content_hash}`", f"`{e.pinned or '-'}`")
                for e in chain
            ],
        ),
        "A specification is read only if what it extends has the hash that it names.",
    ]
    if spec.rule is not None:
        mix = zip(spec.rule.leverage, spec.rule.share, strict=True)
        return "\n\n".join(
            [
                *parts,
                "### Fixed mix",
                table(("leverage", "share"), [(f"{x:g}x", f"{share:g}") for x, share in mix]),
                f"Source: {spec.rule.source}",
            ]
        )
    source = origins(spec)
    rows = [
        (
            f"`{prior.name}`" + (f" ({', '.join(prior.labels)})" if prior.labels else ""),
            in_words(prior),
            prior.unit,
            prior.description,
            prior.source,
            f"{source[name].name} {source[name].version}",
        )
        for name, prior in spec.priors.items()
    ]
    parts += [
        f"### Priors ({len(rows)})",
        table(("parameter", "prior", "unit", "meaning", "source", "given by"), rows),
    ]
    if spec.correlated:
        names = ", ".join(f"`{name}`" for name in spec.correlated)
        parts.append(f"Correlated by {spec.correlation:g} on their scales: {names}.")
    settings = {
        k: v for k, v in spec.source.items() if k not in ("schema", "model", "columns", "priors")
    }
    parts += [
        "### Settings that are not inferred",
        table(
            ("section", "field", "value"),
            [(s, f, json.dumps(v)) for s, fields in settings.items() for f, v in fields.items()],
        ),
    ]
    return "\n\n".join(parts)


def in_words(prior: Prior) -> str:
    """Distribution, centre on the natural scale, and 90 % interval of each value."""
    natural: dict[str, Callable[[float], float]] = {
        "normal": lambda x: x,
        "lognormal": math.exp,
        "logitnormal": lambda x: 1.0 / (1.0 + math.exp(-x)),
    }
    back = natural[prior.distribution]
    pairs = dict.fromkeys(zip(prior.location, prior.sigma, strict=True))
    ranges = [
        f"{back(x):.3g} [{back(x - 1.645 * s):.3g}, {back(x + 1.645 * s):.3g}]" for x, s in pairs
    ]
    return f"{prior.distribution}, median [90 %]: {'; '.join(ranges)}"


def alternatives(spec: ModelSpec, results: Results) -> str:
    """Other shipped models and rules, and what comparisons said."""
    others = [load_spec(name) for name in list_models() if name != spec.name]
    rows = [
        (
            other.name,
            other.version,
            "rule" if other.rule is not None else "sampled",
            other.summary,
            f"`{other.content_hash[:12]}`",
        )
        for other in others
    ]
    return "\n\n".join(
        [
            table(("model", "version", "kind", "what it is", "hash"), rows),
            latest("liqbayes-compare", results) + ".",
            "`liqbayes fit --model fixed-mix` runs the usual rule over the same panel; "
            "`liqbayes review --challenge` fits another form of the model beside a fit.",
        ]
    )
