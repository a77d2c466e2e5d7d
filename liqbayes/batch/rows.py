"""A file of rows that grows while work is done and tells what is done already."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liqbayes.errors import InputError

HEADER, ROWS = "run.json", "rows.jsonl"


@dataclass(frozen=True)
class Rows:
    """JSON lines in a directory, one for each finished unit of work, beside what the run is.

    Attributes
    ----------
    directory : Path
    """

    directory: Path

    @classmethod
    def open(cls, directory: str | Path, identity: Mapping[str, Any], *, force: bool) -> "Rows":
        """Start a run in a new directory, or go on with the same run in an old one.

        Parameters
        ----------
        directory : str or Path
        identity : mapping
            Everything that the rows depend on; plain JSON values.
        force : bool
            Whether rows of another run may be thrown away.

        Raises
        ------
        InputError
            If the directory holds another run, or something else, and may not be replaced.
        """
        directory = Path(directory)
        rows = cls(directory)
        header = directory / HEADER
        wanted = json.loads(json.dumps(identity))
        if header.is_file():
            found = rows.identity()
            if found == wanted:
                return rows
            if not force:
                differs = sorted(
                    k for k in {*found, *wanted} if found.get(k, _ABSENT) != wanted.get(k, _ABSENT)
                )
                raise InputError(
                    f"{directory} holds another run: {', '.join(differs)} differ. Choose another "
                    "--out, or throw its rows away with --force."
                )
            (directory / ROWS).unlink(missing_ok=True)
        elif directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise InputError(f"{directory} exists and holds no run; choose another --out.")
        directory.mkdir(parents=True, exist_ok=True)
        scratch = directory / f".{HEADER}"
        scratch.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
        scratch.replace(header)
        return rows

    def identity(self) -> dict[str, Any]:
        """What the run is."""
        path = self.directory / HEADER
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read: {error}.") from None
        if not isinstance(found, dict):
            raise InputError(f"{path} describes no run.")
        return found

    def read(self) -> list[dict[str, Any]]:
        """Finished rows, in the order in which they finished; half a line at the end is dropped.

        Raises
        ------
        InputError
            If a line before the last is no JSON object.
        """
        path = self.directory / ROWS
        if not path.is_file():
            return []
        lines = path.read_text(encoding="utf-8").split("\n")
        out = []
        for i, line in enumerate(lines[:-1]):
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if not isinstance(row, dict) or "key" not in row:
                raise InputError(f"{path} is damaged at line {i + 1}.")
            out.append(row)
        return out

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a row; it is on disk when this returns."""
        path = self.directory / ROWS
        # a line that an interruption cut short must not run into the next one
        if path.is_file():
            whole = path.read_bytes()
            if whole and not whole.endswith(b"\n"):
                os.truncate(path, whole.rfind(b"\n") + 1)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, allow_nan=False) + "\n")
            file.flush()
            os.fsync(file.fileno())


_ABSENT = object()
