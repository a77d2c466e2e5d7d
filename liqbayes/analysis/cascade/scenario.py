"""What a shock becomes when forced orders move the price on."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.analysis.cascade.book import ForcedBook, forced_book
from liqbayes.analysis.impact import (
    IMPACT_PRIORS,
    SCENARIOS,
    Liquidity,
    Prior,
    draw_priors,
)
from liqbayes.conventions import MOVES
from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]

SIDES = ("long", "short")
NOTE = (
    "scenario, prior-driven: the size of price impact, the depth left and what is absorbed off "
    "book are assumptions with sources, not results of the fit"
)
_VALUES = {
    "rest": ("1", "move at which the price rests, as a fraction of the last price"),
    "amplification": ("1", "that move over the shock"),
    "liquidated": ("quote", "forced notional up to there"),
    "triggered": ("1", "share of it that the shock alone would not have reached"),
    "shortfall": ("quote", "loss of forced positions beyond their margin"),
    "shortfall_triggered": ("quote", "that of positions that the shock alone did not reach"),
    "surplus": ("quote", "margin left of positions filled before their bankruptcy price"),
    "bankrupt": ("quote", "notional filled past its bankruptcy price"),
}


def cascades(
    levels: xr.Dataset,
    liquidity: Liquidity,
    *,
    shocks: Sequence[float] = MOVES,
    closing_share: FloatArray | float = 1.0,
    gap: Mapping[str, FloatArray | float] | None = None,
    kind: str = "linear",
    priors: Sequence[Prior] = IMPACT_PRIORS,
    fixed: Mapping[str, float] | None = None,
    scenarios: int = SCENARIOS,
    seed: int = 1,
) -> xr.Dataset:
    """Let shocks of both sides run to where the price rests, in every draw.

    After a jump by the shock the price rests at the least ``l`` with
    ``l = x + Y σ ((1 - a) M(l) / (D V))^δ`` in log distance: ``M`` the forced notional up to ``l``,
    ``σ`` and ``V`` the market's daily volatility and volume, and ``Y``, ``δ``, ``D``, ``a`` drawn
    from the priors. Every posterior draw meets every draw of the priors.

    A scenario and prior-driven: nothing in it says how likely a shock is, or that the market's
    other traders stand by.

    Parameters
    ----------
    levels : Dataset
        As `liqbayes.liquidation_levels` returns it.
    liquidity : Liquidity
        As `liquidity_of` returns it.
    shocks : sequence of float
        Initial adverse moves as fractions: falls for longs, rises for shorts.
    closing_share : float or ndarray, shape (chain, draw)
        Share of what is reached that is liquidated; the rest moves its level, or was closed by its
        owner.
    gap : mapping of str to float or ndarray, optional
        By side, log distance from liquidation to bankruptcy price, as `bankruptcy_gap` gives it,
        a number or one a draw (chain, draw). Without it shortfalls are unknown (NaN).
    kind : {"linear", "inverse"}
        Of the contract, for shortfalls.
    priors : sequence of Prior
        With the names of `IMPACT_PRIORS`.
    fixed : mapping of str to float, optional
        Values that replace draws of the priors.
    scenarios : int
        Draws of the priors.
    seed : int

    Returns
    -------
    Dataset
        Over (chain, draw, scenario, side, shock): ``rest``, ``amplification``, ``liquidated``,
        ``triggered``, ``shortfall``, ``shortfall_triggered``, ``surplus``, ``bankrupt``.
        ``rest`` is inf where the price does not come to rest within the priced range: what happens
        beyond is not identified, and the other values are NaN there. The draws of the priors are
        coordinates of ``scenario``.

    Raises
    ------
    InputError
        On a shock outside the priced range, or a value no prior allows (such as no depth).
    """
    drawn = draw_priors(priors, scenarios, seed, fixed)
    lacking = sorted({p.name for p in IMPACT_PRIORS} - set(drawn))
    if lacking:
        raise InputError(f"priors lack {', '.join(lacking)}; start from IMPACT_PRIORS.")
    if kind not in ("linear", "inverse"):
        raise InputError(f"kind is {kind!r}; use 'linear' or 'inverse'.")
    n_chain, n_draw = levels.sizes["chain"], levels.sizes["draw"]
    shape = (n_chain * n_draw, scenarios, len(SIDES), len(shocks))
    out = {name: np.full(shape, np.nan) for name in _VALUES}
    for j, side in enumerate(SIDES):
        book = forced_book(levels, side, closing_share)
        steps = np.array([book.log_distance(x) for x in shocks])
        found = None if gap is None else gap.get(side)
        margin = np.full((n_chain, n_draw), np.nan) if found is None else np.asarray(found, float)
        margin = np.broadcast_to(margin, (n_chain, n_draw)).reshape(-1)
        for name, value in _run(book, liquidity, drawn, steps, margin, kind).items():
            out[name][:, :, j] = value
    dims = ("chain", "draw", "scenario", "side", "shock")
    unit = levels.attrs["quote_unit"]
    return xr.Dataset(
        {
            name: (
                dims,
                out[name].reshape(n_chain, n_draw, *shape[1:]),
                {"units": unit if units == "quote" else units, "long_name": long_name},
            )
            for name, (units, long_name) in _VALUES.items()
        },
        coords={
            "chain": levels["chain"],
            "draw": levels["draw"],
            "scenario": np.arange(scenarios),
            "side": list(SIDES),
            "shock": np.asarray(shocks, float),
            **{name: ("scenario", values) for name, values in drawn.items()},
        },
        attrs={
            **{k: levels.attrs[k] for k in ("mark_price", "quote_unit") if k in levels.attrs},
            "note": NOTE,
            "daily_volatility": liquidity.volatility,
            "daily_volume": liquidity.volume,
            "priced_range": [forced_book(levels, side).reach for side in SIDES],
        },
    )


def impact_scale(
    liquidity: Liquidity,
    coefficient: FloatArray,
    exponent: FloatArray,
    depth: FloatArray | float = 1.0,
) -> FloatArray:
    """Factor ``s`` of the impact ``s q^δ`` of a quantity in quote currency."""
    return np.asarray(coefficient * liquidity.volatility / (depth * liquidity.volume) ** exponent)


def _run(
    book: ForcedBook,
    liquidity: Liquidity,
    drawn: Mapping[str, FloatArray],
    steps: FloatArray,
    margin: FloatArray,
    kind: str,
) -> dict[str, FloatArray]:
    """All shocks of one side, values of shape (draw, scenario, shock)."""
    from liqbayes.analysis.cascade import kernels

    exponent = drawn["impact_exponent"]
    scale = impact_scale(liquidity, drawn["impact_coefficient"], exponent, drawn["remaining_depth"])
    # the kernel takes shocks in ascending order
    order = np.argsort(steps)
    raw = kernels.run(
        book.edges,
        book.cumulative,
        steps[order],
        scale,
        exponent,
        1.0 - drawn["absorbed_off_book"],
        np.ascontiguousarray(margin),
        -1.0 if book.side == "long" else 1.0,
        kind == "linear",
    )[:, :, np.argsort(order)]
    rest, liquidated = raw[..., kernels.REST], raw[..., kernels.LIQUIDATED]
    with np.errstate(invalid="ignore", divide="ignore"):
        # nothing liquidated, nothing triggered
        share = np.where(liquidated > 0, 1.0 - raw[..., kernels.REACHED] / liquidated, 0.0)
    move = np.where(np.isfinite(rest), book.fraction(rest), np.inf)
    return {
        "rest": move,
        "amplification": move / book.fraction(steps),
        "liquidated": liquidated,
        "triggered": np.where(np.isfinite(liquidated), np.maximum(share, 0.0), np.nan),
        "shortfall": raw[..., kernels.SHORTFALL],
        "shortfall_triggered": raw[..., kernels.BY_CASCADE],
        "surplus": raw[..., kernels.SURPLUS],
        "bankrupt": raw[..., kernels.BANKRUPT],
    }
