"""From a validated panel to the arrays a model conditions on.

Nothing here depends on parameters. Open interest is bridged log-linearly over gaps; bars with
unknown price or volume end a segment; a bar's own volume and price are exogenous.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liqbayes.contracts import AggregateContract, Contract
from liqbayes.engine.path import InitialBook, PricePath
from liqbayes.engine.touches import Touches, build_touches
from liqbayes.errors import InputError, SpecError
from liqbayes.model.leverage import LeverageCells
from liqbayes.model.spec import ModelSpec
from liqbayes.panel import MarketPanel

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
SIDES = ("long", "short")
# Funding is compared with its usual anchor of 0.01 % per 8 h and a spread of 0.02 %.
FUNDING_ANCHOR, FUNDING_SPREAD = 1e-4, 2e-4


@dataclass(frozen=True)
class Leg:
    """One contract type of the market, in its own unit.

    Attributes
    ----------
    name, kind : str
    interest : ndarray, shape (time,)
        Open interest at bar close, bridged inside segments.
    before : ndarray, shape (time,)
        Open interest before the bar.
    turnover : ndarray, shape (time,)
        Volume over the open interest before the bar, relative to its mean ``mean_ratio``.
    to_common : ndarray, shape (time,)
        Factor from the leg's unit to the panel's quantity unit at the bar's price.
    term_from, term_to : ndarray of int64, shape (term,)
        Bars between whose closes the change of open interest is scored.
    touches : mapping of side to Touches
    """

    name: str
    kind: str
    interest: FloatArray
    before: FloatArray
    turnover: FloatArray
    mean_ratio: float
    to_common: FloatArray
    term_from: IntArray
    term_to: IntArray
    touches: dict[str, Touches]


@dataclass(frozen=True)
class Feed:
    """Reported liquidations of one side.

    Attributes
    ----------
    bars : ndarray of int64, shape (report,)
        Bars whose report is known and scored.
    reported : ndarray, shape (time,)
        Reported quantity in the panel's unit, scored or not; 0 where unknown.
    """

    bars: IntArray
    reported: FloatArray


@dataclass(frozen=True)
class ModelData:
    """Everything a model conditions on, for one panel and one specification."""

    path: PricePath
    bar_hours: float
    start: IntArray
    legs: tuple[Leg, ...]
    cells: LeverageCells
    block: IntArray
    block_funding: FloatArray
    covariates: FloatArray
    bridged: NDArray[np.bool_]
    scored_from: IntArray
    feeds: dict[str, Feed]
    capacity: FloatArray
    n_history: int
    proxy_volume: bool
    feed_weight: float

    @property
    def n_bars(self) -> int:
        """Number of bars, history included."""
        return self.path.n_bars

    @property
    def last_bar(self) -> int:
        """Last bar of the last segment: the time that standing levels refer to."""
        return self.path.segments[-1][1] - 1

    def common_interest(self) -> FloatArray:
        """Open interest of all legs in the panel's quantity unit, shape (time,)."""
        return np.asarray(sum(leg.interest * leg.to_common for leg in self.legs), float)

    def common_before(self) -> FloatArray:
        """Open interest before each bar at the bar's price, in the panel's quantity unit."""
        return np.asarray(sum(leg.before * leg.to_common for leg in self.legs), float)


