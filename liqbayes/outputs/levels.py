"""Standing liquidation levels: by price bin, and within adverse moves."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.conventions import BINS, MOVES, PRICE_RANGE
from liqbayes.engine.standing import Standing, stand, standing_levels
from liqbayes.errors import InputError
from liqbayes.model.data import SIDES, Leg
from liqbayes.outputs.context import Context, Draw, open_fit
from liqbayes.outputs.grid import PriceGrid
from liqbayes.outputs.noise import lumpy_shares

FloatArray = NDArray[np.float64]


def liquidation_levels(
    fit: xr.DataTree,
    *,
    bins: int = BINS,
    price_range: tuple[float, float] = PRICE_RANGE,
    kind: str = "realised",
    group: str = "posterior",
) -> xr.Dataset:
    """Open interest by liquidation price at the last bar.

    Parameters
    ----------
    fit : xarray.DataTree
    bins : int
        Log-spaced price bins.
    price_range : (float, float)
        Grid limits as multiples of the last price.
    kind : {"realised", "expected"}
        With or without the lumpiness of a real book.
    group : {"posterior", "prior"}

    Returns
    -------
    xarray.Dataset
        ``quantity`` and ``quote`` (chain, draw, side, price); ``below``, ``above`` (levels
        outside the grid) and ``none`` (no level), (chain, draw, side). Quantity in the contract's
        unit, quote at the level's price. Bins and rests sum to the side's open interest; for a
        rule to its own book of the side, which need not be open interest.
        Coordinates ``price_low``, ``price_high`` and ``visited`` (price was there in the panel).
    """
    context = open_fit(fit, group, kind)
    grid = PriceGrid.around(context.mark_price, bins, price_range)
    n_chain, n_draw = context.shape
    quantity = np.zeros((n_chain, n_draw, 2, bins))
    quote = np.zeros_like(quantity)
    rest = np.zeros((3, n_chain, n_draw, 2))
    parts = _Parts(context, {side: grid.oriented(side) for side in SIDES})
    rng = context.rng(1)
    for draw in context.draws():
        for j, side in enumerate(SIDES):
            for leg, columns, none in parts.of(draw, side):
                values = np.append(columns, none)
                if context.kind == "realised":
                    values = _lumpy(values, _positions(context, draw, side, leg), rng)
                inner, below, above = grid.split(values[:-1], side)
                at = (*draw.index, j)
                to_common = leg.at_close[context.last]
                quantity[at] += inner * to_common
                quote[at] += _to_quote(inner, grid.middle, leg.kind)
                for i, value in enumerate((below, above, values[-1])):
                    rest[(i, *at)] += value * to_common
    dims = ("chain", "draw", "side", "price")
    out = xr.Dataset(
        {
            "quantity": (dims, quantity, {"units": context.contract.quantity_unit}),
            "quote": (dims, quote, {"units": context.contract.quote_unit}),
            **{
                name: (dims[:3], rest[i], {"units": context.contract.quantity_unit})
                for i, name in enumerate(("below", "above", "none"))
            },
        },
        coords={
            **context.coords(),
            "price": grid.middle,
            "price_low": ("price", grid.low),
            "price_high": ("price", grid.high),
            "visited": ("price", visited(context, grid)),
        },
        attrs=context.attrs(),
    )
    out["price"].attrs = {"units": context.contract.quote_unit, "long_name": "liquidation price"}
    return out


def at_risk(
    fit: xr.DataTree,
    *,
    moves: Sequence[float] = MOVES,
    kind: str = "realised",
    group: str = "posterior",
) -> xr.DataArray:
    """Share of each side's open interest whose level lies within an adverse move.

    Standing levels, as if price gapped there now; see `at_risk_amounts`. For a rule, shares of its
    own book of the side; NaN where that is empty.

    Returns
    -------
    xarray.DataArray, dims (chain, draw, side, move)
    """
    return at_risk_amounts(fit, moves=moves, kind=kind, group=group)["share"]


def at_risk_amounts(
    fit: xr.DataTree,
    *,
    moves: Sequence[float] = MOVES,
    kind: str = "realised",
    group: str = "posterior",
) -> xr.Dataset:
    """Open interest whose level lies within an adverse move of the last price.

    Parameters
    ----------
    fit : xarray.DataTree
    moves : sequence of float
        Adverse moves as fractions of the last price, ascending: falls for longs, rises for shorts.
    kind : {"realised", "expected"}
    group : {"posterior", "prior"}

    Returns
    -------
    xarray.Dataset
        ``share`` of the side's open interest, ``quantity`` in the contract's unit, ``quote``
        valued at the last price, all (chain, draw, side, move); ``delta_quantity`` and
        ``delta_quote`` (chain, draw, move), long minus short: the standing ΔL.

    Raises
    ------
    InputError
        If the moves do not ascend within (0, 1).
    """
    steps = np.asarray(moves, float)
    if (
        steps.ndim != 1
        or not steps.size
        or not (np.diff(steps, prepend=0.0) > 0).all()
        or not (steps < 1).all()
    ):
        raise InputError(f"moves is {tuple(moves)}; give ascending fractions between 0 and 1.")
    context = open_fit(fit, group, kind)
    share, quantity = shares_at_risk(context, steps)
    quote = quantity * _mark_to_quote(context)
    dims = ("chain", "draw", "side", "move")
    return xr.Dataset(
        {
            "share": (dims, share, {"units": "share of the side's open interest"}),
            "quantity": (dims, quantity, {"units": context.contract.quantity_unit}),
            "quote": (dims, quote, {"units": context.contract.quote_unit}),
            **{
                f"delta_{name}": (
                    ("chain", "draw", "move"),
                    amount[:, :, 0] - amount[:, :, 1],
                    {"units": unit, "long_name": "long minus short"},
                )
                for name, amount, unit in (
                    ("quantity", quantity, context.contract.quantity_unit),
                    ("quote", quote, context.contract.quote_unit),
                )
            },
        },
        coords={**context.coords(), "move": steps},
        attrs=context.attrs(),
    )


def shares_at_risk(context: Context, steps: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Share and quantity of each side within adverse moves, (chain, draw, side, move)."""
    mark = np.log(context.mark_price)
    edges = {
        "long": (mark + np.log1p(-steps))[::-1],
        "short": (-mark - np.log1p(steps))[::-1],
    }
    shape = (*context.shape, 2, steps.size)
    share, quantity = np.zeros(shape), np.zeros(shape)
    parts = _Parts(context, edges)
    rng = context.rng(2)
    for draw in context.draws():
        for j, side in enumerate(SIDES):
            total = 0.0
            for leg, columns, none in parts.of(draw, side):
                values = np.append(columns, none)
                if context.kind == "realised":
                    values = _lumpy(values, _positions(context, draw, side, leg), rng)
                # columns run from far to near; the last holds what is nearer than the first move
                within = np.cumsum(values[:-1][::-1])[: steps.size]
                to_common = leg.at_close[context.last]
                quantity[(*draw.index, j)] += within * to_common
                total += values.sum() * to_common
            # a rule's side can be empty, and shares of nothing are unknown
            at = (*draw.index, j)
            share[at] = np.minimum(quantity[at] / total, 1.0) if total > 0 else np.nan
    return share, quantity


