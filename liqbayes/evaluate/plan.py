"""What an evaluation is: one TOML file with panels and settings."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from liqbayes.backtest import BacktestPlan
from liqbayes.errors import InputError
from liqbayes.events import EventPlan
from liqbayes.panel import MarketPanel, read_panel
from liqbayes.resources import DEFAULT_MODEL

#: Studies of a panel, in the order in which they run.
STUDIES = ("backtest", "events", "rules")
_MARKET = ("file", "contract", "columns", "since", "until", "refit", "sample_every")
_WHOLE = ("draws", "tune", "chains", "seed")


@dataclass(frozen=True)
class Market:
    """One panel of an evaluation.

    Attributes
    ----------
    name : str
        What its studies are called by.
    file : Path
    contract : str
    columns : mapping of str to str
        As ``--column`` of the commands.
    since, until : str or None
    refit : str
        Time between fits.
    sample : str or None
        Time between fits that are sampled, see ``BacktestPlan``.
    """

    name: str
    file: Path
    contract: str
    columns: Mapping[str, str] = field(default_factory=dict)
    since: str | None = None
    until: str | None = None
    refit: str = "1D"
    sample: str | None = None

    def panel(self) -> MarketPanel:
        """Read it; as ``read_panel``."""
        return read_panel(
            self.file,
            contract=self.contract,
            columns=dict(self.columns),
            since=self.since,
            until=self.until,
        )


@dataclass(frozen=True)
class EvaluationPlan:
    """Panels, studies and settings.

    Attributes
    ----------
    markets : tuple of Market
    model : str
        Name of a model, or path of a specification.
    studies : tuple of str
        Of ``STUDIES``.
    tasks : tuple of str
        Of the backtest.
    draws, tune, chains, seed : int
        Of every fit.
    """

    markets: tuple[Market, ...]
    model: str = DEFAULT_MODEL
    studies: tuple[str, ...] = STUDIES
    tasks: tuple[str, ...] = ("conditional", "conditional-oi")
    draws: int = 250
    tune: int = 400
    chains: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        if not self.markets:
            raise InputError("the plan has no [market.NAME]; give at least one panel.")
        _of("studies", self.studies, STUDIES)

    def backtest(self, market: Market, panel: MarketPanel) -> BacktestPlan:
        """The backtest of a panel; as ``BacktestPlan``."""
        return BacktestPlan(
            self.model,
            panel,
            refit=market.refit,
            sample=market.sample,
            tasks=self.tasks,
            draws=self.draws,
            tune=self.tune,
            chains=self.chains,
            seed=self.seed,
        )

    def events(self, market: Market, panel: MarketPanel) -> EventPlan:
        """The event studies of a panel, a fit as often as one is sampled; as ``EventPlan``."""
        return EventPlan(
            self.model,
            panel,
            refit=market.sample or market.refit,
            draws=self.draws,
            tune=self.tune,
            chains=self.chains,
            seed=self.seed,
        )


def read_plan(path: str | Path) -> EvaluationPlan:
    """Read an evaluation's file.

    Parameters
    ----------
    path : str or Path
        TOML: ``model``, ``studies``, ``tasks``, ``refit``, ``sample_every``, ``draws``, ``tune``,
        ``chains``, ``seed``, all optional, and for each panel ``[market.NAME]`` with ``file``
        (relative to the plan), ``contract`` and, optional, ``columns`` (a table), ``since``,
        ``until``, ``refit`` and ``sample_every``.

    Raises
    ------
    InputError
        If it cannot be read, a key is unknown or missing, or a value has another type.
    """
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the plan {path} cannot be read: {error.strerror or error}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no valid TOML: {error}.") from None
    markets = table.pop("market", {})
    if not isinstance(markets, dict) or not all(isinstance(m, dict) for m in markets.values()):
        raise InputError(f"{path}: give each panel as a table [market.NAME].")
    known: dict[str, type] = {"model": str, "studies": list, "tasks": list}
    known |= {"refit": str, "sample_every": str, **{name: int for name in _WHOLE}}
    _check(table, known, str(path))
    shared: dict[str, Any] = {
        key: table.pop(key) for key in ("refit", "sample_every") if key in table
    }
    for key in ("studies", "tasks"):
        if key in table:
            table[key] = tuple(str(x) for x in table[key])
    return EvaluationPlan(
        tuple(
            _market(name, {**shared, **given}, path.parent, f"{path}, [market.{name}]")
            for name, given in markets.items()
        ),
        **table,
    )


def _market(name: str, table: Mapping[str, Any], folder: Path, where: str) -> Market:
    types = {key: dict if key == "columns" else str for key in _MARKET}
    _check(table, types, where)
    missing = [key for key in ("file", "contract") if key not in table]
    if missing:
        raise InputError(f"{where} lacks {', '.join(missing)}.")
    if not name.replace("-", "").replace("_", "").isalnum():
        raise InputError(f"{where}: name a market by letters, digits, - and _, such as btc.")
    given = dict(table)
    sample = given.pop("sample_every", None)
    columns = {str(k): str(v) for k, v in given.pop("columns", {}).items()}
    file = folder / given.pop("file")
    return Market(name, file, columns=columns, sample=sample, **given)


def _check(table: Mapping[str, Any], types: Mapping[str, type], where: str) -> None:
    _of(where, tuple(table), tuple(types))
    for key, value in table.items():
        if not isinstance(value, types[key]) or isinstance(value, bool):
            raise InputError(f"{where}: {key} is {value!r}; give a {_NAMES[types[key]]}.")


_NAMES = {str: "text", int: "whole number", list: "list", dict: "table"}


def _of(what: str, given: Sequence[str], allowed: Sequence[str]) -> None:
    unknown = [name for name in given if name not in allowed]
    if unknown:
        raise InputError(f"{what}: {', '.join(unknown)}; use {', '.join(allowed)}.")
