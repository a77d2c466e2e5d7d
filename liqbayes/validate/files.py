"""Files of a run: what is finished in them, and replacing one whole, so that nobody reads half."""

from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path
from typing import Any

from liqbayes.batch import Rows
from liqbayes.errors import InputError


def replace_with(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file beside its place, then move it there.

    Parameters
    ----------
    path : Path
    write : callable
        Writes the path it is given.
    """
    scratch = path.with_name(f".{path.name}")
    write(scratch)
    scratch.replace(path)


def replace_text(path: Path, text: str) -> None:
    """Write text in UTF-8, whole."""
    replace_with(path, lambda scratch: scratch.write_text(text, encoding="utf-8"))


def finished_rows(rows: Rows, units: Container[str], result: str, nothing: str) -> list[Any]:
    """Rows of these units that have a result.

    Parameters
    ----------
    rows : Rows
    units : container of str
        Keys; rows of other units of the directory are left out.
    result : str
        Key that only a finished unit's row has.
    nothing : str
        What has not been done, for the error.

    Raises
    ------
    InputError
        If there is none.
    """
    done = [row for row in rows.read() if row["key"] in units]
    return need_one(done, [row for row in done if result in row], nothing)


def need_one(
    done: Sequence[Mapping[str, Any]], finished: Sequence[Mapping[str, Any]], nothing: str
) -> list[Any]:
    """The finished ones, or an error with the first one's."""
    if not finished:
        why = done[0]["error"] if done else "the budget ended before the first"
        raise InputError(f"{nothing} ({why}); there is no result yet.")
    return list(finished)
