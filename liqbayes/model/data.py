"""From a validated panel to the arrays a model conditions on.

Nothing here depends on parameters. Open interest is bridged log-linearly over gaps; bars with
unknown price or volume end a segment; a bar's own volume and price are exogenous.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.contracts import SIDES as SIDES
from liqbayes.contracts import AggregateContract, Contract
from liqbayes.engine.path import InitialBook, PricePath, segment_volatility
from liqbayes.engine.touches import Touches, build_touches
from liqbayes.errors import InputError, SpecError
from liqbayes.model.columns import (
    Columns,
    bridge,
    known_segments,
    legs_interest,
    ohlc_mean,
    opening_blocks,
    required_columns,
    walk_steps,
)
from liqbayes.model.covariates import covariates
from liqbayes.model.feeds import Feed, feed_capacity, has_feed, read_feeds
from liqbayes.model.leverage import LeverageCells, leverage_cells
from liqbayes.model.spec import ModelSpec
from liqbayes.panel import MarketPanel

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# Volume over open interest a day (Binance BTC, ETH and SOL perpetuals, June-July 2024: 2.4-3.4).
USUAL_TURNOVER_PER_DAY = 3.0


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
        Volume over the open interest before the bar; of another venue's volume only the course in
        time, with a mean of ``USUAL_TURNOVER_PER_DAY``.
    to_common : ndarray, shape (time,)
        Factor from the leg's unit to the panel's quantity unit at the bar's mean price: of what
        flows.
    at_close : ndarray, shape (time,)
        The same at the bar's close: of what stands.
    term_from, term_to : ndarray of int64, shape (term,)
        Bars between whose closes the change of open interest is scored.
    touches : mapping of side to Touches
    """

    name: str
    kind: str
    interest: FloatArray
    before: FloatArray
    turnover: FloatArray
    to_common: FloatArray
    at_close: FloatArray
    term_from: IntArray
    term_to: IntArray
    touches: dict[str, Touches]


@dataclass(frozen=True)
class ModelData:
    """Everything a model conditions on, for one panel and one specification.

    ``block_...`` describe the blocks of bars with one opening mix (``columns.OpeningBlocks``);
    ``turnover_step``, shape (time,), counts the steps of the opening share's random walk, of which
    there are ``n_turnover_steps``; ``book_volatility``, shape (segment,), is the volatility a bar
    by which the first book of each segment is spread; the weights are powers of the two
    likelihoods, bar by bar.
    """

    path: PricePath
    bar_hours: float
    start: IntArray
    legs: tuple[Leg, ...]
    cells: LeverageCells
    block: IntArray
    block_funding: FloatArray
    block_week: IntArray
    block_capped: FloatArray
    turnover_step: IntArray
    n_turnover_steps: int
    covariates: FloatArray
    bridged: NDArray[np.bool_]
    scored_from: IntArray
    book_volatility: FloatArray
    feeds: dict[str, Feed]
    capacity: FloatArray
    n_history: int
    proxy_volume: bool
    feed_weight: float
    open_interest_weight: float

    @property
    def n_bars(self) -> int:
        """Number of bars, history included."""
        return self.path.n_bars

    @property
    def last_bar(self) -> int:
        """Last bar of the last segment: the time that standing levels refer to."""
        return self.path.segments[-1][1] - 1

    def common_interest(self) -> FloatArray:
        """Open interest of all legs at the bar's close, in the panel's quantity unit."""
        return np.asarray(sum(leg.interest * leg.at_close for leg in self.legs), float)

    def share_of(self, leg: Leg) -> FloatArray:
        """Share of a leg in the open interest at every bar's close, shape (time,)."""
        return np.asarray(leg.interest * leg.at_close / self.common_interest(), float)

    def common_before(self) -> FloatArray:
        """Open interest before each bar at the bar's price, in the panel's quantity unit."""
        return np.asarray(sum(leg.before * leg.to_common for leg in self.legs), float)


