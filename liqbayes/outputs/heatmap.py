"""Standing liquidation levels by time and price, reduced over draws while computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.conventions import BINS, PRICE_RANGE
from liqbayes.engine import heat
from liqbayes.engine.recursion import LOG_KEPT
from liqbayes.engine.standing import Standing
from liqbayes.errors import InputError
from liqbayes.model.data import SIDES, Leg
from liqbayes.model.evaluate import BookRun
from liqbayes.outputs.context import Context, open_fit
from liqbayes.outputs.grid import PriceGrid
from liqbayes.outputs.levels import reachable, standing_of

FloatArray = NDArray[np.float64]
QUANTILES = (0.05, 0.5, 0.95)
# bars carried at once: bounds the memory to draws x block x bins
_BLOCK = 16


def liquidation_heatmap(
    fit: xr.DataTree,
    *,
    bins: int = BINS,
    price_range: tuple[float, float] = PRICE_RANGE,
    every: int = 1,
    threshold: float | None = None,
    times: Sequence[Any] | None = None,
    cumulative: bool = False,
    kind: str = "realised",
    group: str = "posterior",
) -> xr.Dataset:
    """Open interest by liquidation price through time.

    The state at a bar follows from the bars up to it, but parameters are those of the whole fit
    and the spread of the first book uses the segment's volatility. Between bars a price bin is
    taken as evenly filled up to the lowest price since, so bins that price has entered in part are
    approximate; `liquidation_levels` is exact at the last bar.

    Parameters
    ----------
    fit : xarray.DataTree
    bins, price_range
        Log-spaced grid around the last price.
    every : int
        Keep every so manieth bar, counted back from the last.
    threshold : float, optional
        For ``p_above``, in the contract's unit; by default 0.1 % of the last open interest.
    times : sequence of datetime-like, optional
        Bar-open times whose draws are returned instead of the reduction.
    cumulative : bool
        Whether to add what would be liquidated if price moved from where it is to the far edge of
        each bin, valued at the bins' prices (of a linear contract; otherwise in its unit).
    kind : {"realised", "expected"}
    group : {"posterior", "prior"}

    Returns
    -------
    xarray.Dataset
        ``quantity`` (quantile, time, side, price), ``mean`` and ``p_above`` (time, side, price)
        in the contract's unit, with ``close`` and ``bridged`` (time); of a single draw, such as a
        rule's, the outer quantiles and ``p_above`` are NaN. With ``cumulative`` also
        ``cumulative_quote`` (quantile, time, side, price). With ``times``: ``draws`` (chain,
        draw, time, side, price).

    Raises
    ------
    InputError
        If ``every`` is not positive or a time is no bar of the last segment.
    """
    if every < 1:
        raise InputError(f"every is {every}; use 1 or more.")
    context = open_fit(fit, group, kind)
    grid = PriceGrid.around(context.mark_price, bins, price_range)
    data = context.evaluator.data
    first, last = data.path.segments[-1][0], context.last
    # history builds the book; only the panel's own bars are shown
    shown_from = max(first, data.n_history)
    shown = np.arange(last, shown_from - 1, -every)[::-1]
    if times is not None:
        shown = _bars_of(context, times, shown_from)
    if threshold is None:
        threshold = 1e-3 * float(data.common_interest()[last])
    walkers = Walkers(context, grid, first)
    n_draws = context.shape[0] * context.shape[1]
    coords: dict[str, Any] = {
        "side": list(SIDES),
        "price": grid.middle,
        "price_low": ("price", grid.low),
        "price_high": ("price", grid.high),
        "time": np.asarray(context.panel.time)[shown - data.n_history],
        "close": ("time", data.path.close[shown]),
        "bridged": ("time", data.bridged[shown]),
    }
    attrs = {**context.attrs(), "threshold": threshold}
    if times is not None:
        kept = np.zeros((n_draws, shown.size, 2, bins), np.float32)
        for begin, stop in blocks(first, last):
            values = walkers.block(begin, stop)
            inside = np.flatnonzero((shown >= begin) & (shown < stop))
            kept[:, inside] = values[:, shown[inside] - begin]
        draws = kept.reshape(*context.shape, shown.size, 2, bins)
        own = {k: v for k, v in context.coords().items() if k != "side"}
        return xr.Dataset(
            {"draws": (("chain", "draw", "time", "side", "price"), draws)},
            coords={**own, **coords},
            attrs=attrs,
        )
    quantity = np.zeros((len(QUANTILES), shown.size, 2, bins), np.float32)
    mean = np.zeros((shown.size, 2, bins), np.float32)
    above = np.zeros_like(mean)
    reached = np.zeros_like(quantity) if cumulative else None
    worth = grid.middle if context.contract.kind == "linear" else np.ones(bins)
    for begin, stop in blocks(first, last):
        inside = np.flatnonzero((shown >= begin) & (shown < stop))
        values = walkers.block(begin, stop, noisy=shown[inside] - begin)
        if not inside.size:
            continue
        chosen = values[:, shown[inside] - begin].reshape(n_draws, -1)
        q, m, a = heat.reduce_draws(chosen, np.array(QUANTILES), threshold)
        if n_draws == 1:
            # one draw, or the one book of a rule, has no spread and no probability
            q[0], q[-1], a[:] = np.nan, np.nan, np.nan
        quantity[:, inside] = q.reshape(len(QUANTILES), inside.size, 2, bins)
        mean[inside] = m.reshape(inside.size, 2, bins)
        above[inside] = a.reshape(inside.size, 2, bins)
        if reached is not None:
            sums = outward(values[:, shown[inside] - begin] * worth.astype(np.float32))
            q, _, _ = heat.reduce_draws(sums.reshape(n_draws, -1), np.array(QUANTILES), 0.0)
            if n_draws == 1:
                q[0], q[-1] = np.nan, np.nan
            reached[:, inside] = q.reshape(len(QUANTILES), inside.size, 2, bins)
    unit = {"units": context.contract.quantity_unit}
    dims = ("time", "side", "price")
    variables: dict[str, Any] = {
        "quantity": (("quantile", *dims), quantity, unit),
        "mean": (dims, mean, unit),
        "p_above": (dims, above, {"units": "probability"}),
    }
    if reached is not None:
        quote = {"units": context.contract.quote_unit}
        variables["cumulative_quote"] = (("quantile", *dims), reached, quote)
    return xr.Dataset(
        variables,
        coords={"quantile": list(QUANTILES), **coords},
        attrs=attrs,
    )


def outward(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums from the price outward, down for longs and up for shorts; dims (..., side, price)."""
    out = np.empty_like(values)
    for j, side in enumerate(SIDES):
        step = -1 if side == "long" else 1
        out[..., j, ::step] = np.cumsum(values[..., j, ::step], axis=-1)
    return out


