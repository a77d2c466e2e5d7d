"""Contracts by name or from a file."""

import tomllib
from functools import cache
from importlib.resources import files
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from liqbayes.contracts.aggregate import AnyContract
from liqbayes.contracts.contract import Contract
from liqbayes.contracts.schema import CONTRACT_KEYS, parse_aggregate, parse_contract
from liqbayes.errors import InputError, UnknownContractError

FILE_KEYS = ("schema", "common", "contract", "aggregate")


def load_contract(name_or_path: str | PathLike[str]) -> AnyContract:
    """Return a shipped contract by name, or the contract of a TOML file.

    Parameters
    ----------
    name_or_path
        "VENUE:SYMBOL" in the venue's spelling (`list_contracts` lists them), "aggregate:BTC",
        or the path of a file ending in .toml.

    Raises
    ------
    UnknownContractError
        A name that is not shipped; the message lists those that are.
    InputError
        A file that is missing, is no TOML, or breaks the layout below; the message names the
        key.

    Notes
    -----
    A file holds exactly one contract::

        schema = 1

        [[contract]]
        venue = "myvenue"
        symbol = "BTCUSDT"
        kind = "linear"                  # or "inverse"
        base = "BTC"
        quote = "USDT"
        settle = "USDT"
        contract_size = 1.0              # base coin if linear, USD if inverse
        funding_interval_hours = 8
        trigger_price = "mark"           # or "oracle", "last"
        sources = ["where the facts come from"]
        notes = []                       # optional

        [[contract.formulas]]            # dated, oldest first; at least one
        isolated = "linear"              # names: liqbayes.contracts.FORMULAS
        cross = "linear"                 # leave out what is not determined
        source = "..."

        [[contract.fees]]                # optional, dated; fractions
        taker = 0.0005
        maker = 0.0002
        source = "..."

        [[contract.tiers]]               # optional, dated, oldest first
        since = 2024-10-24               # UTC; leave out if the source is undated
        unit = "quote"                   # or "base", "contracts": what cap counts
        deductions = "cumulative"        # or "none": the rate holds for the whole position
        complete = true                  # whether the last row is the venue's last tier
        source = "..."
        rows = [
          {cap = 50_000, maintenance_rate = 0.004, amount = 0, max_leverage = 125},
          {maintenance_rate = 0.005, amount = 50, max_leverage = 100},   # no cap: open-ended
        ]
        # optional: step and step_rate (both rates rise by step_rate for each further step of
        # size), size_rate (both rates rise by this much per base coin), note

        [[contract.feed]]                # optional, dated
        since = 2021-04-27
        max_orders_per_second = 1.0      # leave out if unthrottled
        source = "..."

        [[contract.leverage_caps]]       # optional, dated: cuts of the highest leverage
        since = 2021-07-19
        max_leverage = 20
        note = "whom it reaches"
        source = "..."

        [contract.ladder]                # optional
        rule = "next_tier"               # "two_tiers", "fraction", "not_determined"
        source = "..."

    Amounts must obey c_k = c_(k-1) + cap_(k-1) (m_k - m_(k-1)).
    """
    name = fspath(name_or_path)
    if name.endswith(".toml"):
        return _load_file(Path(name))
    known = _shipped()
    if name not in known:
        raise UnknownContractError(
            f"unknown contract {name!r}; known are {', '.join(sorted(known))}. A file ending in "
            ".toml adds one (layout: help of load_contract)"
        )
    return known[name]


def list_contracts() -> list[str]:
    """Return the names of the shipped contracts, sorted."""
    return sorted(_shipped())


def _load_file(path: Path) -> Contract:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"contract file {path} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"contract file {path} cannot be read: {error}") from None
    contracts, aggregates = _parse(text, path.name)
    if aggregates or len(contracts) != 1:
        found = len(contracts) + len(aggregates)
        raise InputError(
            f"{path.name}: a contract file holds exactly one [[contract]], this one has {found}"
            f"{' and defines an aggregate' if aggregates else ''}"
        )
    return parse_contract(contracts[0], path.name)


@cache
def _shipped() -> dict[str, AnyContract]:
    found: dict[str, AnyContract] = {}
    aggregates: list[tuple[str, dict[str, Any]]] = []
    folder = files("liqbayes.contracts") / "venues"
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if not entry.name.endswith(".toml"):
            continue
        contracts, mixed = _parse(entry.read_text(encoding="utf-8"), entry.name)
        for values in contracts:
            contract = parse_contract(values, entry.name)
            found[contract.name] = contract
        aggregates += [(entry.name, values) for values in mixed]
    for where, values in aggregates:
        aggregate = parse_aggregate(values, where)
        found[aggregate.name] = aggregate
    return found


def _parse(text: str, where: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Read a file; give every contract the keys of [common] that it does not set itself."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{where} is no valid TOML: {error}") from None
    unknown = sorted(set(values) - set(FILE_KEYS))
    if unknown:
        raise InputError(f"{where}: unknown key {unknown[0]!r}; allowed are {', '.join(FILE_KEYS)}")
    if values.get("schema") != 1:
        raise InputError(f"{where}: schema must be 1, got {values.get('schema')!r}")
    common = values.get("common", {})
    if not isinstance(common, dict) or set(common) - set(CONTRACT_KEYS):
        raise InputError(f"{where}: [common] may only hold {', '.join(CONTRACT_KEYS)}")
    lists: list[list[dict[str, Any]]] = []
    for key in ("contract", "aggregate"):
        entries = values.get(key, [])
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise InputError(f"{where}: {key} must be written [[{key}]]")
        lists.append(entries)
    return [{**common, **entry} for entry in lists[0]], lists[1]