def prepare(
    spec: ModelSpec,
    panel: MarketPanel,
    history: MarketPanel | None = None,
    *,
    seen: int | None = None,
) -> ModelData:
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
    seen : int, optional
        Bars, history included, that scales are taken from: centres of covariates, regimes of
        funding, the spread of the first book, another venue's mean volume. Default: all. With
        fewer, the data of a bar do not depend on values of bars after both it and ``seen``.

    Raises
    ------
    SpecError
        If a required column is missing.
    InputError
        If too few bars have known price, volume and open interest, or ``history`` does not fit.
    """
    missing = [c for c in required_columns(spec, panel) if not panel.has(c)]
    if missing:
        raise SpecError(
            f"model {spec.name!r} needs {', '.join(spec.required)}; the panel lacks "
            f"{', '.join(missing)}. Map another column with --column NAME=SOURCE[:UNIT]."
        )
    columns = Columns(panel, history)
    hours = panel.bar_seconds / 3600.0
    interests = legs_interest(panel.contract, columns)
    raw_known = np.all([np.isfinite(v) for v, _ in interests.values()], axis=0)
    segments = known_segments(columns, raw_known, spec.minimum_bars)
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
    cells = leverage_cells(spec)
    blocks = opening_blocks(columns, spec, panel.contract, hours, seen)
    turnover_step = walk_steps(columns, spec.turnover_walk_hours, hours)
    book = initial_book(spec, hours)
    proxy = "volume" in panel.provenance.get("proxy", {})
    legs = tuple(
        _leg(
            name,
            values,
            observed,
            panel.contract,
            columns,
            path,
            inside,
            cells,
            book,
            scored_from,
            spec,
            USUAL_TURNOVER_PER_DAY * hours / 24.0 if proxy else None,
            seen,
        )
        for name, (values, observed) in interests.items()
    )
    part = min(1.0, hours / spec.weight_hours) if spec.weight_hours else 1.0
    return ModelData(
        path=path,
        bar_hours=hours,
        start=start,
        legs=legs,
        cells=cells,
        block=blocks.block,
        block_funding=blocks.funding,
        block_week=blocks.week,
        block_capped=blocks.capped,
        turnover_step=turnover_step,
        n_turnover_steps=int(turnover_step.max()),
        covariates=covariates(
            path, hours, () if spec.rule else spec.prior("oi_response").labels, seen
        ),
        bridged=inside & ~raw_known,
        scored_from=scored_from,
        book_volatility=np.array([segment_volatility(path, a, b, seen) for a, b in segments]),
        feeds=read_feeds(columns, start, scored_from) if has_feed(spec, panel) else {},
        capacity=feed_capacity(spec, panel, columns),
        n_history=columns.n_history,
        feed_weight=spec.feed_weight * part,
        open_interest_weight=spec.open_interest_weight * part,
        proxy_volume=proxy,
    )


def _before(interest: FloatArray) -> FloatArray:
    """Open interest before each bar; of the first its own."""
    return np.concatenate([interest[:1], interest[:-1]])


def initial_book(spec: ModelSpec, hours: float) -> InitialBook:
    """Spread of the book before each segment, for bars of so many hours."""
    return InitialBook(
        mean_age_bars=spec.book_age_hours / hours,
        old_share=spec.book_old_share,
        old_age_bars=spec.book_old_age_hours / hours,
    )


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


def _leg(
    kind: str,
    values: FloatArray,
    observed: NDArray[np.bool_],
    contract: Contract | AggregateContract,
    columns: Columns,
    path: PricePath,
    inside: NDArray[np.bool_],
    cells: LeverageCells,
    book: InitialBook,
    scored_from: IntArray,
    spec: ModelSpec,
    usual_turnover: float | None,
    seen: int | None,
) -> Leg:
    interest = bridge(values, inside)
    mean_price = np.where(inside, ohlc_mean(columns), 1.0)
    volume = np.where(inside, columns.get("volume"), 0.0)
    to_common, at_close = np.ones(columns.n_bars), np.ones(columns.n_bars)
    before = _before(interest)
    if isinstance(contract, AggregateContract):
        if kind == "linear":
            to_common, at_close = mean_price, np.where(inside, columns.get("close"), 1.0)
        # the venues print one volume: each leg trades in proportion to its open interest before
        # the bar, of which nothing that is scored is part
        inverse, linear = (
            _before(bridge(columns.get(f"open_interest_{leg}"), inside))
            for leg in ("inverse", "linear")
        )
        volume = volume / (inverse + mean_price * linear) * before
    stepping = np.zeros(columns.n_bars, bool)
    for a, b in path.segments:
        stepping[a + 1 : b] = True
    within = np.flatnonzero(stepping[:seen])
    mean_ratio = float((volume[within] / before[within]).mean()) if within.size else 0.0
    if not mean_ratio > 0:
        raise InputError("volume is zero in every bar; without turnover nothing can be inferred.")
    turnover = np.where(stepping, volume / before, 0.0)
    if usual_turnover is not None:
        # another venue's volume tells when trading was brisk, not how much there was
        turnover *= usual_turnover / mean_ratio
    term_from, term_to = [], []
    for (a, b), first in zip(path.segments, scored_from, strict=True):
        bars = np.flatnonzero(observed[a:b]) + a
        keep = bars[:-1] >= first - 1
        term_from.append(bars[:-1][keep])
        term_to.append(bars[1:][keep])
    touches = {}
    for side in SIDES:
        near, far = cells.distances(kind, side)
        touches[side] = build_touches(
            path, side, near, far, book=book, n_nodes=spec.entry_nodes, seen=seen
        )
    return Leg(
        name=kind,
        kind=kind,
        interest=interest,
        before=before,
        turnover=turnover,
        to_common=to_common,
        at_close=at_close,
        term_from=np.concatenate(term_from).astype(np.int64),
        term_to=np.concatenate(term_to).astype(np.int64),
        touches=touches,
    )
