"""A directory that is either complete or absent."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from liqbayes.errors import InputError


def check_target(target: Path, *, force: bool, known: Collection[str]) -> None:
    """Refuse a place where a report cannot or must not be written, before anything is computed.

    Parameters
    ----------
    target : Path
        Directory to be written.
    force : bool
        Whether an existing one may be replaced.
    known : collection of str
        Names of files that a report holds; a directory with others is never replaced.

    Raises
    ------
    InputError
        If it exists and `force` is not set, is a file, holds foreign files, or its parent cannot
        be written to.
    """
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise InputError(f"{target} exists and is no directory; choose another --out.")
    if target.exists():
        if not force:
            raise InputError(f"{target} exists; choose another --out, or replace it with --force.")
        foreign = sorted(p.name for p in target.iterdir() if p.name not in known)
        if foreign:
            raise InputError(
                f"{target} holds {', '.join(foreign[:5])}, which liqbayes did not write, and is "
                "not replaced; choose another --out."
            )
    parent = target.resolve().parent
    existing = next(p for p in (parent, *parent.parents) if p.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(f"{existing} cannot be written to; choose another --out.")


def write_directory(
    target: Path, fill: Callable[[Path], None], *, force: bool, known: Collection[str]
) -> Path:
    """Fill a new directory beside the target and put it in place in one step.

    Parameters
    ----------
    target : Path
    fill : callable
        Writes the files into the directory it is given.
    force, known
        As for `check_target`, which is asked again: much time may have passed.

    Returns
    -------
    Path
        The target. If anything fails, what was there before is still there.
    """
    check_target(target, force=force, known=known)
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        fresh, old = scratch / "new", scratch / "old"
        fresh.mkdir()
        fill(fresh)
        if target.exists():
            target.rename(old)
        try:
            fresh.rename(target)
        except BaseException:
            if old.exists():
                old.rename(target)
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write JSON that every reader accepts: NaN is an error, not a word."""
    text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def grid_of(summary: Mapping[str, Any]) -> dict[str, Any]:
    """``bins`` and ``price_range`` of a fit's tables, so that what follows is priced alike.

    Empty for a summary that a version wrote which did not keep them.
    """
    grid = summary.get("grid")
    if grid is None:
        return {}
    return {"bins": int(grid["bins"]), "price_range": tuple(map(float, grid["price_range"]))}


def read_summary(directory: Path) -> dict[str, Any]:
    """Read ``summary.json`` of a report.

    Raises
    ------
    InputError
        If the directory is no report.
    """
    path = directory / "summary.json"
    if not path.is_file():
        raise InputError(
            f"{directory} has no summary.json; give a directory that `liqbayes fit` wrote."
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path} is no valid JSON: {error}.") from None
    if not isinstance(values, dict) or "schema" not in values:
        raise InputError(f"{path} is no summary of liqbayes: it has no key 'schema'.")
    return values
