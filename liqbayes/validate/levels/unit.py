"""One market: simulate, fit, and compare clusters and zones with the true positions."""

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.analysis.clusters import find_clusters, match_clusters
from liqbayes.analysis.zones import entry_zones
from liqbayes.checks import diagnostics
from liqbayes.model.data import prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.spec import ModelSpec
from liqbayes.outputs import liquidation_levels
from liqbayes.sampling import SamplerConfig
from liqbayes.sampling.fit import assemble
from liqbayes.simulate import SimulatedMarket
from liqbayes.validate.compiled import compiled_for, model_of
from liqbayes.validate.levels.truth import entry_edges, true_entries, true_in_profit, true_levels
from liqbayes.validate.recovery.markets import markets

BoolArray = NDArray[np.bool_]
CHAINS, TUNE, DRAWS = 2, 300, 200
#: A cluster counts as one of a draw's, or of the true book's, largest up to this rank.
TOP = 3
#: Wide price bins in which entries are compared.
PARTS = 8
GROUPS = ("posterior", "prior")
SIDES = ("long", "short")
_CUTS = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class Unit:
    """One market of the recovery table, fitted with its feed if that ever reports."""

    spec: str
    number: int


def examine(unit: Unit) -> dict[str, Any]:
    """Fit a market and compare.

    Returns
    -------
    dict
        ``market``, ``bars``, ``silent_feed``; ``clusters``, ``sets`` and ``zones`` by group
        (posterior, prior), see `compare_clusters` and `compare_zones`; ``max_rhat``, ``seconds``.
    """
    begin = time.perf_counter()
    spec, place = _spec(unit.spec), markets()[unit.number]
    market, silent = place.simulate(feed=True)
    evaluator = Evaluator.of(spec, prepare(spec, market.panel))
    config = SamplerConfig(draws=DRAWS, tune=TUNE, chains=CHAINS, cores=1, seed=place.seed)
    taken = compiled_for({"": evaluator}).sample(config, model=model_of({"": evaluator}))
    fit = assemble(evaluator, market.panel, None, taken, config)
    row: dict[str, Any] = {
        "market": unit.number,
        "bars": market.panel.n_bars,
        "silent_feed": silent,
        "max_rhat": float(diagnostics(fit)["max_rhat"] or np.nan),
    }
    compared = {group: compare_clusters(fit, market, group) for group in GROUPS}
    row["clusters"] = {group: found[0] for group, found in compared.items()}
    row["sets"] = {group: found[1] for group, found in compared.items()}
    row["zones"] = {group: compare_zones(fit, market, group) for group in GROUPS}
    return row | {"seconds": round(time.perf_counter() - begin, 1)}


def compare_clusters(
    fit: xr.DataTree, market: SimulatedMarket, group: str
) -> tuple[list[dict[str, Any]], dict[str, dict[str, float]]]:
    """Clusters of a fit against the true book.

    Returns
    -------
    list of dict
        Each cluster: ``side``, ``interval`` of its notional, ``truth``, ``p_top`` (probability of
        being among the `TOP`) and ``top`` (whether it is).
    dict
        By side: ``apart`` (share by which the true book's dense prices and the clusters differ),
        ``claimed`` (what the draws say of it), ``width`` (share of the prices within reach that
        the clusters cover) and ``held`` (share of the true notional within reach in them).
    """
    levels = liquidation_levels(fit, group=group)
    truth = true_levels(market, levels)
    clusters = find_clusters(levels, top=TOP)
    actual = match_clusters(clusters, truth)
    p_top = clusters["in_top"].mean(("chain", "draw")).to_numpy()
    cut = clusters["quote"].quantile(list(_CUTS), ("chain", "draw")).transpose("cluster", ...)
    rows = [
        {
            "side": str(clusters["side"].to_numpy()[i]),
            "interval": [float(v) for v in cut[i]],
            "truth": float(actual["quote"][0, 0, i]),
            "p_top": float(p_top[i]),
            "top": bool(actual["in_top"][0, 0, i]),
        }
        for i in range(clusters.sizes["cluster"])
    ]
    own = find_clusters(truth, limit=1000)
    sets = {}
    for side in SIDES:
        mine, theirs = (_covered(found, levels, side) for found in (clusters, own))
        reach = _reach(levels, side, float(clusters.attrs["within"]))
        quote = truth["quote"].sel(side=side).to_numpy().ravel()
        either, total = (mine | theirs).sum(), quote[reach].sum()
        sets[side] = {
            "apart": float((mine ^ theirs).sum() / either) if either else float("nan"),
            "claimed": float(clusters["stability"].sel(of_side=side)),
            "width": float(mine[reach].mean()),
            "held": float(quote[mine & reach].sum() / total) if total > 0 else float("nan"),
        }
    return rows, sets


