"""The directory of a judgement, and maps as CSV."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from liqbayes.errors import InputError
from liqbayes.judge.picture import PICTURE, draw_judgement
from liqbayes.judge.referee import Judgement
from liqbayes.peers import LevelMap
from liqbayes.report.directory import check_target, write_directory, write_json

SCHEMA = "liqbayes-judge-1"
FILES = ("judge.json", "scores.csv", "verdicts.csv", PICTURE)
_DIGITS = "%.10g"


def check_out(out: Path, *, force: bool) -> None:
    """Refuse a directory that may not be written, before anything is computed."""
    check_target(out, force=force, known=FILES)


def write_judgement(found: Judgement, out: Path, *, force: bool = False) -> None:
    """Write ``judge.json``, ``scores.csv``, ``verdicts.csv`` and ``judge.png``, all or none.

    There is no picture of a map that was refused.

    Raises
    ------
    InputError
        If the directory exists and may not be replaced.
    """
    rulings = pd.DataFrame([vars(ruling) for ruling in found.rulings])
    values = {
        "schema": SCHEMA,
        "name": found.name,
        "refused": found.refused,
        "about": found.about,
        "verdicts": _plain(rulings),
        "scores": _plain(found.scores),
    }

    def fill(directory: Path) -> None:
        write_json(directory / "judge.json", values)
        found.scores.to_csv(directory / "scores.csv", index=False, float_format=_DIGITS)
        if not found.refused:
            draw_judgement(found, directory / PICTURE)
        rulings.to_csv(directory / "verdicts.csv", index=False, float_format=_DIGITS)

    write_directory(out, fill, force=force, known=FILES)


def write_map(levels: LevelMap, path: Path, *, force: bool = False) -> None:
    """Write a map as the documented CSV, whole or not at all.

    Raises
    ------
    InputError
        If the file exists and ``force`` is not set, or its directory is missing.
    """
    check_file(path, force=force)
    scratch = path.with_name(f".{path.name}")
    stamps = "%Y-%m-%dT%H:%M:%S"
    levels.table().to_csv(
        scratch, index=False, float_format=_DIGITS, date_format=stamps, compression=None
    )
    scratch.replace(path)


def check_file(path: Path, *, force: bool) -> None:
    """Refuse a place where a map cannot or must not be written."""
    if path.is_dir() or (path.exists() and not force):
        raise InputError(f"{path} exists; choose another file, or replace it with --force.")
    if not path.parent.is_dir():
        raise InputError(f"{path.parent} is no directory; make it first.")


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Records with None where a number is unknown."""
    text = table.replace({np.nan: None}).to_json(orient="records")
    records: list[dict[str, Any]] = json.loads(text)
    return records
