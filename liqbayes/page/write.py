"""The file of a page: whole or not there, and never in the place of something else."""

import os
import tempfile
from pathlib import Path

from liqbayes.errors import InputError

#: In the head of every page; a file without it is never replaced.
MARK = '<meta name="generator" content="liqbayes report">'
# The mark stands within so many bytes.
_HEAD = 2000


def check_page(path: Path, *, force: bool) -> None:
    """Refuse a place where a page cannot or must not be written, before anything is computed.

    Parameters
    ----------
    path : Path
    force : bool
        Whether an earlier page may be replaced.

    Raises
    ------
    InputError
        If something is there and ``force`` is not set, or it is no page of liqbayes, or the
        directory cannot be written to.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise InputError(f"{path} exists and is no file; choose another --out.")
    if path.exists():
        if not force:
            raise InputError(f"{path} exists; choose another --out, or replace it with --force.")
        with path.open("rb") as file:
            head = file.read(_HEAD)
        if MARK.encode() not in head:
            raise InputError(
                f"{path} is no page that liqbayes wrote and is not replaced; choose another --out."
            )
    parent = path.resolve().parent
    existing = next(p for p in (parent, *parent.parents) if p.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(f"{existing} cannot be written to; choose another --out.")


def write_page(text: str, path: Path, *, force: bool = False) -> None:
    """Write a page beside its place, then move it there.

    Raises
    ------
    InputError
        As `check_page`, which is asked again: much time may have passed.
    """
    check_page(path, force=force)
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    number, scratch = tempfile.mkstemp(prefix=f".{target.name[:40]}-", dir=target.parent)
    try:
        with os.fdopen(number, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        # a temporary file is for its owner alone; a page is as readable as any new file
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(scratch, 0o666 & ~mask)
        os.replace(scratch, target)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
