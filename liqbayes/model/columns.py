"""Columns of a panel and its history, and what is read off them bar by bar."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.contracts import AggregateContract, Contract
from liqbayes.errors import InputError
from liqbayes.model.spec import ModelSpec
from liqbayes.panel import MarketPanel

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# Funding is compared with its usual anchor of 0.01 % per 8 h and a spread of 0.02 %.
FUNDING_ANCHOR, FUNDING_SPREAD = 1e-4, 2e-4


class Columns:
    """Columns of history and panel, one after the other."""

    def __init__(self, panel: MarketPanel, history: MarketPanel | None) -> None:
        self.panel = panel
        self.history = history
        if history is not None:
            self._check(panel, history)
        self.n_history = 0 if history is None else history.n_bars
        self.n_bars = panel.n_bars + self.n_history

    @staticmethod
    def _check(panel: MarketPanel, history: MarketPanel) -> None:
        if history.bar_seconds != panel.bar_seconds or history.contract != panel.contract:
            raise InputError("history must have the panel's contract and bar length.")
        gap = (panel.time[0] - history.time[-1]) / np.timedelta64(1, "s")
        if int(gap) != panel.bar_seconds:
            raise InputError(
                f"history ends at {history.time[-1]}, the panel begins at {panel.time[0]}; "
                f"they must be one bar ({panel.bar_seconds} s) apart."
            )

    def has(self, name: str) -> bool:
        """Whether the panel has the column; the history need not."""
        return self.panel.has(name)

    def get(self, name: str) -> FloatArray:
        """A column over history and panel; NaN where the history lacks it."""
        now = np.array(self.panel.values(name), float)
        if self.history is None:
            return now
        if self.history.has(name):
            before = np.array(self.history.values(name), float)
        else:
            before = np.full(self.n_history, np.nan)
        return np.concatenate([before, now])

    def trigger(self, name: str) -> FloatArray:
        """Mark price where the panel has it, else last price."""
        marks = ("mark_open", "mark_high", "mark_low", "mark_close")
        if all(self.panel.has(m) for m in marks):
            mark = self.get(f"mark_{name}")
            return np.where(np.isfinite(mark), mark, self.get(name))
        return self.get(name)

    @property
    def time(self) -> NDArray[np.datetime64]:
        """Bar opens of history and panel."""
        now = np.asarray(self.panel.time)
        if self.history is None:
            return now
        return np.concatenate([np.asarray(self.history.time), now])


def required_columns(spec: ModelSpec, panel: MarketPanel) -> list[str]:
    """Columns a model needs; for an aggregate, open interest is that of its legs."""
    if isinstance(panel.contract, AggregateContract):
        legs = ["open_interest_linear", "open_interest_inverse"]
        return [c for c in spec.required if c != "open_interest"] + legs
    return list(spec.required)


def legs_interest(
    contract: Contract | AggregateContract, columns: Columns
) -> dict[str, tuple[FloatArray, NDArray[np.bool_]]]:
    """Raw open interest per leg, and where it was observed.

    Before the panel it may be held at the first known value, which is no observation.
    """
    names = (
        {"linear": "open_interest_linear", "inverse": "open_interest_inverse"}
        if isinstance(contract, AggregateContract)
        else {contract.kind: "open_interest"}
    )
    out = {}
    for kind, column in names.items():
        values = columns.get(column)
        if (values <= 0).any():
            raise InputError(f"{column} has values that are not positive; mark them unknown (NaN).")
        observed = np.isfinite(values)
        n = columns.n_history
        if n and not np.isfinite(values[:n]).any():
            known = values[n:][np.isfinite(values[n:])]
            if known.size:
                values[:n] = known[0]
        out[kind] = values, observed
    return out


def known_segments(
    columns: Columns, interest_known: NDArray[np.bool_], minimum: int
) -> tuple[tuple[int, int], ...]:
    """Stretches of known price and volume that begin and end on known open interest."""
    usable = np.isfinite(columns.get("volume"))
    for name in ("open", "high", "low", "close"):
        usable &= np.isfinite(columns.get(name))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], usable.astype(int), [0]])))
    out = []
    for a, b in zip(edges[::2], edges[1::2], strict=True):
        known = np.flatnonzero(interest_known[a:b])
        if known.size:
            first, last = int(a + known[0]), int(a + known[-1] + 1)
            if last - first >= minimum:
                out.append((first, last))
    return tuple(out)


def bridge(values: FloatArray, inside: NDArray[np.bool_]) -> FloatArray:
    """Log-linear over gaps; 1 outside the segments, where it is never used."""
    known = np.isfinite(values)
    index = np.arange(values.size)
    filled = np.exp(np.interp(index, index[known], np.log(values[known])))
    return np.where(inside, filled, 1.0)


def ohlc_mean(columns: Columns) -> FloatArray:
    """Mean of open, high, low and close of each bar."""
    return np.mean([columns.get(c) for c in ("open", "high", "low", "close")], axis=0)


@dataclass(frozen=True)
class OpeningBlocks:
    """Blocks of bars with one distribution of what is opened.

    Attributes
    ----------
    block : ndarray of int64, shape (time,)
        Block of each bar.
    funding : ndarray, shape (block,)
        Mean funding score.
    week : ndarray of int64, shape (block,)
        Steps of the opening mix's random walk before the block, counted from the first bar.
    capped : ndarray, shape (block,)
        Share of the dated cuts of leverage inside the bars that are in force.
    """

    block: IntArray
    funding: FloatArray
    week: IntArray
    capped: FloatArray


def opening_blocks(
    columns: Columns,
    spec: ModelSpec,
    contract: Contract | AggregateContract,
    hours: float,
    seen: int | None = None,
) -> OpeningBlocks:
    """Bars with the same step of the mix's random walk, cuts of leverage and funding regime."""
    by_funding, score = funding_blocks(columns, spec, contract, hours, seen)
    cuts = leverage_cuts(columns, contract) if spec.leverage_caps else np.zeros((0, columns.n_bars))
    in_force = cuts.sum(axis=0).astype(np.int64)
    # the cuts come in order, so blocks of one step and funding regime split at their dates
    pairs = (walk_steps(columns, spec.walk_hours, hours) * (len(cuts) + 1) + in_force) * score.size
    used, block = np.unique(pairs + by_funding, return_inverse=True)
    step, capped = np.divmod(used // score.size, len(cuts) + 1)
    return OpeningBlocks(
        block.astype(np.int64), score[used % score.size], step, capped / max(len(cuts), 1)
    )


def walk_steps(columns: Columns, walk_hours: float, hours: float) -> IntArray:
    """Steps that a random walk has taken before each bar, shape (time,); 0 without one."""
    if not walk_hours:
        return np.zeros(columns.n_bars, np.int64)
    return (np.arange(columns.n_bars) * hours // walk_hours).astype(np.int64)


def leverage_cuts(columns: Columns, contract: Contract | AggregateContract) -> NDArray[np.bool_]:
    """Whether each dated cut of leverage inside the bars is in force in each, shape (cut, time).

    A cut on or before the first bar or on or after the last one would move everything or nothing.
    """
    dates = np.array([cap.since for cap in contract.leverage_caps], "datetime64[ns]")
    inside = dates[(dates > columns.time[0]) & (dates < columns.time[-1])]
    return np.asarray(columns.time >= inside[:, None], bool)


def funding_blocks(
    columns: Columns,
    spec: ModelSpec,
    contract: Contract | AggregateContract,
    hours: float,
    seen: int | None = None,
) -> tuple[IntArray, FloatArray]:
    """Blocks of bars by the last funding rate settled before the bar, and their mean score.

    Regimes, their mean scores and the hours between settlements are those of the first ``seen``
    bars.
    """
    n = columns.n_bars
    if spec.funding_blocks < 2 or not columns.has("funding_rate"):
        return np.zeros(n, np.int64), np.zeros(1)
    rate = columns.get("funding_rate")
    settled = np.flatnonzero(np.isfinite(rate))
    known = settled[settled < (n if seen is None else seen)]
    if known.size < spec.funding_blocks:
        return np.zeros(n, np.int64), np.zeros(1)
    interval = float(np.median(np.diff(known))) * hours if known.size > 1 else 8.0
    last = np.searchsorted(settled, np.arange(n), side="left") - 1
    score = np.where(last >= 0, rate[settled[np.maximum(last, 0)]] * 8.0 / interval, FUNDING_ANCHOR)
    score = np.clip((score - FUNDING_ANCHOR) / FUNDING_SPREAD, -3.0, 3.0)
    cuts = np.unique(np.quantile(score[:seen], np.linspace(0, 1, spec.funding_blocks + 1)[1:-1]))
    raw = np.searchsorted(cuts, score, side="right")
    # ties leave regimes without a bar that is seen; such bars go to the next
    used = np.unique(raw[:seen])
    block = np.minimum(np.searchsorted(used, raw), used.size - 1)
    mean = np.array([score[:seen][raw[:seen] == u].mean() for u in used])
    return block.astype(np.int64), mean
