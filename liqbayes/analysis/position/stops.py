"""Where a stop stands among clusters of liquidation levels."""

import numpy as np
import pandas as pd
import xarray as xr

from liqbayes.analysis.forward.ahead import Ladder
from liqbayes.analysis.position.level import Held
from liqbayes.conventions import has_interval
from liqbayes.errors import InputError

#: Of a stop that lies beyond a cluster.
STOP_PROBABILITIES = (0.5, 0.8, 0.9)


def stop_beyond(held: Held, clusters: xr.Dataset) -> tuple[pd.DataFrame, float]:
    """Distance of a stop to the clusters on its way, and whether it lies beyond them.

    A fall that reaches a long's stop has first liquidated the longs whose levels lie above it; if
    those make a cluster, forced selling may carry price through the stop. In each draw a stop lies
    beyond a cluster if that is among the draw's top and the stop is farther from the mark price
    than the far end of the range that the draw has there.

    Parameters
    ----------
    held : Held
        With a stop.
    clusters : Dataset
        As `find_clusters` returns it.

    Returns
    -------
    table : DataFrame
        One row a cluster of the position's side: its limits and ``distance`` from the mark price,
        ``gap`` (from the stop to the near end of the common range as a fraction of the mark price;
        negative if the stop lies on this side of it), ``p_before``, ``p_inside``, ``p_beyond`` and
        ``p_absent`` (shares of draws; NaN of a single one, whose answer is ``place``), ``place``
        (of the common range).
    p_any : float
        Share of draws in which the stop lies beyond at least one of their top clusters; NaN of a
        single draw.

    Raises
    ------
    InputError
        If there is no stop.
    """
    stop = held.position.stop
    if stop is None:
        raise InputError("the position has no stop; give one with --stop.")
    s, mark = held.sign, held.mark_price
    own = clusters.isel(cluster=np.flatnonzero(clusters["side"].to_numpy() == held.position.side))
    low, high = (own[f"price_{x}"].to_numpy() for x in ("low", "high"))
    near, far = (high, low) if s > 0 else (low, high)
    several = has_interval(own.sizes)
    there = (own["in_top"] & own["found"]).transpose("chain", "draw", "cluster").to_numpy()
    edges = [
        own[f"found_{x}"].transpose("chain", "draw", "cluster").to_numpy() for x in ("low", "high")
    ]
    draw_near, draw_far = edges[::-1] if s > 0 else edges
    with np.errstate(invalid="ignore"):
        beyond = there & (s * (draw_far - stop) > 0)
        before = there & (s * (stop - draw_near) > 0)
    inside = there & ~beyond & ~before
    shares = {
        f"p_{name}": values.mean(axis=(0, 1)) if several else np.full(near.size, np.nan)
        for name, values in (
            ("before", before),
            ("inside", inside),
            ("beyond", beyond),
            ("absent", ~there),
        )
    }
    table = pd.DataFrame(
        {
            "cluster": own["cluster"].to_numpy(),
            "price_low": low,
            "price_high": high,
            "distance": own["distance"].to_numpy(),
            "gap": s * (near - stop) / mark,
            "place": np.where(
                s * (far - stop) > 0, "beyond", np.where(s * (stop - near) > 0, "before", "inside")
            ),
            **shares,
        }
    )
    p_any = float(beyond.any(axis=2).mean()) if several else float("nan")
    return table, p_any


def stops_for(held: Held, clusters: xr.Dataset) -> pd.DataFrame:
    """Stops nearest to the price that lie beyond a cluster with given probabilities.

    In a draw a stop lies beyond a cluster once it is past the nearest far end of the draw's own
    top ranges; over draws that end has a distribution, and the stop is its quantile.

    Parameters
    ----------
    held : Held
    clusters : Dataset
        As `find_clusters` returns it.

    Returns
    -------
    DataFrame
        ``probability`` (`STOP_PROBABILITIES`), ``price`` beyond which a stop lies beyond a cluster
        with it, and its ``distance`` from the mark price. NaN, not identified, where fewer draws
        have a cluster, and of a single draw.
    """
    s = held.sign
    own = clusters.isel(cluster=np.flatnonzero(clusters["side"].to_numpy() == held.position.side))
    there = (own["in_top"] & own["found"]).transpose("chain", "draw", "cluster").to_numpy()
    name = "found_low" if s > 0 else "found_high"
    far = s * own[name].transpose("chain", "draw", "cluster").to_numpy()
    nearest = np.where(there, far, -np.inf).max(axis=2, initial=-np.inf).ravel()
    out = []
    for p in STOP_PROBABILITIES:
        end = -np.inf
        if has_interval(own.sizes):
            end = float(np.quantile(nearest, 1.0 - p, method="lower"))
        price = s * end if np.isfinite(end) else np.nan
        out.append((p, price, s * (1.0 - price / held.mark_price)))
    return pd.DataFrame(out, columns=["probability", "price", "distance"])


def before_stop(held: Held, levels: xr.Dataset, price: float) -> xr.DataArray:
    """Quote of the position's side that stands between the mark price and a price.

    Parameters
    ----------
    held : Held
    levels : Dataset
        As `liqbayes.liquidation_levels` returns it.
    price : float
        On the adverse side of the mark price, within the priced range.

    Returns
    -------
    DataArray, dims (chain, draw)
    """
    quote = levels["quote"].transpose("chain", "draw", "side", "price")
    ladder = Ladder.of(levels, held.position.side, quote.sel(side=held.position.side).to_numpy())
    away = held.sign * np.log(held.mark_price / price)
    if not 0 <= away <= ladder.distance[-1] * (1 + 1e-9):
        raise InputError(
            f"{price:g} is not within the priced range on the adverse side of the mark price "
            f"{held.mark_price:g}."
        )
    values = ladder.passed(np.array([away]))[:, 0]
    shape = (quote.sizes["chain"], quote.sizes["draw"])
    return xr.DataArray(
        values.reshape(shape).astype(float),
        dims=("chain", "draw"),
        coords={"chain": levels["chain"], "draw": levels["draw"]},
        attrs={"units": levels.attrs.get("quote_unit", "")},
    )
