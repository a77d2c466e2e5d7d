"""One page of all stored studies: what each asks, found and missed, and the command behind it."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from liqbayes.errors import InputError
from liqbayes.model import list_models, load_spec
from liqbayes.validate.files import replace_text
from liqbayes.validate.markdown import cell, items, table
from liqbayes.validate.studies.kinds import KINDS
from liqbayes.validate.studies.read import Studies, Study, read_studies

# Marks a page that this module wrote, and so may replace.
MARK = "<!-- written by liqbayes validate results -->"
_SHOWN = 12
_ROWS = 30
_LEAD = (
    "Every study that is stored beside this page, in the words of its own files: the question, the "
    "answer with its intervals, what was asked for and not reached, the picture and the command "
    "that makes it. Nothing on this page is typed by hand. What a study can and cannot show stands "
    "on the page of the documentation that it names; a result of an earlier version of a model "
    "says nothing certain of today's."
)


def write_results_page(
    out: Path, *, results: Path | None = None, docs: str | None = None, force: bool = False
) -> Studies:
    """Write the page of all stored studies, in Markdown.

    Parameters
    ----------
    out : Path
        File to write. Pictures and files are linked relative to it.
    results : Path, optional
        Directory with one folder a study; otherwise ``docs/results`` of the source tree.
    docs : str, optional
        Where the documentation lies, relative to ``out``; otherwise it is named and not linked.
    force : bool
        Replace a file that this function did not write.

    Returns
    -------
    Studies

    Raises
    ------
    InputError
        If there are no studies, a study lacks one of its tables, or ``out`` exists and this
        function did not write it.
    """
    studies = read_studies(results)
    if studies.directory is None or not studies.found:
        where = studies.directory or "this installation (a wheel has none; see --results)"
        raise InputError(f"no stored study was found in {where}.")
    if out.exists() and not force and MARK not in out.read_text(encoding="utf-8", errors="replace"):
        raise InputError(f"{out} exists and was not written by this command; see --force.")
    prefix = PurePosixPath(Path(os.path.relpath(studies.directory, out.parent)).as_posix())
    replace_text(out, results_page(studies, prefix=prefix, docs=docs))
    return studies


def results_page(studies: Studies, *, prefix: PurePosixPath, docs: str | None = None) -> str:
    """The page in Markdown.

    Parameters
    ----------
    studies : Studies
    prefix : PurePosixPath
        From the page to the directory of studies.
    docs : str, optional
        From the page to the documentation.
    """
    today = {name: load_spec(name).content_hash for name in list_models()}
    parts = [MARK, "# Results", _LEAD, _overview(studies, today)]
    for schema, kind in KINDS.items():
        found = studies.of(schema)
        if not found:
            continue
        parts.append(f"## {kind.name[0].upper()}{kind.name[1:]}")
        page = f"docs/{kind.page}.md"
        where = f"`{page}`" if docs is None else f"[{page}]({PurePosixPath(docs) / kind.page}.md)"
        parts.append(f"{kind.asks} Explained in {where}.")
        for study in found:
            parts += _section(study, today, prefix)
    if studies.unread:
        parts += [
            "## Not read",
            "Files that this version does not know or that are damaged:",
            items(f"`{cell(name)}`" for name in studies.unread),
        ]
    return "\n\n".join(parts) + "\n"


def _overview(studies: Studies, today: Mapping[str, str]) -> str:
    rows = [
        (
            study.kind.name,
            f"[{study.folder}](#{_anchor(study)})",
            _about(study, today),
            study.verdict,
            len(study.missed) or "–",
        )
        for schema in KINDS
        for study in studies.of(schema)
    ]
    return table(("study", "stored in", "of", "what it says", "not reached"), rows)


def _section(study: Study, today: Mapping[str, str], prefix: PurePosixPath) -> list[str]:
    about = _about(study, today)
    of = f"Of {about}: " if about != "–" else ""
    header, rows = study.table
    parts = [
        f"### {study.folder}",
        cell(f"{of}{study.verdict}."),
        table(header, rows[:_ROWS]),
    ]
    if len(rows) > _ROWS:
        parts.append(f"{len(rows) - _ROWS} more rows are in the files.")
    parts += [table(*each) for each in study.kind.further(study.files)]
    missed = study.missed
    if missed:
        parts += [f"Not reached ({len(missed)}):", items(cell(words) for words in missed[:_SHOWN])]
    if len(missed) > _SHOWN:
        parts.append(f"and {len(missed) - _SHOWN} more in the files.")
    folder = study.files.folder
    for name, words in study.kind.pictures.items():
        if (folder / name).is_file():
            parts.append(f"![{words}]({prefix / study.folder / name})")
    names = [m.get("name", "NAME") for m in study.models]
    command = study.kind.command.format(model=names[0] if names else "NAME")
    options = study.kind.options(study.files)
    command += f" {options}" if options else ""
    files = ", ".join(
        f"[{path.name}]({prefix / study.folder / path.name})"
        for path in sorted(folder.iterdir())
        if path.is_file()
    )
    parts.append(f"Command: `{cell(command)}`{_settings(study.values)}. Files: {files}.")
    return parts


def _anchor(study: Study) -> str:
    """What Markdown makes of the heading."""
    return re.sub(r"[^\w -]", "", study.folder.lower()).replace(" ", "-")


def _about(study: Study, today: Mapping[str, str]) -> str:
    """Models that a study is about, and whether they are today's."""
    words = []
    for model in study.models:
        name, version = str(model.get("name", "")), str(model.get("version", ""))
        if not model.get("hash"):
            age = "" if version else " of a version not stated"
        elif model["hash"] == today.get(name):
            age = ""
        else:
            age = " (not today's)" if name in today else " (not shipped)"
        words.append(f"{name} {version}".strip() + age)
    return ", ".join(words) or "–"


def _settings(values: Mapping[str, Any]) -> str:
    """What of a run's settings a reader needs to repeat it: panels, bars, draws."""
    parts = []
    for key in ("panels", "markets", "bars", "fault", "horizon", "refit", "moves", "preset"):
        value = values.get(key)
        if isinstance(value, int | str) and value != "":
            parts.append(f"{key} {value}")
    panel = values.get("panel") or values.get("run", {}).get("panel")
    if isinstance(panel, Mapping) and panel.get("contract"):
        first, last = (str(panel.get(k, ""))[:10] for k in ("first", "last"))
        parts.append(f"panel {panel['contract']}, {panel.get('bars')} bars, {first} to {last}")
    sampler = values.get("sampler") or values.get("run", {}).get("sampler") or values.get("draws")
    if isinstance(sampler, Mapping):
        parts += [f"{k} {v}" for k, v in sampler.items() if isinstance(v, int | float)]
    return f" ({_listed(parts)})" if parts else ""


def _listed(parts: Sequence[str]) -> str:
    return cell("; ".join(parts))
