"""The true answers of a simulated market, under the names of a fit's ``summary.json``.

Totals and windows leave the first bar out, as a fit does: the book at its close is where a model
starts from, so it has no liquidations for that bar.
"""

from typing import Any

import numpy as np
import pandas as pd

from liqbayes.contracts import Contract
from liqbayes.conventions import DELTA_CONVENTION, MOVES, OPENED_WINDOWS, WINDOWS
from liqbayes.simulate.setup import Setup


def at_risk(positions: pd.DataFrame, close: float) -> dict[str, dict[str, float]]:
    """Share of each side's open interest whose level lies within an adverse move of the close.

    A position without a level counts in the open interest and never as at risk.
    """
    answer = {}
    for side, sign in (("long", 1.0), ("short", -1.0)):
        held = positions[positions["side"] == side]
        size = held["size"].to_numpy(dtype=np.float64)
        level = held["liquidation_price"].to_numpy(dtype=np.float64)
        answer[side] = {
            f"{move:g}": float(
                size[sign * (level - close * (1 - sign * move)) >= 0].sum() / size.sum()
            )
            for move in MOVES
        }
    return answer


def effective_positions(size: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    """1 / Σ share² of position sizes."""
    return float(size.sum() ** 2 / (size**2).sum())


def entry_vwap(contract: Contract, side: pd.DataFrame) -> float:
    """Average entry price: weighted by base coin for linear, harmonic in USD for inverse."""
    size, entry = side["size"].to_numpy(), side["entry_price"].to_numpy()
    if contract.kind == "linear":
        return float((size * entry).sum() / size.sum())
    return float(size.sum() / (size / entry).sum())


def make_truth(
    setup: Setup,
    positions: pd.DataFrame,
    anchored: dict[str, float],
    bars: pd.DataFrame,
    frame: pd.DataFrame,
    reported_share: dict[str, float | None],
    seed: int,
) -> dict[str, Any]:
    """Collect the truth of a market as plain JSON values.

    Parameters
    ----------
    setup : Setup
        Constants of the market.
    positions : DataFrame
        Positions at the end.
    anchored : dict
        Harmonic mean leverage of the living open interest per side.
    bars : DataFrame
        True flows per bar, see `liqbayes.simulate.bars.true_bars`.
    frame : DataFrame
        Mark price bars.
    reported_share : dict
        Reported over true liquidations per side, None without a feed or without liquidations.
    seed : int
        Seed of the market.
    """
    config, contract = setup.config, setup.contract
    close = float(frame["close"].iloc[-1])
    end = frame.index[-1] + pd.Timedelta(seconds=config.bar_seconds)
    risk = at_risk(positions, close)
    held = {side: positions[positions["side"] == side] for side in ("long", "short")}
    open_interest = {side: float(table["size"].sum()) for side, table in held.items()}
    return {
        "contract": contract.name,
        "quantity_unit": contract.quantity_unit,
        "quote_unit": contract.quote_unit,
        "as_of": end.isoformat(),
        "mark_price": close,
        "span": [frame.index[0].isoformat(), end.isoformat()],
        "seed": seed,
        "at_risk": risk,
        "at_risk_quote": {
            side: {
                move: float(contract.to_quote(share * open_interest[side], close))
                for move, share in shares.items()
            }
            for side, shares in risk.items()
        },
        **liquidation_totals(bars),
        "delta_quote": _delta_windows(bars, config.bar_seconds),
        "delta_convention": DELTA_CONVENTION,
        "average_leverage": {
            side: {"open_interest": anchored[side]}
            | _opened_leverage(bars, side, config.bar_seconds)
            for side in held
        },
        "entry_vwap": {side: entry_vwap(contract, table) for side, table in held.items()},
        "open_interest": float(open_interest["long"]),
        "effective_positions": {
            side: effective_positions(table["size"].to_numpy()) for side, table in held.items()
        },
        "rho": setup.rho,
        "kappa": setup.kappa,
        "reported_share": reported_share,
    }


def liquidation_totals(bars: pd.DataFrame) -> dict[str, Any]:
    """Liquidations over all bars but the first: ``realised_total``, ``delta_total``, ``_quote``.

    Parameters
    ----------
    bars : DataFrame
        True flows per bar, see `liqbayes.simulate.bars.true_bars`.
    """
    answer: dict[str, Any] = {}
    for unit in ("", "_quote"):
        long, short = (
            float(bars[f"{side}_liquidations{unit}"].iloc[1:].sum()) for side in ("long", "short")
        )
        answer[f"realised_total{unit}"] = {"long": long, "short": short}
        answer[f"delta_total{unit}"] = long - short
    return answer


def _seconds(window: str) -> int:
    return int(window[:-1]) * {"h": 3600, "d": 86400}[window[-1]]


def _window_rows(bars: pd.DataFrame, window: str, bar_seconds: int) -> pd.DataFrame | None:
    """Bars of the last `window`; None if they are no whole number or would hold the first bar."""
    count, rest = divmod(_seconds(window), bar_seconds)
    if rest or count == 0 or count >= len(bars):
        return None
    return bars.iloc[-count:]


def _delta_windows(bars: pd.DataFrame, bar_seconds: int) -> dict[str, float | None]:
    answer: dict[str, float | None] = {}
    for window in WINDOWS:
        rows = _window_rows(bars, window, bar_seconds)
        answer[window] = (
            None
            if rows is None
            else float(
                rows["long_liquidations_quote"].sum() - rows["short_liquidations_quote"].sum()
            )
        )
    return answer


def _opened_leverage(bars: pd.DataFrame, side: str, bar_seconds: int) -> dict[str, float | None]:
    """Harmonic mean leverage of what was opened in the last windows."""
    answer: dict[str, float | None] = {}
    for window in OPENED_WINDOWS:
        rows = _window_rows(bars, window, bar_seconds)
        if rows is None or rows[f"{side}_opened_over_leverage"].sum() <= 0:
            answer[window] = None
            continue
        weighted = rows[f"{side}_opened_over_leverage"].sum()
        answer[window] = float(rows[f"{side}_opened"].sum() / weighted)
    return answer