def visited(context: Context, grid: PriceGrid) -> NDArray[np.bool_]:
    """Whether price was in each bin since the last segment began."""
    start = context.evaluator.data.path.segments[-1][0]
    path = context.evaluator.data.path
    low = float(np.nanmin(path.low[start : context.last + 1]))
    high = float(np.nanmax(path.high[start : context.last + 1]))
    return np.asarray((grid.high >= low) & (grid.low <= high))


def standing_of(
    context: Context,
    leg: Leg,
    side: str,
    edges: FloatArray,
    *,
    own_bar: bool = False,
    at: int | None = None,
) -> Standing:
    """Matrix of untouched levels of one leg and side; see ``standing_levels``.

    ``at`` is a bar of the last segment, counted with the history; the last by default.
    """
    near, far = context.evaluator.data.cells.distances(leg.kind, side)
    return standing_levels(
        context.evaluator.data.path,
        side,
        near,
        far,
        alive=leg.touches[side].alive,
        book=context.book(),
        volatility=context.evaluator.data.book_volatility,
        n_nodes=context.evaluator.spec.entry_nodes,
        at=context.last if at is None else at,
        edges=edges,
        own_bar=own_bar,
    )


def reachable(context: Context, leg: Leg, side: str) -> NDArray[np.bool_]:
    """Cells that have a level."""
    near, _ = context.evaluator.data.cells.distances(leg.kind, side)
    return np.isfinite(near)


class _Parts:
    """Mass per column, and mass without a level, of every leg of one draw."""

    def __init__(self, context: Context, edges: dict[str, FloatArray]) -> None:
        self.context = context
        self.standing = {
            (leg.name, side): standing_of(context, leg, side, edges[side])
            for leg in context.evaluator.data.legs
            for side in SIDES
        }

    def of(self, draw: Draw, side: str) -> list[tuple[Leg, FloatArray, float]]:
        out = []
        for leg in self.context.evaluator.data.legs:
            s = self.standing[leg.name, side]
            run = draw.runs[leg.name, side]
            columns = stand(
                run.placed,
                run.by_class,
                self.context.last,
                s.first,
                s.pointer,
                s.column,
                s.share,
                s.n_columns,
            )
            living = float(run.living[self.context.last].sum())
            rest = max(living - float(columns.sum()), 0.0)
            if side == "short" and leg.kind == "linear":
                # linear shorts always have a level: the open end lies beyond every grid
                columns[0] += rest
                rest = 0.0
            elif side == "long" and leg.kind == "inverse":
                columns[0] += rest
                rest = 0.0
            out.append((leg, columns, rest))
        return out


def _positions(context: Context, draw: Draw, side: str, leg: Leg) -> float:
    """Effective positions of a leg: a side's are spread over its legs as open interest is.

    Parts of a Dirichlet draw over both legs, given the legs' sums, are Dirichlet draws of their
    own with concentrations in that proportion.
    """
    share = context.evaluator.data.share_of(leg)[context.last]
    return context.evaluator.value(draw.p, "effective_positions", side) * float(share)


def _lumpy(values: FloatArray, positions: float, rng: np.random.Generator) -> FloatArray:
    total = values.sum()
    return lumpy_shares(values / total, positions, rng) * total


def _to_quote(quantity: FloatArray, price: FloatArray, kind: str) -> FloatArray:
    return quantity * price if kind == "linear" else quantity


def _mark_to_quote(context: Context) -> float:
    """Factor from the panel's quantity unit to quote at the last price."""
    return context.mark_price if context.contract.kind == "linear" else 1.0
