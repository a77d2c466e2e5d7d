"""Maps and liquidations of bars under parameters that were fitted before them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.backtest.model_data import FALSE_LAG, shifted_prices
from liqbayes.backtest.model_forecaster import FittedModel
from liqbayes.events.definitions import (
    BAND_EDGES,
    MAP,
    MAP_DRAWS,
    SHIFTED,
    VOLATILITY_LEAST_HOURS,
)
from liqbayes.events.evidence import (
    band_distances,
    dense_bands,
    log_densities,
    spans,
    volatility,
)
from liqbayes.model.data import ModelData, prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.outputs.context import Context
from liqbayes.outputs.grid import PriceGrid
from liqbayes.outputs.heatmap import Walkers, blocks
from liqbayes.panel import MarketPanel
from liqbayes.validate.lfo.cut import cut

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
#: Bins of the price grid to a band of the first span at the usual volatility before the origin;
#: they are made wider where a long panel would have more than so many.
BINS_A_BAND, MOST_BINS = 4, 1500


@dataclass(frozen=True, eq=False)
class Maps:
    """What a posterior says of bars that come after its origin.

    Attributes
    ----------
    log_density : dict of str to ndarray, shape (draw, side, time, span, band)
        As in ``Evidence``; NaN where no book is followed.
    dense : ndarray of bool, shape (draw, side, time, band)
    flow : ndarray, shape (draw, side, time)
    """

    log_density: dict[str, NDArray[np.float32]]
    dense: BoolArray
    flow: FloatArray


def maps(fitted: FittedModel, start: int, stop: int) -> Maps:
    """Follow the book of each draw through the panel and read off the bars of a block.

    Parameters
    ----------
    fitted : FittedModel
        Parameters given the bars before ``start``.
    start, stop : int
        Bars that are returned. The reference of what is dense are bars before each, under the same
        parameters.
    """
    z = fitted.thinned(MAP_DRAWS)
    panel, hours = fitted.panel, fitted.panel.bar_seconds / 3600.0
    context, density = _densities(fitted, panel, z, stop)
    dense = dense_bands(density[:, :, :, 0], hours)
    shifted = np.full_like(density, np.nan)
    # the false prices begin a week late, and scales are taken from those before the origin
    if fitted.origin * hours > FALSE_LAG / np.timedelta64(1, "h") + VOLATILITY_LEAST_HOURS:
        shifted = _densities(fitted, shifted_prices(panel), z, stop)[1]
    return Maps(
        log_density={MAP: density[:, :, start:], SHIFTED: shifted[:, :, start:]},
        dense=dense[:, :, start:],
        flow=_flows(context)[:, :, start:],
    )


def _densities(
    fitted: FittedModel, panel: MarketPanel, z: FloatArray, stop: int
) -> tuple[Context, NDArray[np.float32]]:
    """Log densities of all bars before ``stop``, the book built from the panel's own prices."""
    data = cut(prepare(fitted.spec, panel, seen=fitted.origin), stop)
    context = Context(
        panel, Evaluator.of(fitted.spec, data), z[None], 0, group="posterior", kind="expected"
    )
    hours = panel.bar_seconds / 3600.0
    of_spans = spans(hours)
    close = data.path.close
    sigma = volatility(close, hours)
    distances = band_distances(sigma, of_spans)
    shape = (len(z), 2, data.n_bars, len(of_spans), len(BAND_EDGES) - 1)
    out = np.full(shape, np.nan, np.float32)
    interest = data.common_interest()
    for first, last in data.path.segments:
        usable = np.isfinite(sigma[first:last])
        if not usable.any():
            continue
        margin = float(np.nanmax(distances[first:last]))
        grid = _grid(data, first, last, sigma, fitted.origin, margin)
        walkers = Walkers(_of_segment(context, data, last), grid, first)
        edges = np.log(grid.edges)
        for begin, end in blocks(first, last - 1):
            cumulative = np.cumsum(walkers.block(begin, end), axis=-1, dtype=np.float64)
            cumulative = np.concatenate([np.zeros_like(cumulative[..., :1]), cumulative], axis=-1)
            for t in range(begin, end):
                # a segment's first bar is where the book starts from, not what is known of it
                if t == first or not np.isfinite(sigma[t]) or data.bridged[t]:
                    continue
                share = _within(
                    cumulative[:, t - begin], edges, float(np.log(close[t])), distances[t]
                )
                out[:, :, t] = log_densities(share / interest[t], distances[t])
    return context, out


def _of_segment(context: Context, data: ModelData, last: int) -> Context:
    """The context cut at the end of a segment, which is where standing levels refer to."""
    if last == data.path.segments[-1][1]:
        return context
    evaluator = Evaluator.of(context.evaluator.spec, cut(data, last))
    return Context(context.panel, evaluator, context.z, 0, context.group, context.kind)


def _grid(
    data: ModelData, first: int, last: int, sigma: FloatArray, origin: int, margin: float
) -> PriceGrid:
    """Bins of a step that the bars before the origin set, at multiples of it.

    Later bars make the grid longer, and leave its bins where they are.
    """
    low = np.log(np.nanmin(data.path.low[first:last])) - 1.05 * margin
    high = np.log(np.nanmax(data.path.high[first:last])) + 1.05 * margin
    step = (BAND_EDGES[1] - BAND_EDGES[0]) * float(np.nanmedian(sigma[:origin])) / BINS_A_BAND
    while high - low > MOST_BINS * step:
        step *= 2.0
    places = np.arange(np.floor(low / step), np.ceil(high / step) + 1)
    return PriceGrid(np.exp(step * places))


def _within(
    cumulative: FloatArray, edges: FloatArray, price: float, distances: FloatArray
) -> FloatArray:
    """Quantity between a price and distances from it: (draw, side, span, edge).

    Parameters
    ----------
    cumulative : ndarray, shape (draw, side, bin + 1)
        Quantity below each edge of the grid.
    edges : ndarray, shape (bin + 1,)
        Log prices.
    """
    step = edges[1] - edges[0]

    def below(log_price: FloatArray, side: int) -> FloatArray:
        place = (log_price - edges[0]) / step
        left = np.clip(place.astype(int), 0, edges.size - 2)
        part = np.clip(place - left, 0.0, 1.0)
        rows = cumulative[:, side]
        return np.asarray(rows[:, left] * (1.0 - part) + rows[:, left + 1] * part)

    at = below(np.array([price]), 0), below(np.array([price]), 1)
    flat = distances.ravel()
    longs = at[0] - below(price - flat, 0)
    shorts = below(price + flat, 1) - at[1]
    out = np.stack([longs, shorts], axis=1)
    return out.reshape(*out.shape[:2], *distances.shape)


def _flows(context: Context) -> FloatArray:
    """Expected liquidation over open interest before the bar, (draw, side, time)."""
    data, evaluator = context.evaluator.data, context.evaluator
    out = np.stack([evaluator.expected_common(d.p, d.runs) for d in context.draws()])
    out = out / data.common_before()
    out[..., data.start != 0] = np.nan
    return np.asarray(out)
