"""Who reads a map, and what is published while a market runs."""

from collections.abc import Callable
from typing import Literal

import numpy as np

from liqbayes.errors import InputError
from liqbayes.panel import MarketPanel
from liqbayes.simulate import bars as bar_tools
from liqbayes.simulate.book import LEVEL, READER, SIZE, FloatArray
from liqbayes.simulate.chart import (
    CELL,
    Chart,
    Publication,
    PublishedMap,
    blank_chart,
    read_map,
)
from liqbayes.simulate.kernels import CLOSE
from liqbayes.simulate.population import READS
from liqbayes.simulate.positions import COUNT, Desk
from liqbayes.simulate.readers import place_stops
from liqbayes.simulate.setup import Clock, Setup

#: Makes a map from the bars published so far: price, volume, open interest and funding. The feed
#: of liquidations is not among them.
Publisher = Callable[[MarketPanel], PublishedMap]

#: In place of a publisher: the market's own book, seen without error.
TRUE_MAP: Literal["true"] = "true"

# How far from the price the exact map goes, in log price.
_TRUE_RANGE = 0.6


class Publishing:
    """The state of publication in one market.

    Parameters
    ----------
    publish : callable or "true" or None
        What makes the maps; None where nothing is published.
    setup, clock
        Constants of the market.
    rng : Generator
        Draws who reads, and nothing else.
    over : ndarray, shape (2, bar)
        Overshoot of traded prices, see `liqbayes.simulate.bars.with_wicks`.

    Attributes
    ----------
    chart : Chart
        What readers see now.
    done : list of Publication

    Raises
    ------
    InputError
        If there are readers and nothing is published.
    """

    def __init__(
        self,
        publish: Publisher | Literal["true"] | None,
        setup: Setup,
        clock: Clock,
        rng: np.random.Generator,
        over: FloatArray,
    ) -> None:
        readers, seconds = setup.config.readers, setup.config.bar_seconds
        if not (publish is None or publish == TRUE_MAP or callable(publish)):
            raise InputError(
                f"publish={publish!r} is not possible: give a function from a panel to a "
                f'PublishedMap, or "{TRUE_MAP}".'
            )
        if readers.share > 0 and publish is None:
            raise InputError(
                f"readers.share={readers.share:g}, but no map is published: give publish=, a "
                f'function from a panel to a PublishedMap, or "{TRUE_MAP}".'
            )
        self._publish, self._setup, self._rng, self._over = publish, setup, rng, over
        self._index = bar_tools.bar_times(clock, setup.config.bars, seconds)
        self._first = max(3, -(-3600 * readers.first_hours // seconds))
        self._every = max(1, 3600 * readers.every_hours // seconds)
        self.chart: Chart = blank_chart()
        self.done: list[Publication] = []

    @property
    def share(self) -> float:
        """Share of traders who read."""
        return self._setup.config.readers.share

    def mark_book(self, desk: Desk) -> None:
        """Draw the readers among those who hold positions."""
        if self.share > 0:
            for row in range(2):
                count = int(desk.tally[COUNT + row])
                desk.book[READER, row, :count] = self._rng.random(count) < self.share

    def mark_traders(self, traders: FloatArray) -> FloatArray:
        """Draw the readers among newcomers; the same draws for every share."""
        if self.share > 0:
            traders[READS] = self._rng.random(traders[READS].shape) < self.share
        return traders

    def at(
        self, bars: int, desk: Desk, record: FloatArray, held: FloatArray, funding: FloatArray
    ) -> None:
        """Publish a map if one is due after this many bars.

        Parameters
        ----------
        bars : int
            Published bars so far.
        desk : Desk
        record : ndarray, shape (step, column)
            Step records from the first published step on.
        held : ndarray, shape (bar + 1, 2)
            Open interest before the first bar and at the end of each.
        funding : ndarray, shape (bar,)
        """
        if self._publish is None or bars < self._first or (bars - self._first) % self._every:
            return
        setup = self._setup
        price = float(record[bars * setup.config.steps - 1, CLOSE])
        price = price if setup.orientation > 0 else 1 / price
        book = self._exact(desk, price)
        if callable(self._publish):
            found = self._publish(self._panel(bars, record, held, funding))
        else:
            found = book
        self.done.append(Publication(bars, price, found, book, float(held[bars, 0])))
        if self.share > 0:
            self.chart = read_map(found, price, setup.orientation, setup.config.readers)
            coordinate = price if setup.orientation > 0 else 1 / price
            place_stops(desk, coordinate, self.chart, setup.tiers, setup.rules)

    def _panel(
        self, bars: int, record: FloatArray, held: FloatArray, funding: FloatArray
    ) -> MarketPanel:
        """What is public so far: the beginning of the market's panel, without the feed."""
        config = self._setup.config
        steps = record[: bars * config.steps]
        prices = bar_tools.price_frame(steps, self._setup, self._index[:bars])
        frame = bar_tools.with_wicks(
            prices, self._over[:, :bars], publish_mark=config.price.publish_mark
        )
        # the same row as in the panel at the end: long of the contract
        (_, row), _ = bar_tools.sides(self._setup)
        frame["open_interest"] = held[1 : bars + 1, row]
        frame["funding_rate"] = funding[:bars]
        return MarketPanel.from_frame(
            frame,
            self._setup.contract,
            provenance={"source": "simulated market, so far"},
            bar_seconds=config.bar_seconds,
        )

    def _exact(self, desk: Desk, price: float) -> PublishedMap:
        """The book by liquidation price."""
        half = round(_TRUE_RANGE / CELL)
        edges = price * np.exp(CELL * np.arange(-half, half + 1))
        amount = np.zeros((2, 2 * half))
        for j, (_, row) in enumerate(bar_tools.sides(self._setup)):
            count = int(desk.tally[COUNT + row])
            level, size = desk.book[LEVEL, row, :count], desk.book[SIZE, row, :count]
            finite = np.isfinite(level) & (level > 0)
            at = level[finite] if self._setup.orientation > 0 else 1 / level[finite]
            amount[j] = np.histogram(at, edges, weights=size[finite])[0]
        return PublishedMap(edges, amount)
