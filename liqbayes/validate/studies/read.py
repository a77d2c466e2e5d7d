"""Stored studies, found by the schema of their files; damaged and unknown ones are named."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liqbayes.errors import InputError, LiqbayesError
from liqbayes.resources import find_resource
from liqbayes.validate.studies.kind import Files, Kind, Table
from liqbayes.validate.studies.kinds import KINDS

# Describes a run. It stands for the study where the study writes no JSON of its own.
_RUN = "run.json"


@dataclass(frozen=True)
class Study:
    """One stored study.

    Attributes
    ----------
    schema : str
        Its kind, a key of ``KINDS``.
    where : str
        Its JSON file, below the directory of studies.
    files : Files
    """

    schema: str
    where: str
    files: Files

    @property
    def folder(self) -> str:
        """Its folder, below the directory of studies."""
        return self.where.rpartition("/")[0]

    @property
    def kind(self) -> Kind:
        """What the study asks, and how it is put into words."""
        return KINDS[self.schema]

    @property
    def values(self) -> Mapping[str, Any]:
        """Contents of its JSON file."""
        return self.files.values

    @property
    def verdict(self) -> str:
        """The study in one line.

        Raises
        ------
        InputError
            If one of its tables is missing.
        """
        return self.kind.verdict(self.files)

    @property
    def missed(self) -> list[str]:
        """What was asked for and not reached; as ``verdict``."""
        return self.kind.missed(self.files)

    @property
    def table(self) -> Table:
        """Header and rows of what it found; as ``verdict``."""
        return self.kind.table(self.files)

    @property
    def models(self) -> list[Mapping[str, Any]]:
        """Models that it is about: ``name`` and, where known, ``version`` and ``hash``."""
        one, several = self.values.get("model"), self.values.get("models")
        if isinstance(one, Mapping):
            return [one]
        if isinstance(one, str):
            return [{"name": one}]
        if isinstance(several, Mapping):
            return [about for about in several.values() if isinstance(about, Mapping)]
        return []


@dataclass(frozen=True)
class Studies:
    """All stored studies.

    Attributes
    ----------
    directory : Path or None
        Where they were looked for; None if nowhere.
    found : tuple of Study
        In the order of their files.
    unread : tuple of str
        Files whose schema this version does not know, or that are damaged; folders whose tables
        lack the description of their run.
    """

    directory: Path | None
    found: tuple[Study, ...]
    unread: tuple[str, ...]

    def of(self, schema: str) -> tuple[Study, ...]:
        """Studies of a kind."""
        return tuple(study for study in self.found if study.schema == schema)


def read_studies(directory: Path | None = None) -> Studies:
    """Read what has been stored.

    Parameters
    ----------
    directory : Path, optional
        With one folder a study. Without it ``docs/results`` of the source tree; a wheel has none.

    Raises
    ------
    InputError
        If a directory is given and is none.
    """
    if directory is None:
        try:
            directory = find_resource("results")
        except LiqbayesError:
            return Studies(None, (), ())
    elif not directory.is_dir():
        raise InputError(f"--results is {directory}, which is no directory; give one with results.")
    found: list[Study] = []
    unread: list[str] = []
    for folder in sorted({path.parent for path in directory.rglob("*.json")}):
        described = set()
        # run.json last: it speaks only where nothing else of its schema does
        for path in sorted(folder.glob("*.json"), key=lambda p: (p.name == _RUN, p.name)):
            where = path.relative_to(directory).as_posix()
            try:
                values = json.loads(path.read_text(encoding="utf-8"))
            except (UnicodeDecodeError, json.JSONDecodeError):
                unread.append(f"{where} (damaged)")
                continue
            written = str(values.get("schema", "")) if isinstance(values, dict) else ""
            schema = written.rpartition("-")[0]
            if path.name == _RUN and schema in described:
                continue
            if schema not in KINDS:
                unread.append(f"{where} (schema {written or 'none'})")
                continue
            described.add(schema)
            found.append(Study(schema, where, Files(folder, values)))
    bare = {path.parent for path in directory.rglob("*.csv")}
    for folder in sorted(bare - {path.parent for path in directory.rglob("*.json")}):
        where = folder.relative_to(directory).as_posix()
        unread.append(f"{where} (tables without the description of their run)")
    return Studies(directory, tuple(found), tuple(unread))