def prepare(spec: ModelSpec, panel: MarketPanel, history: MarketPanel | None = None) -> ModelData:
    """Check a panel against a specification and compute what does not depend on parameters.

    Parameters
    ----------
    spec : ModelSpec
    panel : MarketPanel
        Bars to fit.
    history : MarketPanel, optional
        Earlier bars of the same market and bar length that end where the panel begins. They build
        the book but are not scored. Without open interest there, it is held at the panel's first
        known value.

    Raises
    ------
    SpecError
        If a required column is missing.
    InputError
        If too few bars have known price, volume and open interest, or ``history`` does not fit.
    """
    missing = [c for c in _required(spec, panel) if not panel.has(c)]
    if missing:
        raise SpecError(
            f"model {spec.name!r} needs {', '.join(spec.required)}; the panel lacks "
            f"{', '.join(missing)}. Map another column with --column NAME=SOURCE[:UNIT]."
        )
    columns = _Columns(panel, history)
    hours = panel.bar_seconds / 3600.0
    legs_interest = _legs_interest(panel.contract, columns)
    raw_known = np.all([np.isfinite(v) for v in legs_interest.values()], axis=0)
    segments = _segments(columns, raw_known, spec.minimum_bars)
    if not segments:
        raise InputError(
            f"no stretch of {spec.minimum_bars} bars has known price, volume and open interest; "
            "run `liqbayes inspect` to see the gaps."
        )
    inside = np.zeros(columns.n_bars, bool)
    for a, b in segments:
        inside[a:b] = True
    prices = {
        c: np.where(inside, columns.trigger(c), np.nan) for c in ("open", "high", "low", "close")
    }
    path = PricePath(
        prices["open"], prices["high"], prices["low"], prices["close"], segments=segments
    )
    start = np.where(inside, 0, -1).astype(np.int64)
    for a, _ in segments:
        start[a] = 1
    scored_from = _scored_from(segments, columns.n_history, spec, hours)
    cells = LeverageCells.of(spec.cells)
    block, block_funding = _funding_blocks(columns, spec, panel.contract, hours)
    book = InitialBook(mean_age_bars=spec.book_age_hours / hours)
    legs = tuple(
        _leg(
            name,
            values,
            panel.contract,
            columns,
            path,
            inside,
            cells,
            book,
            scored_from,
            spec,
        )
        for name, values in legs_interest.items()
    )
    return ModelData(
        path=path,
        bar_hours=hours,
        start=start,
        legs=legs,
        cells=cells,
        block=block,
        block_funding=block_funding,
        covariates=_covariates(path, hours),
        bridged=inside & ~raw_known,
        scored_from=scored_from,
        feeds=_feeds(columns, start, scored_from) if _has_feed(spec, panel) else {},
        capacity=_capacity(panel, columns),
        n_history=columns.n_history,
        feed_weight=spec.feed_weight,
        proxy_volume="volume" in panel.provenance.get("proxy", {}),
    )


class _Columns:
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
        return self.panel.has(name)

    def get(self, name: str) -> FloatArray:
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
        now = np.asarray(self.panel.time)
        if self.history is None:
            return now
        return np.concatenate([np.asarray(self.history.time), now])


def _required(spec: ModelSpec, panel: MarketPanel) -> list[str]:
    if isinstance(panel.contract, AggregateContract):
        legs = ["open_interest_linear", "open_interest_inverse"]
        return [c for c in spec.required if c != "open_interest"] + legs
    return list(spec.required)


def _has_feed(spec: ModelSpec, panel: MarketPanel) -> bool:
    return "liquidation_feed" in spec.channels and all(
        panel.has(f"{s}_liquidations") for s in SIDES
    )


def _legs_interest(
    contract: Contract | AggregateContract, columns: _Columns
) -> dict[str, FloatArray]:
    """Raw open interest per leg; before the panel it may be held at the first known value."""
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
        n = columns.n_history
        if n and not np.isfinite(values[:n]).any():
            known = values[n:][np.isfinite(values[n:])]
            if known.size:
                values[:n] = known[0]
        out[kind] = values
    return out


