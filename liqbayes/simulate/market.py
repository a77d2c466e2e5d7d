"""Run a market: warm the book up, publish bars, keep the truth."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from liqbayes.panel import MarketPanel
from liqbayes.simulate import bars as bar_tools
from liqbayes.simulate import kernels
from liqbayes.simulate.book import FloatArray, enlarged
from liqbayes.simulate.chart import Publication
from liqbayes.simulate.config import MarketConfig
from liqbayes.simulate.feed import orders_per_second, reported, split_orders, time_to_extreme
from liqbayes.simulate.funding import funding_rate
from liqbayes.simulate.holdings import (
    held_by_row,
    levels_table,
    positions_table,
    standing,
)
from liqbayes.simulate.positions import COUNT, NEXT, ORDERS, Desk
from liqbayes.simulate.price import Drive, draw_drive, mirrored
from liqbayes.simulate.publishing import Publisher, Publishing
from liqbayes.simulate.seeding import seed_desk
from liqbayes.simulate.setup import Clock, Setup, make_clock, make_setup, segments
from liqbayes.simulate.truth import make_truth
from liqbayes.simulate.validation import whole


@dataclass(frozen=True)
class SimulatedMarket:
    """A market with everything an outsider sees and everything an outsider does not.

    Attributes
    ----------
    panel : MarketPanel
        What is published.
    positions : DataFrame
        Every position at the end: time, side, size (quantity unit), entry_price,
        liquidation_price (NaN where there is none), margin_mode.
    bars : DataFrame
        True flows and open interest per side and bar, quantity unit (``_quote``: quote currency).
    truth : dict
        True answers under the keys of ``summary.json``; plain JSON values.
    config : MarketConfig
        The settings.
    levels : DataFrame or None
        If asked for, the true map at every bar close: time, side, price (liquidation level) and
        amount (quantity unit), a row for each position that has a level.
    publications : tuple of Publication
        Maps that were published, each beside the true book.
    """

    panel: MarketPanel
    positions: pd.DataFrame
    bars: pd.DataFrame
    truth: dict[str, Any]
    config: MarketConfig
    levels: pd.DataFrame | None = None
    publications: tuple[Publication, ...] = ()


@dataclass(frozen=True)
class _Run:
    """Raw results, linear coordinates; steps are the published ones."""

    record: FloatArray
    held: FloatArray
    events: FloatArray
    funding: FloatArray
    desk: Desk
    books: list[tuple[FloatArray, FloatArray]]


def simulate_market(
    config: MarketConfig,
    seed: int,
    *,
    keep_levels: bool = False,
    publish: Publisher | Literal["true"] | None = None,
) -> SimulatedMarket:
    """Simulate one market.

    Parameters
    ----------
    config : MarketConfig
        Settings; see `market_preset` for named regimes.
    seed : int
        Non-negative. The same settings and seed give the same market; settings of the feed change
        nothing but the feed.
    keep_levels : bool
        Whether to keep the level of every position at every bar close; changes nothing else.
    publish : callable or "true", optional
        Makes the map that `MarketConfig.readers` act on, from the panel so far (without the
        liquidation feed); ``"true"`` shows them the book itself. Without readers maps are made and
        kept, and change nothing.

    Returns
    -------
    SimulatedMarket

    Raises
    ------
    InputError
        For an impossible seed, contract or start date, or readers without a map.
    NotDeterminedError
        If the contract's margin tiers are not known.
    """
    seed = whole("seed", seed, 0)
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(6)]
    of_market, of_price, of_book, of_feed, of_wick, of_readers = streams
    setup, clock = make_setup(config, of_market), make_clock(config)
    drive = draw_drive(
        of_price,
        config.price,
        config.flow,
        hours=clock.hours,
        published=config.bars * config.steps,
        first_hour=float(clock.begin[0] % 86400) / 3600,
    )
    if setup.orientation < 0:
        drive = mirrored(drive)
    drive = drive._replace(interest=drive.interest / drive.interest[clock.first_published])
    over = of_wick.exponential(1.0, (2, config.bars)) * config.price.wick
    publishing = Publishing(publish, setup, clock, of_readers, over)
    run = _run(of_book, setup, clock, drive, publishing, keep_levels=keep_levels)
    index = bar_tools.bar_times(clock, config.bars, config.bar_seconds)
    prices = bar_tools.price_frame(run.record, setup, index)
    bars = bar_tools.true_bars(run.record, run.held, setup, index)
    frame = bar_tools.with_wicks(prices, over, publish_mark=config.price.publish_mark)
    frame["open_interest"] = bars["long_open_interest"]
    frame["funding_rate"] = run.funding
    shares = _publish_feed(of_feed, setup, clock, drive, run, frame, bars)
    end = index[-1] + pd.Timedelta(seconds=config.bar_seconds)
    positions, leverage = positions_table(run.desk, setup, end)
    panel = MarketPanel.from_frame(
        frame,
        setup.contract,
        provenance={"source": "simulated market", "seed": seed},
        positions=positions,
        bar_seconds=config.bar_seconds,
    )
    truth = make_truth(setup, positions, leverage, bars, prices, shares, seed)
    levels = None
    if keep_levels:
        levels = levels_table(run.books, setup, index + pd.Timedelta(seconds=config.bar_seconds))
    done = tuple(publishing.done)
    return SimulatedMarket(panel, positions, bars, truth, config, levels, done)


def _run(
    rng: np.random.Generator,
    setup: Setup,
    clock: Clock,
    drive: Drive,
    publishing: Publishing,
    *,
    keep_levels: bool,
) -> _Run:
    config, rules, tiers = setup.config, setup.rules, setup.tiers
    reserve = int(setup.target / min(setup.sizes)) + 256
    published = clock.first_published
    log_start = setup.orientation * np.log(config.price_at_start)
    state = np.zeros(kernels.STATE_SIZE)
    state[kernels.LOG_PRICE] = log_start - drive.close[clock.history : published].sum()
    state[kernels.OPEN_INTEREST] = setup.target
    state[kernels.OUTFLOW] = rules.open_rate * setup.target
    history = Drive(*(values[: clock.history] for values in drive))
    desk = seed_desk(rng, setup, history, float(state[kernels.LOG_PRICE]), reserve)
    publishing.mark_book(desk)
    traders = publishing.mark_traders(setup.newcomers(rng, 4 * reserve))
    record = np.zeros((clock.begin.size, kernels.RECORD_WIDTH))
    held = np.zeros((config.bars + 1, 2))
    funding = np.full(config.bars, np.nan)
    orders: list[FloatArray] = []
    books: list[tuple[FloatArray, FloatArray]] = []
    interval = round(setup.contract.funding_interval_hours * 3600)
    for first, last in segments(clock, config, interval):
        seconds = int(clock.begin[first])
        if first == published:
            held[0] = held_by_row(desk)
        if seconds % interval == 0:
            rate = funding_rate(setup, state)
            price = float(np.exp(state[kernels.LOG_PRICE]))
            kernels.settle_funding(desk, rate, price, tiers, rules)
            if first >= published:
                bar = (seconds - clock.start) // config.bar_seconds
                funding[bar] = np.nansum([funding[bar], rate])
        if first > published and (first - published) % config.steps == 0:
            bar = (first - published) // config.steps
            publishing.at(bar, desk, record[published:], held, funding)
        step = first
        while step < last:
            step = kernels.run_steps(
                desk, drive, traders, publishing.chart, tiers, rules, state, record, step, last,
                reserve, rng,
            )  # fmt: skip
            if step < last:
                orders.append(desk.events[: desk.tally[ORDERS]].copy())
                desk, traders = _make_room(rng, setup, desk, traders, publishing, reserve)
        done = last - published
        if done > 0 and done % config.steps == 0:
            held[done // config.steps] = held_by_row(desk)
            if keep_levels:
                books.append(standing(desk))
    orders.append(desk.events[: desk.tally[ORDERS]].copy())
    events = np.concatenate(orders)
    return _Run(
        record=record[published:],
        held=held,
        events=events[events[:, 0] >= published],
        funding=funding,
        desk=desk,
        books=books,
    )


def _make_room(
    rng: np.random.Generator,
    setup: Setup,
    desk: Desk,
    traders: FloatArray,
    publishing: Publishing,
    reserve: int,
) -> tuple[Desk, FloatArray]:
    """Empty the event list, bring new traders and enlarge the book where they have run out."""
    desk.tally[ORDERS] = 0
    if desk.tally[NEXT:].max() + reserve > traders.shape[2]:
        traders = publishing.mark_traders(setup.newcomers(rng, 4 * reserve))
        desk.tally[NEXT:] = 0
    if desk.tally[COUNT : COUNT + 2].max() + reserve > desk.book.shape[2]:
        book = enlarged(desk.book)
        rows = 4 * book.shape[2] * (setup.rules.ladder_rungs + 1)
        desk = desk._replace(book=book, events=np.zeros((rows, 5)))
    return desk, traders


def _publish_feed(
    rng: np.random.Generator,
    setup: Setup,
    clock: Clock,
    drive: Drive,
    run: _Run,
    frame: pd.DataFrame,
    bars: pd.DataFrame,
) -> dict[str, float | None]:
    """Add the feed's columns to the panel's table; returns reported over true per side."""
    shares: dict[str, float | None] = {"long": None, "short": None}
    if not setup.config.feed.publish:
        return shares
    far = time_to_extreme(drive.low, drive.high, drive.scale)
    orders = split_orders(rng, run.events, setup, clock, far)
    totals = reported(rng, orders, setup, orders_per_second(setup))
    for side, row in bar_tools.sides(setup):
        true = bars[f"{side}_liquidations"].to_numpy()
        # Adding children up again rounds; a feed never shows more than there was.
        frame[f"{side}_liquidations"] = np.minimum(totals[row], true)
        if true.sum() > 0:
            shares[side] = float(frame[f"{side}_liquidations"].sum() / true.sum())
    return shares
