"""The directory of an analysis."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from liqbayes.analysis.section import Section
from liqbayes.analysis.workspace import Options
from liqbayes.errors import InputError
from liqbayes.report.directory import check_target, write_directory, write_json

SCHEMA = "liqbayes-analysis-2"
MAIN = "analysis.json"
_DIGITS = "%.10g"


def check_out(out: Path, *, force: bool) -> None:
    """Refuse a directory that may not be written, before anything is computed.

    Raises
    ------
    InputError
        If it exists and ``force`` is not set, or holds files that no analysis wrote.
    """
    check_target(out, force=force, known=_written(out))


def write_analysis(
    sections: Sequence[Section],
    out: Path,
    about: dict[str, Any],
    *,
    options: Options,
    force: bool = False,
) -> None:
    """Write ``analysis.json`` and one CSV a table, all or none.

    Parameters
    ----------
    sections : sequence of Section
    out : Path
    about : dict
        What the analysis is of: contract, model, time.
    options : Options
        With which it was made; written beside the version of liqbayes.
    force : bool
        Replace an earlier analysis.
    """
    values = {
        "schema": SCHEMA,
        **about,
        "options": asdict(options),
        "version": version("liqbayes"),
        "sections": {
            s.name: {
                "title": s.title,
                "tables": {name: f"{s.name}-{name}.csv" for name in s.tables},
                "cautions": list(s.cautions),
                "findings": list(s.findings),
                "conventions": list(s.conventions),
                "units": dict(s.units),
            }
            for s in sections
        },
    }

    def fill(directory: Path) -> None:
        write_json(directory / MAIN, values)
        for s in sections:
            for name, table in s.tables.items():
                _write_csv(directory / f"{s.name}-{name}.csv", table)

    write_directory(out, fill, force=force, known=_written(out))


def _written(out: Path) -> tuple[str, ...]:
    """Names that the analysis in a directory says it wrote."""
    path = out / MAIN
    if not path.is_file():
        return (MAIN,)
    try:
        sections = json.loads(path.read_text(encoding="utf-8"))["sections"]
        names = [str(file) for s in sections.values() for file in s["tables"].values()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path} is no analysis of liqbayes; choose another --out.") from None
    return (MAIN, *names)


def _write_csv(path: Path, table: pd.DataFrame) -> None:
    text = table.replace({np.inf: np.nan, -np.inf: np.nan})
    for column in text.select_dtypes("bool"):
        text[column] = text[column].map({True: "true", False: "false"})
    text.to_csv(path, index=False, float_format=_DIGITS, date_format="%Y-%m-%dT%H:%M:%S", na_rep="")