def _segments(
    columns: _Columns, interest_known: NDArray[np.bool_], minimum: int
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


def _scored_from(
    segments: tuple[tuple[int, int], ...], n_history: int, spec: ModelSpec, hours: float
) -> IntArray:
    """First scored bar of each segment: after the burn-in, never in the history."""
    out = []
    for a, b in segments:
        burn = round(spec.burn_in_hours / hours)
        burn = max(1, min(burn, int(spec.burn_in_share * (b - a))))
        out.append(max(a + burn, n_history if a < n_history else a + burn))
    return np.array(out, np.int64)


def _bridge(values: FloatArray, inside: NDArray[np.bool_]) -> FloatArray:
    """Log-linear over gaps; 1 outside the segments, where it is never used."""
    known = np.isfinite(values)
    index = np.arange(values.size)
    filled = np.exp(np.interp(index, index[known], np.log(values[known])))
    return np.where(inside, filled, 1.0)


def _leg(
    kind: str,
    values: FloatArray,
    contract: Contract | AggregateContract,
    columns: _Columns,
    path: PricePath,
    inside: NDArray[np.bool_],
    cells: LeverageCells,
    book: InitialBook,
    scored_from: IntArray,
    spec: ModelSpec,
) -> Leg:
    interest = _bridge(values, inside)
    mean_price = np.where(inside, _ohlc_mean(columns), 1.0)
    volume = np.where(inside, columns.get("volume"), 0.0)
    to_common = np.ones(columns.n_bars)
    if isinstance(contract, AggregateContract):
        if kind == "linear":
            to_common = mean_price
        # the venues print one volume: each leg trades in proportion to its open interest
        total = _bridge(columns.get("open_interest_inverse"), inside) + mean_price * _bridge(
            columns.get("open_interest_linear"), inside
        )
        volume = volume / total * interest
    before = np.concatenate([interest[:1], interest[:-1]])
    stepping = np.zeros(columns.n_bars, bool)
    for a, b in path.segments:
        stepping[a + 1 : b] = True
    ratio = volume[stepping] / before[stepping]
    mean_ratio = float(ratio.mean())
    if not mean_ratio > 0:
        raise InputError("volume is zero in every bar; without turnover nothing can be inferred.")
    known = np.isfinite(values)
    term_from, term_to = [], []
    for (a, b), first in zip(path.segments, scored_from, strict=True):
        bars = np.flatnonzero(known[a:b]) + a
        keep = bars[:-1] >= first - 1
        term_from.append(bars[:-1][keep])
        term_to.append(bars[1:][keep])
    touches = {}
    for side in SIDES:
        near, far = cells.distances(kind, side)
        touches[side] = build_touches(path, side, near, far, book=book, n_nodes=spec.entry_nodes)
    return Leg(
        name=kind,
        kind=kind,
        interest=interest,
        before=before,
        turnover=np.where(stepping, volume / before / mean_ratio, 0.0),
        mean_ratio=mean_ratio,
        to_common=to_common,
        term_from=np.concatenate(term_from).astype(np.int64),
        term_to=np.concatenate(term_to).astype(np.int64),
        touches=touches,
    )


def _ohlc_mean(columns: _Columns) -> FloatArray:
    return np.mean([columns.get(c) for c in ("open", "high", "low", "close")], axis=0)


def _covariates(path: PricePath, hours: float) -> FloatArray:
    """Return, absolute return and log range of each bar, on fixed scales; shape (time, 3).

    Scaled by 1 % per square-root hour, so that the priors mean the same at every bar length.
    """
    scale = 0.01 * np.sqrt(hours)
    r = np.log(path.close / path.open) / scale
    spread = np.log(path.high / path.low) / scale
    level = np.log(np.maximum(spread, 0.05))
    z = np.stack([r, np.abs(r), level], axis=1)
    inside = np.isfinite(z).all(axis=1)
    z[:, 1:] -= z[inside, 1:].mean(axis=0)
    return np.where(inside[:, None], z, 0.0)


def _funding_blocks(
    columns: _Columns, spec: ModelSpec, contract: Contract | AggregateContract, hours: float
) -> tuple[IntArray, FloatArray]:
    """Blocks of bars by the last funding rate settled before the bar, and their mean score."""
    n = columns.n_bars
    if spec.funding_blocks < 2 or not columns.has("funding_rate"):
        return np.zeros(n, np.int64), np.zeros(1)
    rate = columns.get("funding_rate")
    settled = np.flatnonzero(np.isfinite(rate))
    if settled.size < spec.funding_blocks:
        return np.zeros(n, np.int64), np.zeros(1)
    interval = float(np.median(np.diff(settled))) * hours if settled.size > 1 else 8.0
    last = np.searchsorted(settled, np.arange(n), side="left") - 1
    score = np.where(last >= 0, rate[settled[np.maximum(last, 0)]] * 8.0 / interval, FUNDING_ANCHOR)
    score = np.clip((score - FUNDING_ANCHOR) / FUNDING_SPREAD, -3.0, 3.0)
    cuts = np.unique(np.quantile(score, np.linspace(0, 1, spec.funding_blocks + 1)[1:-1]))
    raw = np.searchsorted(cuts, score, side="right")
    used, block = np.unique(raw, return_inverse=True)
    mean = np.array([score[raw == u].mean() for u in used])
    return block.astype(np.int64), mean


def _feeds(columns: _Columns, start: IntArray, scored_from: IntArray) -> dict[str, Feed]:
    scored = np.zeros(columns.n_bars, bool)
    first = iter(scored_from)
    begin = columns.n_bars
    for t in range(columns.n_bars):
        if start[t] == 1:
            begin = int(next(first))
        scored[t] = start[t] == 0 and t >= begin
    out = {}
    for side in SIDES:
        reported = columns.get(f"{side}_liquidations")
        known = np.isfinite(reported) & scored
        out[side] = Feed(
            bars=np.flatnonzero(known).astype(np.int64),
            reported=np.where(start == 0, np.nan_to_num(reported), 0.0),
        )
        if known.sum() and not (out[side].reported[known] > 0).any():
            raise InputError(
                f"{side}_liquidations is zero in every bar: a feed that reports nothing is "
                "unknown, not zero. Leave the column out."
            )
    return {} if any(f.bars.size == 0 for f in out.values()) else out


def _capacity(panel: MarketPanel, columns: _Columns) -> FloatArray:
    """Most orders that can be reported in each bar; infinite where the feed is not throttled."""
    days = columns.time.astype("datetime64[D]")
    out = np.full(columns.n_bars, np.inf)
    for day in np.unique(days):
        regime: Any = panel.contract.feed_at(day.item())
        if regime is not None and regime.max_orders_per_second is not None:
            out[days == day] = regime.max_orders_per_second * panel.bar_seconds
    return out
