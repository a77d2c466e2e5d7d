"""Levels with known contents, in the form that outputs have."""

import numpy as np
import xarray as xr


def levels_of(long, short, *, mark=100.0, price_range=(0.5, 2.0)):
    """Levels from notional by bin, arrays (draw, bin) over the side's own bins, nearest first."""
    long, short = np.atleast_2d(long), np.atleast_2d(short)
    low = mark * np.geomspace(price_range[0], 1.0, long.shape[1] + 1)
    high = mark * np.geomspace(1.0, price_range[1], short.shape[1] + 1)
    low[-1] = high[0] = mark
    edges = np.concatenate([low, high[1:]])
    quote = np.zeros((1, long.shape[0], 2, edges.size - 1))
    quote[0, :, 0, : long.shape[1]] = long[:, ::-1]
    quote[0, :, 1, long.shape[1] :] = short
    middle = np.sqrt(edges[1:] * edges[:-1])
    dims = ("chain", "draw", "side", "price")
    return xr.Dataset(
        {"quote": (dims, quote), "quantity": (dims, quote / middle)},
        coords={
            "chain": [0],
            "draw": np.arange(long.shape[0]),
            "side": ["long", "short"],
            "price": middle,
            "price_low": ("price", edges[:-1]),
            "price_high": ("price", edges[1:]),
            "visited": ("price", np.zeros(middle.size, bool)),
        },
        attrs={"mark_price": mark, "quote_unit": "USDT", "unit": "BTC", "kind": "realised"},
    )
