"""Topics of an analysis: read from the directory that `liqbayes analyse` wrote."""

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from liqbayes.analysis import SECTIONS, Options, Section
from liqbayes.analysis.write import MAIN, SCHEMA
from liqbayes.errors import InputError

# What has to agree between a fit's summary and an analysis of it.
_SAME = ("contract", "model", "as_of", "mark_price", "panel_hash", "sampler")


def fitting_analysis(directory: Path, summary: dict[str, Any]) -> str:
    """Why the analysis in a directory is not one of this fit; empty if it is.

    Parameters
    ----------
    directory : Path
    summary : dict
        ``summary.json`` of the fit.
    """
    try:
        values = _main(directory)
    except InputError as error:
        return str(error)
    other = [key for key in _SAME if values.get(key) != summary.get(key)]
    return f"{directory} is an analysis of another fit: it differs in {other[0]}." if other else ""


def analysis_command(directory: Path, name: str) -> str:
    """Command line that makes the analysis in a directory from the fit of that name.

    Only what differs from the defaults is spelled out. An analysis that a version wrote which did
    not keep its options has no more than the command's name.
    """
    made = _main(directory).get("options", {})
    usual = asdict(Options())
    words = ["liqbayes", "analyse", name]
    for key in ("draws", "seed", "insurance_fund"):
        if key in made and made[key] != usual[key]:
            words += [f"--{key.replace('_', '-')}", str(made[key])]
    for key, option in (("windows", "--window"), ("horizons", "--horizon")):
        if key in made and list(made[key]) != list(usual[key]):
            words += [word for value in made[key] for word in (option, str(value))]
    return shlex.join(words)


def missing_topics(directory: Path) -> tuple[str, ...]:
    """Topics of `liqbayes analyse` that the analysis in a directory was told to leave out."""
    there = _main(directory)["sections"]
    return tuple(name for name in SECTIONS if name not in there)


def read_sections(directory: Path) -> tuple[Section, ...]:
    """Read what `liqbayes.analysis.write_analysis` wrote.

    Raises
    ------
    InputError
        If the directory is no analysis, or a table is missing or cannot be read.
    """
    out = []
    try:
        for name, s in _main(directory)["sections"].items():
            tables = {str(k): _table(directory, str(file)) for k, file in s["tables"].items()}
            out.append(
                Section(
                    str(name),
                    str(s["title"]),
                    tables,
                    tuple(map(str, s["findings"])),
                    tuple(map(str, s["conventions"])),
                    {str(k): str(v) for k, v in s["units"].items()},
                    tuple(map(str, s["cautions"])),
                )
            )
    except (KeyError, TypeError, AttributeError):
        raise InputError(
            f"{directory / MAIN} is no analysis of this version; run `liqbayes analyse` again."
        ) from None
    return tuple(out)


def _main(directory: Path) -> dict[str, Any]:
    path = directory / MAIN
    if not path.is_file():
        raise InputError(
            f"{directory} has no {MAIN}; give a directory that `liqbayes analyse` wrote."
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no valid JSON: {error}.") from None
    if not isinstance(values, dict) or values.get("schema") != SCHEMA:
        raise InputError(f"{path} is no analysis of this version; run `liqbayes analyse` again.")
    return values


def _table(directory: Path, name: str) -> pd.DataFrame:
    """A table of the directory itself; a name that leads elsewhere is refused."""
    path = directory / name
    if Path(name).name != name or not path.is_file():
        raise InputError(f"{directory} has no table {name!r}; run `liqbayes analyse` again.")
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from None
