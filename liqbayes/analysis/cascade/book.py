"""What stands to be forced on one side, by distance from the price."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ForcedBook:
    """Forced notional of one side by log distance from the last price.

    Attributes
    ----------
    side : {"long", "short"}
    edges : ndarray, shape (bin + 1,)
        Ascending log distances; the first is 0. Falls for longs, rises for shorts.
    mass : ndarray, shape (draw, bin)
        Quote currency at the level, evenly spread over the bin.
    """

    side: str
    edges: FloatArray
    mass: FloatArray

    @property
    def cumulative(self) -> FloatArray:
        """Notional up to each edge, shape (draw, bin + 1)."""
        zero = np.zeros((self.mass.shape[0], 1))
        return np.concatenate([zero, np.cumsum(self.mass, axis=1)], axis=1)

    def upto(self, distance: FloatArray) -> FloatArray:
        """Notional up to distances, shape (draw, ...) or what broadcasts with draws first.

        NaN beyond the last edge.
        """
        return piecewise(self.edges, self.cumulative, distance)

    def log_distance(self, move: float) -> float:
        """Log distance of an adverse move given as a fraction of the price.

        Raises
        ------
        InputError
            If it is not positive or lies outside the priced range.
        """
        top = self.reach
        if not 0 < move < top * (1 - 1e-12):
            raise InputError(
                f"a move of {move:g} for {self.side}s is outside the priced range; use fractions "
                f"above 0 and below {top:.4g}, or levels with a wider price_range."
            )
        return float(-np.log1p(-move) if self.side == "long" else np.log1p(move))

    def fraction(self, distance: FloatArray) -> FloatArray:
        """Move as a fraction of the price; inverse of ``log_distance``."""
        return -np.expm1(-distance) if self.side == "long" else np.expm1(distance)

    @property
    def reach(self) -> float:
        """Largest move that the levels price, as a fraction."""
        return float(self.fraction(self.edges[-1:])[0])


def forced_book(
    levels: xr.Dataset, side: str, closing_share: FloatArray | float = 1.0
) -> ForcedBook:
    """Take the forced notional of one side from levels.

    Parameters
    ----------
    levels : Dataset
        As `liqbayes.liquidation_levels` returns it.
    side : {"long", "short"}
    closing_share : float or ndarray, shape (chain, draw)
        Share of what is reached that is sold or bought by force.

    Raises
    ------
    InputError
        On an unknown side, levels that are unknown, or a share outside [0, 1].
    """
    if side not in ("long", "short"):
        raise InputError(f"side is {side!r}; use 'long' or 'short'.")
    mark = float(levels.attrs["mark_price"])
    quote = levels["quote"].sel(side=side).transpose("chain", "draw", "price").to_numpy()
    share = np.broadcast_to(np.asarray(closing_share, float), quote.shape[:2])
    if not ((share >= 0) & (share <= 1)).all():
        raise InputError("closing_share must lie between 0 and 1 in every draw.")
    low, high = levels["price_low"].to_numpy(), levels["price_high"].to_numpy()
    if side == "long":
        inside = low < mark * (1 - 1e-12)
        near, far = np.log(mark / high[inside])[::-1], np.log(mark / low[inside])[::-1]
    else:
        inside = high > mark * (1 + 1e-12)
        near, far = np.log(low[inside] / mark), np.log(high[inside] / mark)
    if not inside.any():
        raise InputError(
            f"no bin of the levels lies on the {side}s' side of the price {mark:g}; use a "
            "price_range around it."
        )
    mass = quote[..., inside].reshape(-1, int(inside.sum()))
    if side == "long":
        mass = mass[:, ::-1]
    if not (np.isfinite(mass).all() and (mass >= 0).all()):
        raise InputError(f"the {side}s' levels hold unknown or negative values; none may be.")
    # a level in the bin that holds the price stands on the side it can be reached from
    edges = np.append(np.maximum(near[0], 0.0), far)
    if edges[0] > 0:
        edges = np.concatenate([[0.0], edges])
        mass = np.concatenate([np.zeros((mass.shape[0], 1)), mass], axis=1)
    return ForcedBook(side, edges, mass * share.reshape(-1, 1))


def piecewise(edges: FloatArray, values: FloatArray, at: FloatArray) -> FloatArray:
    """Linear interpolation of each draw's values over common edges; NaN outside them.

    Parameters
    ----------
    edges : ndarray, shape (edge,)
    values : ndarray, shape (draw, edge)
    at : ndarray, shape (draw, point)

    Returns
    -------
    ndarray, shape (draw, point)
    """
    inside = (at >= edges[0]) & (at <= edges[-1])
    index = np.clip(np.searchsorted(edges, at, side="right") - 1, 0, edges.size - 2)
    left, right = edges[index], edges[index + 1]
    with np.errstate(invalid="ignore"):
        weight = (np.where(inside, at, left) - left) / (right - left)
    lower = np.take_along_axis(values, index, axis=1)
    upper = np.take_along_axis(values, index + 1, axis=1)
    # written so that both ends come out exactly
    return np.where(inside, lower * (1 - weight) + upper * weight, np.nan)
