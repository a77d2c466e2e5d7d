"""Outputs of an invented fit: the shapes and attributes of `liqbayes.outputs`, small and fast.

A book of lumps drawn around a smooth density that grows with the distance from the price, so that
near bins are known, far ones uncertain and some empty.
"""

import numpy as np
import pandas as pd
import xarray as xr

from liqbayes.conventions import MOVES, OPENED_WINDOWS, WINDOWS

SIDES = ["long", "short"]
LEVERAGE_WINDOWS = ["open_interest", *OPENED_WINDOWS]


def price_path(bars: int = 240, seed: int = 4) -> tuple[pd.DatetimeIndex, np.ndarray]:
    rng = np.random.default_rng(seed)
    returns = 0.006 * rng.standard_t(4, bars) / np.sqrt(2)
    returns[bars // 2] -= 0.08
    time = pd.date_range("2024-03-01", periods=bars, freq="h")
    return time, 60_000 * np.exp(np.cumsum(returns))


def price_grid(mark: float, bins: int = 400) -> np.ndarray:
    return mark * np.geomspace(0.5, 2.0, bins + 1)


def expected_levels(edges: np.ndarray, mark: float, side: str) -> np.ndarray:
    """Smooth density per bin: nothing near the price, a hump, a long tail."""
    mid = np.sqrt(edges[:-1] * edges[1:])
    distance = np.log(mark / mid) if side == "long" else np.log(mid / mark)
    x = np.maximum(distance, 1e-9)
    shape = np.where(distance > 0.004, np.exp(-0.5 * (np.log(x / 0.06) / 0.9) ** 2) / x, 0.0)
    return 60_000 * shape / shape.sum()


def levels(
    *, chains: int = 2, draws: int = 100, bins: int = 400, seed: int = 0, spread: float = 0.35
) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    _, path = price_path()
    mark = float(path[-1])
    edges = price_grid(mark, bins)
    shape = (chains, draws, 2, bins)
    mean = np.stack([expected_levels(edges, mark, s) for s in SIDES])
    tilt = np.exp(spread * rng.standard_normal((chains, draws, 2, 1)))
    lumps = rng.gamma(0.3 + mean / 120.0, 1.0, size=shape) * (rng.random(shape) < 0.75)
    quantity = mean * tilt * lumps / np.maximum(0.3 + mean / 120.0, 1e-9)
    low, high = edges[:-1], edges[1:]
    mid = np.sqrt(low * high)
    outside = rng.uniform(1000, 4000, size=(chains, draws, 2))
    per_side = ("chain", "draw", "side")
    return xr.Dataset(
        {
            "quantity": (("chain", "draw", "side", "price"), quantity),
            "quote": (("chain", "draw", "side", "price"), quantity * mid),
            "below": (per_side, outside),
            "above": (per_side, 0.1 * outside),
            "none": (per_side, 2 * outside),
        },
        coords={
            "chain": range(chains),
            "draw": range(draws),
            "side": SIDES,
            "price": mid,
            "price_low": ("price", low),
            "price_high": ("price", high),
            "visited": ("price", (high > path.min()) & (low < path.max())),
        },
        attrs={
            "unit": "BTC",
            "quote_unit": "USDT",
            "mark_price": mark,
            "as_of": "2024-03-11T00:00:00",
            "kind": "realised",
        },
    )


def heatmap(bars: int = 240, bins: int = 400, seed: int = 0) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    time, path = price_path(bars)
    edges = price_grid(float(path[-1]), bins)
    book = np.zeros((2, bins))
    mean = np.zeros((bars, 2, bins))
    sigma = np.zeros((bars, 2, bins))
    age = np.zeros((2, bins))
    for t in range(bars):
        fresh = np.stack([expected_levels(edges, path[t], s) for s in SIDES])
        lump = rng.gamma(0.4, 1 / 0.4, size=fresh.shape)
        book = 0.97 * book + 0.03 * fresh * lump
        book[0, edges[1:] > path[t]] = 0.0
        book[1, edges[:-1] < path[t]] = 0.0
        age = np.where(book > 0, age + 1, 0)
        mean[t] = book
        sigma[t] = 0.3 + 1.2 * np.exp(-age / 60) + 2.0 * (book < 20)
    z = 1.645
    median = np.where(mean < 8, 0.0, mean * np.exp(-(sigma**2) / 8))
    quantity = np.stack(
        [median * np.exp(-z * sigma), median, np.maximum(median, mean) * np.exp(z * sigma / 2)]
    )
    threshold = 100.0
    above = np.clip(0.5 + 0.5 * np.log(np.maximum(mean, 1e-9) / threshold) / (z * sigma), 0, 1)
    bridged = np.zeros(bars, bool)
    bridged[bars // 3 : bars // 3 + 9] = True
    dims = ("time", "side", "price")
    return xr.Dataset(
        {
            "quantity": (("quantile", *dims), quantity),
            "mean": (dims, mean),
            "p_above": (dims, above, {"threshold": threshold}),
            "close": ("time", path),
            "bridged": ("time", bridged),
        },
        coords={
            "quantile": [0.05, 0.5, 0.95],
            "time": time,
            "side": SIDES,
            "price": np.sqrt(edges[:-1] * edges[1:]),
            "price_low": ("price", edges[:-1]),
            "price_high": ("price", edges[1:]),
        },
        attrs={"unit": "BTC", "quote_unit": "USDT", "kind": "realised", "threshold": threshold},
    )


def delta(*, chains: int = 2, draws: int = 200, seed: int = 1, known: int = 6) -> xr.Dataset:
    """Windows from the `known`-th on are not covered by the panel."""
    rng = np.random.default_rng(seed)
    hours = np.array([1, 4, 12, 24, 72, 168, 720])
    scale = 2e5 * hours**0.9
    shape = (chains, draws, len(hours))
    long = scale * rng.gamma(2.0, 0.5, size=shape) * 1.3
    short = scale * rng.gamma(2.0, 0.5, size=shape)
    long[..., 0] = 0.0
    for values in (long, short):
        values[..., known:] = np.nan
    end = pd.Timestamp("2024-03-11")
    start = [end - pd.Timedelta(hours=int(h)) for h in hours]
    dims = ("chain", "draw", "window")
    amounts = {"long": long, "short": short, "delta": long - short}
    return xr.Dataset(
        {k: (dims, v) for k, v in amounts.items()}
        | {f"{k}_quantity": (dims, v / 60_000) for k, v in amounts.items()},
        coords={
            "chain": range(chains),
            "draw": range(draws),
            "window": list(WINDOWS),
            "start": ("window", np.array(start, dtype="datetime64[ns]")),
            "end": ("window", np.array([end] * len(hours), dtype="datetime64[ns]")),
        },
        attrs={"unit": "BTC", "quote_unit": "USDT"},
    )


def leverage(
    *,
    chains: int = 2,
    draws: int = 200,
    concentration: float = 300.0,
    seed: int = 2,
    centre: float = 12.0,
) -> xr.DataArray:
    rng = np.random.default_rng(seed)
    upper = np.append(np.geomspace(200, 1.05, 19), np.geomspace(1.05, 0.2, 6)[1:])
    low, high = np.append(upper[1:], 0.0), upper
    mid = np.sqrt(np.maximum(low, 0.1) * high)
    weight = np.stack(
        [np.exp(-0.5 * (np.log(mid / c) / 1.0) ** 2) + 0.01 for c in (centre, 0.7 * centre)]
    )
    weight /= weight.sum(1, keepdims=True)
    share = rng.gamma(weight * concentration, 1.0, size=(chains, draws, *weight.shape))
    share /= share.sum(-1, keepdims=True)
    return xr.DataArray(
        share,
        dims=("chain", "draw", "side", "leverage"),
        coords={
            "chain": range(chains),
            "draw": range(draws),
            "side": SIDES,
            "leverage": mid,
            "leverage_low": ("leverage", low),
            "leverage_high": ("leverage", high),
        },
        attrs={"weighting": "open_interest"},
        name="share",
    )


def entry(
    *, chains: int = 2, draws: int = 100, concentration: float = 800.0, seed: int = 3
) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    _, path = price_path()
    edges = price_grid(float(path[-1]))
    counts = np.histogram(path, edges)[0] + np.where(
        (edges[1:] > 0.9 * path.min()) & (edges[:-1] < 1.1 * path.max()), 0.2, 0.0
    )
    weight = counts / counts.sum()
    share = rng.gamma(weight * concentration, 1.0, size=(chains, draws, 2, weight.size))
    share /= share.sum(-1, keepdims=True)
    mid = np.sqrt(edges[:-1] * edges[1:])
    return xr.Dataset(
        {
            "share": (("chain", "draw", "side", "price"), share),
            "vwap": (("chain", "draw", "side"), (share * mid).sum(-1)),
        },
        coords={
            "chain": range(chains),
            "draw": range(draws),
            "side": SIDES,
            "price": mid,
            "price_low": ("price", edges[:-1]),
            "price_high": ("price", edges[1:]),
        },
        attrs={"unit": "BTC", "quote_unit": "USDT"},
    )


def reports(bars: int = 240, seed: int = 5) -> tuple[xr.Dataset, xr.Dataset]:
    rng = np.random.default_rng(seed)
    time, path = price_path(bars)
    change = np.diff(np.log(path), prepend=np.log(path[0]))
    seen, predicted = {}, {}
    for side, sign in (("long", -1.0), ("short", 1.0)):
        size = 2.0 * np.exp(80 * sign * change)
        draws = rng.lognormal(np.log(size), 0.9, size=(2, 100, bars))
        draws *= rng.random(draws.shape) < 0.85
        observed = rng.lognormal(np.log(size), 0.9) * (rng.random(bars) < 0.85)
        coords = {f"time_{side}": time}
        seen[side] = xr.DataArray(observed, dims=f"time_{side}", coords=coords)
        predicted[side] = xr.DataArray(draws, dims=("chain", "draw", f"time_{side}"), coords=coords)
    return xr.Dataset(seen), xr.Dataset(predicted)


def at_risk(book: xr.Dataset) -> xr.DataArray:
    """Shares within adverse moves, from a levels Dataset."""
    mark = book.attrs["mark_price"]
    total = book["quantity"].sum("price") + book["below"] + book["above"] + book["none"]
    shares = []
    for move in MOVES:
        long = book["quantity"].sel(side="long").where(book["price"] >= mark * (1 - move), 0.0)
        short = book["quantity"].sel(side="short").where(book["price"] <= mark * (1 + move), 0.0)
        both = xr.concat([long.sum("price"), short.sum("price")], "side").assign_coords(side=SIDES)
        shares.append(both / total)
    out = xr.concat(shares, "move").assign_coords(move=list(MOVES))
    return out.transpose("chain", "draw", "side", "move").rename("share")
