"""What a kind of study asks, and how its files are put into words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from liqbayes.errors import InputError

Table = tuple[Sequence[str], list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Files:
    """The files of one stored study.

    Attributes
    ----------
    folder : Path
    values : mapping
        Contents of its JSON file.
    """

    folder: Path
    values: Mapping[str, Any]

    def frame(self, name: str) -> pd.DataFrame:
        """A table of the study.

        Raises
        ------
        InputError
            If it is not there, or no table.
        """
        path = self.folder / name
        try:
            return pd.read_csv(path)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path} cannot be read ({error}); a stored study needs all its tables."
            ) from error

    def rows(self, name: str, *columns: str) -> Table:
        """Columns of a table, all rows, as they are stored."""
        frame = self.frame(name)
        absent = [c for c in columns if c not in frame]
        if absent:
            raise InputError(f"{self.folder / name} has no column {', '.join(absent)}.")
        kept = frame[list(columns)] if columns else frame
        shown = kept.astype(object).where(kept.notna(), "")
        return list(kept.columns), [tuple(row) for row in shown.itertuples(index=False)]


def nothing_missed(files: Files) -> list[str]:
    """No target was set that could be missed."""
    return []


def nothing_further(files: Files) -> list[Table]:
    """One table is enough."""
    return []


def no_options(files: Files) -> str:
    """The command is the same for every study of the kind."""
    return ""


@dataclass(frozen=True)
class Kind:
    """A kind of study.

    Attributes
    ----------
    name, asks : str
        What it is called, and what it asks.
    command : str
        That makes it, with ``{model}`` where a model stands.
    page : str
        Of the documentation, below ``docs/``, that explains it.
    verdict : callable
        The study in one line.
    table : callable
        Header and rows of what it found.
    missed : callable
        What was asked for and not reached, each in a line.
    of_model : bool
        Whether it judges a model, so that every sampled model should have one.
    of_rules : bool
        Whether a rule, which has no posterior, can have one.
    pictures : sequence of str
        Files of pictures, with what they show.
    further : callable
        Tables beside the first.
    options : callable
        What a study's own command has beyond that of its kind.
    """

    name: str
    asks: str
    command: str
    page: str
    verdict: Callable[[Files], str]
    table: Callable[[Files], Table]
    missed: Callable[[Files], list[str]] = nothing_missed
    of_model: bool = True
    of_rules: bool = False
    pictures: Mapping[str, str] = field(default_factory=dict)
    further: Callable[[Files], list[Table]] = nothing_further
    options: Callable[[Files], str] = no_options
