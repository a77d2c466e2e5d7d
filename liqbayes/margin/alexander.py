"""Replication of the one-day liquidation probabilities of Alexander, Deng and Zou 2023.

Alexander, Deng and Zou (2023, European Journal of Operational Research 306:478-493, doi
10.1016/j.ejor.2022.07.037, arXiv 2101.01261) count how often a position in Bybit's direct (linear)
perpetual would have been liquidated within a day, on minutes. Their numbers are known here at
second hand, their sample not at all.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.backtest.bands import LEAST_BLOCKS, ratio_band
from liqbayes.contracts import SIDES
from liqbayes.errors import InputError, NotDeterminedError
from liqbayes.margin.passage import Passage, first_passage, level_ratios, linear_ratio
from liqbayes.panel import MarketPanel

FloatArray = NDArray[np.float64]
SCHEMA = "liqbayes-alexander2023-1"
# Leverage, long, short: shares liquidated within a day.
PUBLISHED = {
    (5.0, "long"): 0.0055,
    (5.0, "short"): 0.0042,
    (20.0, "long"): 0.2272,
    (20.0, "short"): 0.2533,
    (50.0, "long"): 0.6248,
    (50.0, "short"): 0.7136,
}
LEVERAGES = (5.0, 20.0, 50.0)
# Rate of the lowest tier of the venue's linear bitcoin contract; not read in the paper.
PAPER_MAINTENANCE = 0.005
PAPER_RULES = "paper: linear, 0.5 % maintenance"
# Of the bootstrap. Volatility clusters for weeks: positions of one fortnight are hardly many.
BLOCK_DAYS = 14
# Fewer days give no block bootstrap of ten blocks.
LEAST_DAYS = 140
ALL = "all"
YES, NO, UNKNOWN = "yes", "no", "unknown"


@dataclass(frozen=True)
class AlexanderResult:
    """Shares of positions liquidated within a day.

    Attributes
    ----------
    table : DataFrame
        A row for each window, rule set, leverage and side: ``published``; ``low``, ``share``,
        ``high`` (90 % circular block bootstrap, fortnights) of positions opened at each bar's open
        and held against bar extremes; ``episodes`` (fortnights with a liquidation: below ten there
        is no interval); ``contains`` ("yes", "no", "unknown"); ``closes_1``, … (held against closes
        every so many bars); ``least`` and ``most`` (bounds for any finer bars), ``within_bounds``.
    summary : DataFrame
        Of the six published numbers, how many the intervals and the bounds of a window hold.
    notes : tuple of str
    """

    table: pd.DataFrame
    summary: pd.DataFrame
    notes: tuple[str, ...]


def replicate_alexander(panel: MarketPanel, *, seed: int = 0) -> AlexanderResult:
    """Count liquidations within a day of every bar.

    Parameters
    ----------
    panel : MarketPanel
        Bars shorter than a day that divide it.
    seed : int
        Of the bootstrap.

    Returns
    -------
    AlexanderResult
        For the whole panel, each calendar year of 140 days or more, and the last years together;
        under the rules of the panel's contract, dated as they were, and of the paper.

    Raises
    ------
    InputError
        If bars do not divide a day, or the panel is shorter than 140 days.
    """
    horizon, rest = divmod(86_400, panel.bar_seconds)
    if rest or horizon < 2:
        raise InputError(
            f"bars of {panel.bar_seconds} s do not divide a day into two or more; use hours."
        )
    if panel.n_bars < LEAST_DAYS * horizon:
        raise InputError(
            f"the panel has {panel.n_bars / horizon:.0f} days; at least {LEAST_DAYS} are needed "
            "for an interval."
        )
    steps = tuple(sorted({1, max(1, horizon // 6), horizon}))
    steps = tuple(step for step in steps if horizon % step == 0)
    out, notes = [], []
    for rules in (panel.contract.name, PAPER_RULES):
        for leverage in LEVERAGES:
            for side in SIDES:
                try:
                    ratio, said = _ratios(panel, rules, side, leverage)
                except NotDeterminedError as error:
                    notes.append(f"{rules}: {error}")
                    continue
                notes += said
                passage = first_passage(panel, side, ratio, horizon, steps)
                about = {"rules": rules, "leverage": leverage, "side": side}
                distance = abs(1.0 - float(np.median(ratio)))
                for window, keep in windows(passage.start).items():
                    row = _row(passage, keep, PUBLISHED[leverage, side], horizon, seed)
                    out.append({"window": window, **about, "distance": distance, **row})
    table = pd.DataFrame(out)
    return AlexanderResult(table, _summary(table), tuple(dict.fromkeys(notes)))


def _summary(table: pd.DataFrame) -> pd.DataFrame:
    out = []
    for (rules, window), own in table.groupby(["rules", "window"], sort=False):
        out.append(
            {
                "rules": rules,
                "window": window,
                "numbers": len(own),
                "in_interval": int((own["contains"] == YES).sum()),
                "no_interval": int((own["contains"] == UNKNOWN).sum()),
                "within_bounds": int((own["within_bounds"] == YES).sum()),
            }
        )
    return pd.DataFrame(out)


def windows(start: NDArray[np.datetime64]) -> dict[str, NDArray[np.bool_]]:
    """Entries of the whole panel, of calendar years, and from each year on to the end.

    Parameters
    ----------
    start : ndarray of datetime64, shape (entry,)
    """
    year = start.astype("datetime64[Y]").astype(int) + 1970
    day = start.astype("datetime64[D]")
    out = {ALL: np.ones(start.size, dtype=np.bool_)}
    years = [int(y) for y in np.unique(year)]
    chosen = {str(y): year == y for y in years}
    chosen |= {f"{y} on": year >= y for y in years[1:-1]}
    for name, keep in chosen.items():
        if np.unique(day[keep]).size >= LEAST_DAYS and not keep.all():
            out[name] = keep
    return out


def _ratios(
    panel: MarketPanel, rules: str, side: str, leverage: float
) -> tuple[FloatArray, tuple[str, ...]]:
    if rules == PAPER_RULES:
        return np.full(panel.n_bars, linear_ratio(side, leverage, PAPER_MAINTENANCE)), ()
    return level_ratios(panel.contract, side, leverage, panel.time)


def _row(
    passage: Passage, keep: NDArray[np.bool_], published: float, horizon: int, seed: int
) -> dict[str, Any]:
    hits = passage.extremes[keep]
    low = high = np.nan
    block = BLOCK_DAYS * horizon
    episodes = _episodes(hits, block)
    if episodes >= LEAST_BLOCKS:
        # on the log scale: a small share has no negative end
        band = ratio_band([hits], [np.ones_like(hits)], block=block, seed=seed)
        low, high = band.low, min(band.high, 1.0)
    least, most = (float(np.nanmean(x[keep])) for x in (passage.least, passage.most))
    return {
        "entries": int(np.isfinite(hits).sum()),
        "published": published,
        "low": low,
        "share": float(np.nanmean(hits)),
        "high": high,
        "episodes": episodes,
        "contains": UNKNOWN if np.isnan(low) else _word(low <= published <= high),
        **{f"closes_{k}": float(np.nanmean(x[keep])) for k, x in passage.closes.items()},
        "least": least,
        "most": most,
        "within_bounds": _word(least <= published <= most),
    }


def _episodes(hits: FloatArray, block: int) -> int:
    """Blocks of time with a liquidation; few of them cannot say how much their number varies."""
    edges = np.arange(0, hits.size, block)
    return int((np.add.reduceat(np.nan_to_num(hits), edges) > 0).sum())


def _word(value: bool | np.bool_) -> str:
    return YES if value else NO
