"""Published results of a model: read from files, never computed, missing ones said."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liqbayes.errors import InputError, LiqbayesError
from liqbayes.model import ModelSpec
from liqbayes.resources import find_resource

# schema of a result, without its number, to the kind that it is called here
KINDS = {
    "liqbayes-sbc": "sbc",
    "liqbayes-recovery": "recovery",
    "liqbayes-compare": "comparison",
    "liqbayes-backtest": "backtest",
    "liqbayes-alarms": "alarms",
}
NAMES = {
    "sbc": "simulation-based calibration",
    "recovery": "recovery on agent markets",
    "comparison": "comparison with other models",
    "backtest": "backtest",
    "alarms": "alarms of the monitor",
}
COMMANDS = {
    "sbc": "liqbayes validate sbc --model {} --out DIR",
    "recovery": "liqbayes validate recovery --model {} --out DIR",
    "comparison": "liqbayes compare PANEL --contract NAME --model {} --model OTHER --out DIR",
    "backtest": "liqbayes backtest PANEL --contract NAME --model {} --out DIR",
    "alarms": "liqbayes validate alarms --model {} --out DIR",
}
# files of a run that are no result of it
_NOT_RESULTS = ("run.json",)


@dataclass(frozen=True)
class Published:
    """One stored result that speaks about a model.

    Attributes
    ----------
    kind : str
        Of ``NAMES``.
    where : str
        Directory and file, below the directory of results.
    version, hash : str
        Of the specification that was judged; empty where the result does not say.
    current : bool
        Whether that is the specification of today, by its hash.
    values : mapping
        The file's contents.
    """

    kind: str
    where: str
    version: str
    hash: str
    current: bool
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Results:
    """All stored results that speak about one model.

    Attributes
    ----------
    directory : Path or None
        Where they were looked for; None if nowhere.
    found : tuple of Published
        In the order of their files.
    unread : tuple of str
        Files whose schema this version does not know, or that are damaged.
    """

    directory: Path | None
    found: tuple[Published, ...]
    unread: tuple[str, ...]

    def of(self, kind: str, *, current: bool = True) -> tuple[Published, ...]:
        """Results of a kind, of today's specification or of others of its name."""
        return tuple(r for r in self.found if r.kind == kind and r.current == current)


def read_results(spec: ModelSpec, directory: Path | None) -> Results:
    """Read what has been published of a model.

    Parameters
    ----------
    spec : ModelSpec
    directory : Path or None
        Directory with one folder a run. None takes ``docs/results`` of the source tree; a wheel
        has none.

    Raises
    ------
    InputError
        If a directory is given and is none.
    """
    if directory is None:
        try:
            directory = find_resource("results")
        except LiqbayesError:
            return Results(None, (), ())
    elif not directory.is_dir():
        raise InputError(f"--results is {directory}, which is no directory; give one with results.")
    found, unread = [], []
    for path in sorted(directory.rglob("*.json")):
        if path.name in _NOT_RESULTS:
            continue
        where = str(path.relative_to(directory))
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except (UnicodeDecodeError, json.JSONDecodeError):
            unread.append(f"{where} (damaged)")
            continue
        schema = values.get("schema", "") if isinstance(values, dict) else ""
        kind = KINDS.get(str(schema).rpartition("-")[0])
        if kind is None:
            unread.append(f"{where} (schema {schema or 'none'})")
            continue
        for about in _models(values):
            if about.get("name") == spec.name:
                content = str(about.get("hash", ""))
                found.append(
                    Published(
                        kind,
                        where,
                        str(about.get("version", "")),
                        content,
                        content == spec.content_hash,
                        values,
                    )
                )
    return Results(directory, tuple(found), tuple(unread))


def _models(values: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Models that a result is about: one, a name, or several by label."""
    one, several = values.get("model"), values.get("models")
    if isinstance(one, Mapping):
        return [one]
    if isinstance(one, str):
        return [{"name": one}]
    if isinstance(several, Mapping):
        return [about for about in several.values() if isinstance(about, Mapping)]
    return []