def blocks(first: int, last: int) -> list[tuple[int, int]]:
    """Half-open ranges of bars that are carried at once."""
    return [(t, min(t + _BLOCK, last + 1)) for t in range(first, last + 1, _BLOCK)]


def _bars_of(context: Context, times: Sequence[Any], shown_from: int) -> NDArray[np.int64]:
    data = context.evaluator.data
    all_times = np.asarray(context.panel.time)
    wanted = np.array(times, "datetime64[ns]")
    at = np.searchsorted(all_times, wanted)
    found = (at < all_times.size) & (all_times[np.minimum(at, all_times.size - 1)] == wanted)
    bars = at + data.n_history
    if not found.all() or (bars < shown_from).any() or (bars > context.last).any():
        raise InputError(
            f"times must be bar-open times between {all_times[shown_from - data.n_history]} and "
            f"{all_times[context.last - data.n_history]}; given {[str(t) for t in wanted]}."
        )
    return np.sort(bars)


@dataclass(frozen=True)
class _Side:
    leg: Leg
    side: str
    share: FloatArray
    template: Standing
    reachable: NDArray[np.int64]
    low: FloatArray
    edges: FloatArray


def _tape(run: BookRun, side: _Side) -> tuple[Any, ...]:
    """What the grid of one draw needs, as small as it can be kept for all draws at once."""
    living = run.living[:, :, side.reachable == 1].sum(axis=2)
    return run.placed.astype(np.float32), run.by_class[LOG_KEPT].copy(), living


class Walkers:
    """Grids of all draws, carried forward together block by block."""

    def __init__(self, context: Context, grid: PriceGrid, first: int) -> None:
        self.context, self.grid, self.first = context, grid, first
        data = context.evaluator.data
        self.sides = []
        for leg in data.legs:
            for side in SIDES:
                edges = grid.oriented(side)
                template = standing_of(context, leg, side, edges, own_bar=True)
                _, _, low, _ = data.path.oriented(side)
                self.sides.append(
                    _Side(
                        leg,
                        side,
                        data.share_of(leg),
                        template,
                        reachable(context, leg, side).astype(np.int64),
                        low,
                        edges,
                    )
                )
        self.tapes = []
        self.positions = []
        for draw in context.draws():
            self.tapes.append([_tape(draw.runs[s.leg.name, s.side], s) for s in self.sides])
            self.positions.append(
                [context.evaluator.value(draw.p, "effective_positions", x) for x in SIDES]
            )
        shape = (len(self.tapes), len(self.sides), self.tapes[0][0][0].shape[1])
        self.state = np.zeros((*shape, grid.edges.size + 1))
        self.top = np.ones_like(self.state)
        heat.seed_noise(int(context.rng(4).integers(2**31)))

    def block(
        self, begin: int, stop: int, noisy: NDArray[np.int64] | None = None
    ) -> NDArray[np.float32]:
        """Quantity (draw, bar, side, price) of the bars of a block, in the panel's unit."""
        n_bins = self.grid.edges.size - 1
        out = np.zeros((len(self.tapes), stop - begin, 2, n_bins), np.float32)
        noisy = np.arange(stop - begin) if noisy is None else noisy
        for d, tapes in enumerate(self.tapes):
            for i, s in enumerate(self.sides):
                j = SIDES.index(s.side)
                columns = heat.advance_grid(  # type: ignore[call-arg]
                    self.state[d, i],
                    self.top[d, i],
                    begin,
                    stop,
                    self.first,
                    *tapes[i],
                    s.reachable,
                    s.low,
                    s.edges,
                    s.template.pointer,
                    s.template.column,
                    s.template.share,
                )
                if self.context.kind == "realised" and noisy.size:
                    chosen = columns[noisy]
                    bars = begin + noisy
                    lumps = self.positions[d][j] * s.share[bars]
                    heat.lumpy_columns(chosen, s.leg.interest[bars], lumps)
                    columns[noisy] = chosen
                inner, _, _ = self.grid.split(columns, s.side)
                out[d, :, j] += inner * s.leg.at_close[begin:stop, None]
        return out
