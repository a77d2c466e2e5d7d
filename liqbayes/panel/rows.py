"""Naming the offending rows in messages."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

_SHOWN = 4


def name_rows(mask: np.ndarray[Any, Any], stamps: pd.DatetimeIndex | None = None) -> str:
    """Text such as ``row 3 (2024-01-01 03:00:00), row 9 (...) and 12 more``.

    Parameters
    ----------
    mask : (n,) array of bool
        True at the rows to be named; rows count from 0, the header line of a CSV not counted.
    stamps : DatetimeIndex of length n, optional
        Their times.
    """
    where = np.flatnonzero(mask)
    shown = [
        f"row {i}" if stamps is None or stamps[i] is pd.NaT else f"row {i} ({stamps[i]})"
        for i in where[:_SHOWN]
    ]
    return join_some(shown, len(where))


def join_some(shown: Sequence[str], total: int) -> str:
    """Join the first few items and count the rest."""
    text = ", ".join(shown)
    return text if total <= len(shown) else f"{text} and {total - len(shown)} more"
