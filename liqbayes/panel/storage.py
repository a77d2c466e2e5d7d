"""Panels as parquet files: the table, and everything else in the file's metadata."""

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from liqbayes.contracts import AnyContract, contract_from_dict
from liqbayes.errors import InputError
from liqbayes.panel.panel import MarketPanel
from liqbayes.panel.positions import positions_from_plain

_KEY = b"liqbayes.panel"
_SCHEMA = 1


def write_panel(panel: MarketPanel, path: Path) -> None:
    """Write a panel so that `restore_panel` gives it back unchanged; replaces the file at once."""
    meta = {"schema": _SCHEMA, "contract": panel.contract.to_dict(), **panel.meta()}
    table = pa.Table.from_pandas(panel.to_frame())
    table = table.replace_schema_metadata(
        {**(table.schema.metadata or {}), _KEY: json.dumps(meta, allow_nan=False).encode()}
    )
    part = path.with_name(path.name + ".part")
    try:
        pq.write_table(table, part)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(f"the panel cannot be written to {path}: {error}.") from error


def panel_metadata(path: Path) -> dict[str, Any] | None:
    """Metadata written by `write_panel`; None for any other parquet file.

    Raises
    ------
    InputError
        If they were written by a newer version or are damaged.
    """
    found = (pq.read_schema(path).metadata or {}).get(_KEY)
    if found is None:
        return None
    try:
        meta: dict[str, Any] = json.loads(found)
        schema = meta["schema"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"the panel metadata of {path} are damaged: {error!r}.") from error
    if schema != _SCHEMA:
        raise InputError(
            f"{path} has panel schema {schema}, this version reads {_SCHEMA}; upgrade liqbayes."
        )
    return meta


def stored_contract(meta: dict[str, Any]) -> AnyContract:
    """Contract written into the file."""
    return contract_from_dict(meta["contract"])


def restore_panel(frame: pd.DataFrame, meta: dict[str, Any], contract: AnyContract) -> MarketPanel:
    """Rebuild a panel from its table and metadata; validated again."""
    return MarketPanel.from_frame(
        frame,
        contract,
        provenance=meta["provenance"],
        positions=positions_from_plain(meta["positions"]),
        bar_seconds=meta["bar_seconds"],
    )
