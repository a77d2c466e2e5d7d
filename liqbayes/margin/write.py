"""Tables of a run, each file whole."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from liqbayes.report.directory import write_json
from liqbayes.validate.files import replace_with


def write_tables(
    out: Path, tables: Mapping[str, pd.DataFrame], about: Mapping[str, Any] | None = None
) -> None:
    """Write tables as CSV, and ``summary.json``, into the directory of a run.

    Parameters
    ----------
    out : Path
    tables : mapping of str to DataFrame
        By file name without ending; an empty one is left out.
    about : mapping, optional
        Plain JSON values.

    Notes
    -----
    A margin that no finite amount meets is written as ``inf``, what is unknown as an empty field.
    """
    for name, table in tables.items():
        if len(table.columns):
            replace_with(out / f"{name}.csv", _writer(table))
    if about is not None:
        replace_with(out / "summary.json", lambda path: write_json(path, dict(about)))


def _writer(table: pd.DataFrame) -> Any:
    text = table.copy()
    for column in text.select_dtypes("number"):
        values = text[column].to_numpy()
        if values.dtype.kind == "f":
            text[column] = [_number(v) for v in values]
    for column in text:
        if text[column].map(lambda v: isinstance(v, bool | np.bool_)).any():
            text[column] = text[column].map({True: "true", False: "false"})
    return lambda path: text.to_csv(path, index=False, na_rep="")


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.6g}"
