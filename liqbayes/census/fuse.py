"""Known positions and posterior in one map: what is known enters exactly, the rest keeps its law.

A side's book given the parameters is a Dirichlet process: a gamma process of total shape N (the
effective number of positions) and base measure p (the expected shares), normalised (Ferguson 1973,
doi 10.1214/aos/1176342360). A gamma process is completely random: its masses over disjoint sets of
positions are independent (Kingman 1967, doi 10.2140/pjm.1967.21.59). So given the parameters, known
positions say nothing of where the others are, and the others, with a part 1 - s of the side's open
interest, are a Dirichlet process with the same p and N (1 - s) effective positions. Nothing is
subtracted from a bin, and nothing can become negative. That membership in the census does not
depend on the level is an assumption, named in the attributes.

What known positions do tell is N: no bar of a panel does, its posterior is its prior. Where they
are lumpier than a draw's N, their own effective number counts in its place.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from liqbayes.conventions import BINS, MOVES, PRICE_RANGE
from liqbayes.errors import InputError
from liqbayes.outputs import at_risk, liquidation_levels
from liqbayes.outputs.context import KINDS, is_rule
from liqbayes.panel import check_positions
from liqbayes.sampling.fit import panel_of

FloatArray = NDArray[np.float64]

#: Positions may be seen so many hours from the fit's last bar.
MOST_HOURS = 6.0
#: A census of everything may exceed open interest by what sums of rounded sizes do.
ROUNDING = 1e-6
ASSUMPTION = (
    "the remainder keeps the posterior: given the parameters, whether a position is known does "
    "not depend on its level; the remainder is no less lumpy than what is known"
)
_SIDES = ("long", "short")


def fuse(
    fit: xr.DataTree,
    positions: pd.DataFrame | None = None,
    *,
    bins: int = BINS,
    price_range: tuple[float, float] = PRICE_RANGE,
    moves: Sequence[float] = MOVES,
    kind: str = "realised",
    group: str = "posterior",
    seed: int = 0,
) -> xr.Dataset:
    """Liquidation levels of a fit and of known positions together.

    Parameters
    ----------
    fit : xarray.DataTree
    positions : DataFrame, optional
        See `liqbayes.panel.check_positions`; sizes in the contract's quantity unit. Of several
        times the one nearest to the fit's last bar counts. Those of the fit's panel by default.
    bins, price_range
        As in `liquidation_levels`.
    moves : sequence of float
        As in `at_risk`.
    kind : {"realised", "expected"}
        With or without the lumpiness of the remainder; the known positions are what they are.
    group : {"posterior", "prior"}
    seed : int
        Of the lumpiness.

    Returns
    -------
    xarray.Dataset
        ``quantity`` (chain, draw, side, price), ``below``, ``above``, ``none`` (chain, draw,
        side), which sum to the side's open interest; ``known`` (side, price) and its rests
        ``known_below``, ``known_above``, ``known_none``; ``share_observed`` (chain, draw, side,
        price), the known part of each bin (NaN where a bin is empty), and
        ``share_observed_side``; ``at_risk`` (chain, draw, side, move), share of the side's open
        interest, with a lumpiness of its own: a "realised" draw of it is not the sum of that
        draw's bins, whose edges are others; the laws agree.

    Raises
    ------
    InputError
        If there are no positions near the fit's time, they exceed open interest, or the fit is
        of a rule.
    """
    if kind not in KINDS:
        raise InputError(f"kind is {kind!r}; use one of {', '.join(KINDS)}.")
    if is_rule(fit):
        raise InputError(
            "the book of a rule is not open interest, so what known positions leave of it is "
            "unknown; fuse a sampled model."
        )
    levels = liquidation_levels(
        fit, bins=bins, price_range=price_range, kind="expected", group=group
    )
    known = known_positions(fit, positions, pd.Timestamp(levels.attrs["as_of"]))
    expected = _all_bins(levels)
    interest = expected.sum(axis=-1)
    held = np.stack([_binned(known, side, levels) for side in _SIDES])
    part = observed_share(held.sum(axis=1), float(interest[0, 0].mean()))
    rng = np.random.default_rng([seed, 43])
    lumps = None
    if kind == "realised":
        sizes = [known.loc[known["side"] == side, "size"] for side in _SIDES]
        lumps = side_positions(effective_positions(fit, group), sizes, part)
    rest = _remainder(expected, lumps, 1.0 - part, rng)
    total = rest + held
    risk = _fused_risk(fit, known, part, moves, lumps, group, seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = np.where(total > 0, held / total, np.nan)
    dims = ("chain", "draw", "side")
    unit = {"units": levels.attrs["unit"]}
    out = xr.Dataset(
        {
            "quantity": ((*dims, "price"), total[..., :bins], unit),
            "known": (("side", "price"), held[:, :bins], unit),
            "share_observed": ((*dims, "price"), observed[..., :bins], {"units": "share"}),
            "share_observed_side": ("side", part, {"units": "share of open interest"}),
            "at_risk": ((*dims, "move"), risk, {"units": "share of the side's open interest"}),
        },
        coords={**levels.coords, "move": np.asarray(moves, float)},
        attrs={**levels.attrs, "kind": kind, "assumption": ASSUMPTION},
    )
    for i, name in enumerate(("below", "above", "none")):
        out[name] = (dims, total[..., bins + i], unit)
        out[f"known_{name}"] = ("side", held[:, bins + i], unit)
    return out


def known_positions(
    fit: xr.DataTree, positions: pd.DataFrame | None, as_of: pd.Timestamp
) -> pd.DataFrame:
    """Positions at the time nearest to the fit's last bar, validated.

    Raises
    ------
    InputError
        If there are none within `MOST_HOURS`.
    """
    if positions is None:
        positions = panel_of(fit)[0].positions
        if positions is None:
            raise InputError(
                "the fit's panel has no positions; give positions= or read the panel with them."
            )
    table = check_positions(positions)
    if table.empty:
        raise InputError("the table of positions is empty; without any there is nothing to fuse.")
    gap = (table["time"] - as_of).abs()
    if gap.min() > pd.Timedelta(hours=MOST_HOURS):
        raise InputError(
            f"the nearest positions are {gap.min() / pd.Timedelta(hours=1):.1f} hours from the "
            f"fit's last bar ({as_of}); use some within {MOST_HOURS:g} hours."
        )
    nearest = table["time"].to_numpy() == table["time"].to_numpy()[int(gap.to_numpy().argmin())]
    return pd.DataFrame(table[nearest])


def observed_share(held: FloatArray, interest: float) -> FloatArray:
    """Known part of each side's open interest, shape (side,).

    Raises
    ------
    InputError
        If it is more than all.
    """
    part = held / interest
    if (part > 1 + ROUNDING).any():
        side = _SIDES[int(part.argmax())]
        raise InputError(
            f"the known {side} positions are {part.max():.2f} times open interest; sizes must be "
            "in the contract's unit, and the census of this venue and time."
        )
    return np.minimum(part, 1.0)


def lumpy_part(
    shares: FloatArray, positions: FloatArray, part: FloatArray | float, rng: np.random.Generator
) -> FloatArray:
    """Dirichlet draws of the shares of a part of a side's open interest.

    Parameters
    ----------
    shares : ndarray, shape (..., bin)
        Expected shares that sum to one.
    positions : ndarray, shape (...)
        Effective positions of the whole side.
    part : ndarray or float
        The part's share of the side's open interest.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (..., bin)
        Non-negative, each summing to one.
    """
    lumps = np.expand_dims(np.asarray(positions * part), -1)
    shapes: FloatArray = np.asarray(lumps * np.maximum(shares, 0.0))
    weight = rng.standard_gamma(shapes)
    total = weight.sum(axis=-1, keepdims=True)
    # every gamma underflowed: a part of next to no positions is one position
    lone = ~(weight.sum(axis=-1) > 0)
    if lone.any():
        of: FloatArray = np.asarray(np.cumsum(shares[lone], axis=-1))
        place = rng.uniform(size=(len(of), 1)) * of[:, -1:]
        at = np.sum(place > of, axis=-1)
        weight[lone] = np.eye(shares.shape[-1])[at]
        total = weight.sum(axis=-1, keepdims=True)
    return np.asarray(weight / total)


def effective_positions(fit: xr.DataTree, group: str) -> FloatArray:
    """Effective number of positions, (chain, draw, side), of a model that is no rule."""
    data = fit[group].to_dataset()
    return np.asarray(data["effective_positions"].transpose("chain", "draw", "side").to_numpy())


def side_positions(
    positions: FloatArray, sizes: Sequence[ArrayLike], part: FloatArray
) -> FloatArray:
    """Effective positions of whole sides that are no less lumpy than the known ones.

    Known sizes ``w`` with a part s of open interest have ``(sum w)^2 / sum w^2`` effective
    positions (the inverse Herfindahl index), and a side as lumpy as they ``1 / s`` times as many.

    Parameters
    ----------
    positions : ndarray, shape (..., side)
        Draws of the number of a side.
    sizes : sequence of array_like, one a side
        Known sizes; none leaves the draws of a side.
    part : ndarray, shape (side,)
        Their share of the side's open interest.

    Returns
    -------
    ndarray, shape (..., side)
    """
    out = np.array(positions, float)
    for j, each in enumerate(sizes):
        size = np.asarray(each, float)
        if size.size and part[j] > 0:
            seen = size.sum() ** 2 / (size**2).sum() / part[j]
            out[..., j] = np.minimum(out[..., j], seen)
    return out


def _remainder(
    expected: FloatArray,
    positions: FloatArray | None,
    part: FloatArray,
    rng: np.random.Generator,
) -> FloatArray:
    """Quantity of what is not known, in all bins; lumpy if positions are given."""
    total = expected.sum(axis=-1, keepdims=True)
    shares = expected / total
    if positions is not None:
        shares = lumpy_part(shares, positions, part, rng)
    return np.asarray(shares * total * part[:, None])


def _fused_risk(
    fit: xr.DataTree,
    known: pd.DataFrame,
    part: FloatArray,
    moves: Sequence[float],
    positions: FloatArray | None,
    group: str,
    seed: int,
) -> FloatArray:
    """Share of each side within adverse moves, (chain, draw, side, move)."""
    risk = at_risk(fit, moves=moves, kind="expected", group=group)
    price = float(liquidation_levels(fit, bins=2, kind="expected", group=group).attrs["mark_price"])
    shares = within_part(
        risk.to_numpy(),
        positions,
        1.0 - part,
        np.random.default_rng([seed, 44]),
    )
    held = np.stack([known_within(known, side, price, moves) for side in _SIDES])
    return np.asarray((1.0 - part)[:, None] * shares + part[:, None] * held)


def within_part(
    expected: FloatArray,
    positions: FloatArray | None,
    part: FloatArray | float,
    rng: np.random.Generator,
) -> FloatArray:
    """Shares within ascending moves of a part of open interest, lumpy if positions are given.

    Parameters
    ----------
    expected : ndarray, shape (..., move)
        Of the whole side.
    positions : ndarray, shape (...), optional
    part : ndarray or float
        As in `lumpy_part`.
    rng : numpy.random.Generator
    """
    if positions is None:
        return expected
    steps = np.diff(expected, axis=-1, prepend=0.0, append=1.0)
    return np.cumsum(lumpy_part(steps, positions, part, rng), axis=-1)[..., :-1]


def known_within(
    known: pd.DataFrame, side: str, price: float, moves: Sequence[float]
) -> FloatArray:
    """Share of a side's known size whose level lies within adverse moves; 0 without any."""
    own = known[known["side"] == side]
    size = own["size"].to_numpy(float)
    sign = 1.0 if side == "long" else -1.0
    distance = sign * (1.0 - own["liquidation_price"].to_numpy(float) / price)
    if not size.size:
        return np.zeros(len(moves))
    return np.array([size[distance <= move].sum() / size.sum() for move in moves])


def _all_bins(levels: xr.Dataset) -> FloatArray:
    rests = [levels[name].to_numpy()[..., None] for name in ("below", "above", "none")]
    return np.concatenate([levels["quantity"].to_numpy(), *rests], axis=-1)


def _binned(known: pd.DataFrame, side: str, levels: xr.Dataset) -> FloatArray:
    """Known size by price bin, then below, above and without a level."""
    own = known[known["side"] == side]
    edges = np.append(levels["price_low"].to_numpy(), levels["price_high"].to_numpy()[-1])
    level = own["liquidation_price"].to_numpy(float)
    n = edges.size - 1
    at = np.searchsorted(edges, level, side="right") - 1
    at = np.where(level < edges[0], n, np.where(level >= edges[-1], n + 1, at))
    at = np.where(np.isnan(level), n + 2, at)
    return np.bincount(at, own["size"].to_numpy(float), minlength=n + 3)
