"""Leverage and entry prices, posterior and prior, as densities that a figure can draw."""

from typing import Any

import numpy as np
import pandas as pd

SIDES = ("long", "short")
WEIGHTINGS = {"open_interest": "what is open", "opened": "what was opened"}


def leverage_data(table: pd.DataFrame) -> dict[str, Any]:
    """Share per doubling of leverage, by weighting and side.

    Parameters
    ----------
    table : DataFrame
        ``leverage.csv``.

    Returns
    -------
    dict
        By weighting and side: ``edges`` (ratio) and ``posterior`` and ``prior``, each low, median
        and high (cell), per doubling; ``outside``: low, median and high of what lies in cells
        without a limit, which have no density. Of a rule, whose leverages are fixed, ``at`` in
        place of ``edges`` and the plain shares.
    """
    out: dict[str, Any] = {}
    for weighting in WEIGHTINGS:
        rows = table[table["weighting"] == weighting]
        out[weighting] = {s: _leverage(rows[rows["side"] == s]) for s in SIDES}
    return out


def entry_data(table: pd.DataFrame) -> dict[str, Any]:
    """Share per 1 % of price by side, from ``entry.csv``; as `leverage_data`."""
    out = {}
    for side in SIDES:
        rows = table[table["side"] == side]
        low, high = (rows[n].to_numpy(float) for n in ("price_low", "price_high"))
        width = 100.0 * np.log(high / low)
        out[side] = {
            "edges": np.append(low, high[-1:]).tolist(),
            **{name: _quantiles(rows, column, width) for name, column in _KINDS},
        }
    return out


_KINDS = (("posterior", "share"), ("prior", "prior"))


def _leverage(rows: pd.DataFrame) -> dict[str, Any]:
    low, high = (rows[n].to_numpy(float) for n in ("leverage_low", "leverage_high"))
    if rows.empty or not np.allclose(low[1:], high[:-1]):
        one = np.ones(len(rows))
        return {
            "at": [_plain(v) for v in np.where(np.isfinite(high), high, low)],
            **{name: _quantiles(rows, column, one) for name, column in _KINDS},
        }
    inner = (low > 0) & np.isfinite(high)
    inside = rows[inner]
    width = np.log2(high[inner] / low[inner])
    return {
        "edges": np.append(low[inner], high[inner][-1:]).tolist(),
        **{name: _quantiles(inside, column, width) for name, column in _KINDS},
        "outside": [
            {
                "low": _plain(row["leverage_low"]),
                "high": _plain(row["leverage_high"]),
                "share": [_plain(row[n]) for n in ("share_lo", "share", "share_hi")],
            }
            for _, row in rows[~inner].iterrows()
        ],
    }


def _quantiles(rows: pd.DataFrame, column: str, width: Any) -> list[list[float | None]]:
    names = (f"{column}_lo", column, f"{column}_hi")
    return [[_plain(v) for v in rows[name].to_numpy(float) / width] for name in names]


def _plain(value: Any) -> float | None:
    """Six digits, which a figure cannot show; None where unknown."""
    number = float(value)
    return float(f"{number:.6g}") if np.isfinite(number) else None