def compare_zones(fit: xr.DataTree, market: SimulatedMarket, group: str) -> list[dict[str, Any]]:
    """Entries of a fit against the true ones.

    Returns
    -------
    list of dict
        ``quantity`` ("cost basis", "in profit", "entries", "delta"), ``truth``, ``interval`` and
        ``expected`` (the interval without the lumps of a real book).
    """
    own = {kind: entry_zones(fit, kind=kind, group=group) for kind in ("realised", "expected")}
    zones = own["realised"]
    grid = np.append(zones["price_low"].to_numpy(), zones["price_high"].to_numpy()[-1])
    edges = entry_edges(market.panel, grid, PARTS)
    entries, profit = true_entries(market, edges), true_in_profit(market)
    out = []

    def add(quantity: str, truth: float, draws: dict[str, Any]) -> None:
        cuts = {
            kind: np.quantile(np.asarray(v).ravel(), _CUTS).tolist() for kind, v in draws.items()
        }
        out.append(
            {
                "quantity": quantity,
                "truth": float(truth),
                "interval": cuts["realised"],
                "expected": cuts["expected"],
            }
        )

    for side in SIDES:
        basis = market.truth["entry_vwap"][side]
        add("cost basis", basis, {k: z["cost_basis"].sel(side=side) for k, z in own.items()})
        add("in profit", profit[side], {k: z["in_profit"].sel(side=side) for k, z in own.items()})
    for part in range(edges.size - 1):
        held = {k: _between(z, edges[part], edges[part + 1]) for k, z in own.items()}
        for j, side in enumerate(SIDES):
            add("entries", entries[j, part], {k: v.sel(side=side) for k, v in held.items()})
        apart = {k: v.sel(side="long") - v.sel(side="short") for k, v in held.items()}
        add("delta", entries[0, part] - entries[1, part], apart)
    return out


def _between(zones: xr.Dataset, low: float, high: float) -> xr.DataArray:
    middle = zones["price"]
    held = zones["quantity"].where((middle > low) & (middle < high), 0.0).sum("price")
    # the outer parts hold what entered outside the grid
    if low <= float(zones["price_low"][0]):
        held = held + zones["below"]
    if high >= float(zones["price_high"][-1]):
        held = held + zones["above"]
    return held


def _covered(clusters: xr.Dataset, levels: xr.Dataset, side: str) -> BoolArray:
    """Bins of a side that lie within its clusters."""
    middle = levels["price"].to_numpy()
    out = np.zeros(middle.size, bool)
    of_side = clusters["side"].to_numpy() == side
    limits = zip(clusters["price_low"].to_numpy(), clusters["price_high"].to_numpy(), strict=True)
    for wanted, (low, high) in zip(of_side, limits, strict=True):
        if wanted:
            out |= (middle > low) & (middle < high)
    return out


def _reach(levels: xr.Dataset, side: str, within: float) -> BoolArray:
    """Bins that an adverse move of that size reaches."""
    middle, mark = levels["price"].to_numpy(), float(levels.attrs["mark_price"])
    if side == "long":
        return np.asarray((middle < mark) & (middle > mark * (1 - within)))
    return np.asarray((middle > mark) & (middle < mark * (1 + within)))


@lru_cache(maxsize=4)
def _spec(text: str) -> ModelSpec:
    return ModelSpec.from_json(text)
