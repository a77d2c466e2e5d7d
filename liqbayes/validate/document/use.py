"""Sections on use: sensitivity, limits and controls, monitoring, changes, references."""

import re

import xarray as xr

from liqbayes.checks import review
from liqbayes.cite import works_of
from liqbayes.model import ModelSpec
from liqbayes.monitor import TRIGGERS
from liqbayes.outputs.context import is_rule
from liqbayes.resources import find_resource
from liqbayes.validate.document.lineage import lineage
from liqbayes.validate.document.model import card_section
from liqbayes.validate.document.outcomes import latest
from liqbayes.validate.document.results import Results
from liqbayes.validate.markdown import items, missing, sunk, table
from liqbayes.validate.studies.words import number

CONTROLS = (
    "Input: a panel, a contract or a specification that cannot be used is refused before anything "
    "is computed, with what was given and what to do (exit status 2).",
    "Convergence: R-hat, effective sample sizes, divergences and E-BFMI are held against fixed "
    "limits; a fit that misses them is marked in every file and ends with status 3.",
    "Conservation: levels and open interest are compared in every fit (`oi_conservation_error`).",
    "Prior influence: every output and every price bin carries the share of its prior variance "
    "that is left.",
    "Identity: a fit stores specification, contract, panel hash, seed and versions; a released "
    "specification is never edited.",
    "Challenge: `liqbayes review --challenge` puts a desk's tests to a fit.",
    "Monitoring: `liqbayes monitor` holds a fit against later bars (section 9).",
)


def sensitivity(spec: ModelSpec, fit: xr.DataTree | None) -> str:
    """What the priors imply, and what power scaling says of a fit."""
    parts = []
    for each in lineage(spec):
        text = card_section(each.spec, "Prior predictive")
        if text:
            parts += [f"### Prior predictive, {each.spec.name} {each.spec.version}", text]
            break
    parts.append("### Power scaling")
    if fit is None:
        parts.append(
            missing("No fit was given (`--fit DIR`); sensitivity to the prior depends on the data.")
        )
        return "\n\n".join(parts)
    if is_rule(fit):
        parts.append("A rule has no prior and no likelihood whose weight could be changed.")
        return "\n\n".join(parts)
    found = review(fit)
    parts.append(
        "Sensitivity of each output of the given fit to the prior and to each channel (Kallioinen "
        "et al. 2024, doi 10.1007/s11222-023-10366-5; below 0.05 a source hardly moves it), and "
        "the share of its prior variance that is left."
    )
    if not found.sensitivity:
        parts.append(missing("The fit has too few draws for importance sampling."))
    else:
        sources = list(next(iter(found.sensitivity.values())))
        rows = [
            (
                f"`{name}`",
                *(number(by_source[s], 2) for s in sources),
                number(found.prior_share.get(name), 2),
            )
            for name, by_source in found.sensitivity.items()
        ]
        parts.append(table(("output", *sources, "share of prior variance"), rows))

    state = "has converged" if found.converged else "has not converged: " + "; ".join(found.reasons)
    parts.append(f"The fit {state}.")
    warned = [v for v in found.verdicts if v.status != "ok"]
    if warned:
        parts += [
            "Verdicts of `liqbayes review` that are not ok:",
            table(
                ("check", "status", "value", "limit", "what it says"),
                [(v.check, v.status, number(v.value), number(v.threshold), v.text) for v in warned],
            ),
        ]
    return "\n\n".join(parts)


def limitations(spec: ModelSpec) -> str:
    """What the data identify, known failures of the chain, and controls."""
    parts = []
    for heading in ("What the data identify", "Known failures", "Assumptions that do not hold"):
        for each in lineage(spec):
            text = card_section(each.spec, heading)
            if text:
                parts += [f"### {heading}: {each.spec.name} {each.spec.version}", text]
    if not parts:
        parts.append(missing("No card with limits lies beside the specification."))
    return "\n\n".join([*parts, "### Controls", items(CONTROLS)])


def monitoring(results: Results) -> str:
    """Triggers and thresholds, and how often they sound."""
    rows = [(name, *words) for name, words in TRIGGERS.items()]
    return "\n\n".join(
        [
            "`liqbayes monitor DIR --panel NEW` filters a fit through later bars. Status 0 is "
            "green, 4 amber, 5 red. Amber: look for the cause before the next use. Red: do not "
            "use the fit; repair the data or fit again. Thresholds are constants of "
            "`liqbayes.monitor.limits`.",
            table(("trigger", "watches", "amber", "red"), rows),
            latest("liqbayes-alarms", results) + ".",
        ]
    )


def changes(spec: ModelSpec) -> str:
    """Versions of the chain, what the change log says of the model, and the whole log."""
    log = find_resource("about", "CHANGELOG.md").read_text(encoding="utf-8")
    rows = [
        (e.spec.name, e.spec.version, "released" if _released(e.spec) else "not released yet")
        for e in lineage(spec)
    ]
    return "\n\n".join(
        [
            table(("specification", "version", "state"), rows),
            "A version below 1 may still change; a released one is never edited.",
            sunk(re.sub(r"\A# Changelog\s*", "", log).strip(), 1),
        ]
    )


def _released(spec: ModelSpec) -> bool:
    return not spec.version.startswith("0.")


def references(spec: ModelSpec) -> str:
    """Works that the model rests on."""
    lines = []
    for work in works_of(spec):
        fields = work.entry.fields
        where = fields.get("journal") or fields.get("booktitle") or fields.get("howpublished", "")
        told = [fields["author"].replace(" and ", "; "), fields.get("year", ""), fields["title"]]
        told += [where, f"doi {fields['doi']}" if "doi" in fields else ""]
        told += [f"arXiv {fields['eprint']}" if "eprint" in fields else ""]
        lines.append(re.sub(r"[{}]", "", ". ".join(part for part in told if part)) + ".")
    return items(lines) + f"\n\nBibTeX: `liqbayes cite {spec.name}`."
