"""Levels of invented books: known masses at known prices."""

import numpy as np
import xarray as xr

from liqbayes.conventions import BINS, PRICE_RANGE

MARK = 50_000.0


def edges(mark: float = MARK, bins: int = BINS) -> np.ndarray:
    return mark * np.geomspace(*PRICE_RANGE, bins + 1)


def levels(quote: np.ndarray, mark: float = MARK) -> xr.Dataset:
    """The dataset of `liquidation_levels` for notional (chain, draw, side, price)."""
    limits = edges(mark, quote.shape[3])
    middle = np.sqrt(limits[:-1] * limits[1:])
    dims = ("chain", "draw", "side", "price")
    rest = {name: (dims[:3], np.zeros(quote.shape[:3])) for name in ("below", "above", "none")}
    return xr.Dataset(
        {"quantity": (dims, quote / middle), "quote": (dims, quote), **rest},
        coords={
            "chain": np.arange(quote.shape[0]),
            "draw": np.arange(quote.shape[1]),
            "side": ["long", "short"],
            "price": middle,
            "price_low": ("price", limits[:-1]),
            "price_high": ("price", limits[1:]),
            "visited": ("price", np.zeros(middle.size, bool)),
        },
        attrs={"mark_price": mark, "unit": "BTC", "quote_unit": "USDT", "kind": "realised"},
    )


def planted(
    *places: tuple[str, float, float, float],
    draws: int = 100,
    floor: float = 1.0,
    noise: float = 0.3,
    seed: int = 1,
    bins: int = BINS,
) -> xr.Dataset:
    """A flat book with lumps of (side, from, to, notional a bin), places over the mark price."""
    rng = np.random.default_rng(seed)
    limits = edges(bins=bins)
    middle = np.sqrt(limits[:-1] * limits[1:]) / MARK
    mean = np.zeros((2, bins))
    mean[0, middle < 1], mean[1, middle > 1] = floor, floor
    for side, low, high, amount in places:
        mean[int(side == "short"), (middle > low) & (middle < high)] += amount
    factor = np.exp(noise * rng.standard_normal((2, draws // 2, 2, bins)))
    return levels(mean * factor)
