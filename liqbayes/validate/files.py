"""Files of a run that are replaced whole: a reader never sees half of one."""

from collections.abc import Callable
from pathlib import Path


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
