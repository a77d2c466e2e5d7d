"""The validation document, in Markdown and HTML."""

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import xarray as xr

from liqbayes.errors import InputError
from liqbayes.model import ModelSpec
from liqbayes.report import write_directory
from liqbayes.validate.document import model, use
from liqbayes.validate.document.outcomes import outcomes
from liqbayes.validate.document.results import Results, judging, read_results
from liqbayes.validate.markdown import as_html, items, missing, table
from liqbayes.validate.studies import KINDS

FILES = ("validation.md", "validation.html")
GUIDANCE = (
    "The sections follow the themes of the guidance on model risk management of the US banking "
    "agencies, SR 26-2 (OCC Bulletin 2026-13), which superseded SR 11-7 in April 2026. The "
    "guidance addresses banks and does not bind; this document gathers material for whoever "
    "validates the model and claims no compliance with it. It was written by the program that it "
    "describes: an independent validation remains to be done by others."
)


def write_document(
    spec: ModelSpec,
    out: Path,
    *,
    results: Path | None = None,
    fit: xr.DataTree | None = None,
    force: bool = False,
) -> tuple[str, ...]:
    """Write ``validation.md`` and ``validation.html``, both or neither.

    Parameters
    ----------
    spec : ModelSpec
    out : Path
        Directory to write.
    results : Path, optional
        Directory of published results; otherwise those of the source tree, if there is one.
    fit : xarray.DataTree, optional
        A fit of this specification, for lineage of its data and for sensitivity.
    force : bool
        Replace a directory that this function wrote.

    Returns
    -------
    tuple of str
        What is missing, in words.

    Raises
    ------
    InputError
        If the fit is of another specification, ``results`` is no directory, or ``out`` exists.
    """
    if fit is not None and fit.attrs["spec_hash"] != spec.content_hash:
        raise InputError(
            f"the fit is of a specification with hash {fit.attrs['spec_hash'][:12]}, {spec.name} "
            f"{spec.version} has {spec.content_hash[:12]}; give a fit of the model that is "
            "documented."
        )
    found = read_results(spec, results)
    lacking = gaps(spec, found, fit)
    text = document(spec, found, fit, lacking)
    title = f"Model validation: {spec.name} {spec.version}"

    def fill(directory: Path) -> None:
        (directory / FILES[0]).write_text(text, encoding="utf-8")
        (directory / FILES[1]).write_text(as_html(text, title), encoding="utf-8")

    write_directory(out, fill, force=force, known=FILES)
    return lacking


def gaps(spec: ModelSpec, results: Results, fit: xr.DataTree | None) -> tuple[str, ...]:
    """What a reader will not find, in words."""
    out = [
        f"{KINDS[schema].name}: nothing published of this version"
        for schema in judging(spec)
        if all(r.planted for r in results.of(schema))
    ]
    if results.directory is None:
        out.append("published results: none in this installation; see --results")
    if fit is None:
        out.append("data lineage and sensitivity of a fit: none was given; see --fit")
    return tuple(out)


def document(
    spec: ModelSpec, results: Results, fit: xr.DataTree | None, lacking: tuple[str, ...]
) -> str:
    """The whole document in Markdown."""
    sections = (
        ("Purpose and uses not intended", model.purpose(spec)),
        ("Data lineage", model.data_lineage(spec, fit)),
        ("Theory and assumptions", model.theory(spec, results)),
        ("Parameters and their sources", model.parameters(spec)),
        ("Alternatives", model.alternatives(spec, results)),
        ("Outcomes analysis", outcomes(spec, results)),
        ("Sensitivity", use.sensitivity(spec, fit)),
        ("Limitations and controls", use.limitations(spec)),
        ("Monitoring", use.monitoring(results)),
        ("Changes", use.changes(spec)),
        ("References", use.references(spec)),
    )
    head = [
        f"# Model validation: {spec.name} {spec.version}",
        table(
            ("item", "value"),
            [
                ("specification", f"{spec.name} {spec.version}"),
                ("SHA-256 of its content", f"`{spec.content_hash}`"),
                ("package", f"liqbayes {version('liqbayes')}"),
                ("written", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
                ("fit", "none" if fit is None else f"of panel `{fit.attrs['panel_hash']}`"),
            ],
        ),
        GUIDANCE,
    ]
    if lacking:
        head += [missing("What this document does not have:"), items(lacking)]
    body = [f"## {i}. {name}\n\n{text}" for i, (name, text) in enumerate(sections, 1)]
    return "\n\n".join([*head, *body]) + "\n"
