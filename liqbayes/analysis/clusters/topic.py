"""The topic "clusters" of an analysis."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from liqbayes.analysis.clusters.ages import AGES, cluster_ages
from liqbayes.analysis.section import Section
from liqbayes.analysis.tables import amount, chance, place_cautions, put, rows

if TYPE_CHECKING:
    from liqbayes.analysis.workspace import Workspace

#: Near the price a second search: finer, and not drowned by what stands further away.
_TOPS = (1, 3, 10)
CONVENTIONS = (
    "clusters attract the price like a magnet, and are called support below and resistance above; "
    "nothing here was tested for it, so no cluster is labelled either way.",
)


def section(work: "Workspace") -> Section:
    """Clusters within 30 % and, on a finer scale, within 5 % of the last price."""
    found = list(work.clusters.values())
    # one run through the draws serves both searches
    limits = ("side", "price_low", "price_high")
    both = xr.concat([c[["quote"]].reset_coords(limits) for c in found], "cluster")
    ages = cluster_ages(work.context, both)
    parts, findings, begin = [], [], 0
    for clusters in found:
        stop = begin + clusters.sizes["cluster"]
        table = clusters_table(clusters, work.levels, ages.isel(cluster=slice(begin, stop)))
        parts.append(table)
        findings += _sentences(clusters, table)
        begin = stop
    unit = str(work.levels.attrs["quote_unit"])
    return Section(
        "clusters",
        "Clusters of liquidation levels",
        {"table": pd.concat(parts, ignore_index=True)},
        tuple(findings),
        CONVENTIONS,
        {
            **{f"quote_{x}": unit for x in ("low", "median", "high")},
            **{f"age_{x}": "hours" for x in ("low", "median", "high")},
            **{name: unit for name in ("price_low", "price_high", "price")},
            "distance": "fraction of the mark price",
        },
        place_cautions(work.fit),
    )


def clusters_table(
    clusters: xr.Dataset, levels: xr.Dataset, ages: xr.Dataset | None = None
) -> pd.DataFrame:
    """One row a cluster, largest first.

    Columns: within and bandwidth of the search; side, price_low, price_high, price, distance, cut
    (it ends where the search does); quote (low, median, high); p_found, p_top1, p_top3, p_top10
    (NaN of a single draw); visited (share of its prices that price was at in the panel); with
    ``ages`` also age (hours; low, median, high), share_younger_24h, share_younger_168h and
    share_before (medians).
    """
    attrs = clusters.attrs
    table = pd.DataFrame(
        {
            "within": attrs["within"],
            "bandwidth": attrs["bandwidth"],
            **{
                name: clusters[name].to_numpy()
                for name in ("side", "price_low", "price_high", "price", "distance", "cut")
            },
        }
    )
    put(table, "quote", clusters["quote"])
    table["p_found"] = chance(clusters["found"]).to_numpy()
    for top in _TOPS:
        table[f"p_top{top}"] = chance(clusters["rank"] <= top).to_numpy()
    middle = levels["price"].to_numpy()
    table["visited"] = [
        float(levels["visited"].to_numpy()[(middle > low) & (middle < high)].mean())
        for low, high in zip(table["price_low"], table["price_high"], strict=True)
    ]
    if ages is not None:
        put(table, "age", ages["age"])
        for hours in AGES:
            younger = ages["younger"].sel(hours=hours).median(("chain", "draw"), skipna=False)
            table[f"share_younger_{hours:g}h"] = younger.to_numpy()
        table["share_before"] = ages["before"].median(("chain", "draw"), skipna=False).to_numpy()
    return table


def _sentences(clusters: xr.Dataset, table: pd.DataFrame) -> list[str]:
    within, unit = clusters.attrs["within"], clusters.attrs["quote_unit"]
    if table.empty:
        return [f"No level stands within {within:.3g} of the mark price: there is no cluster."]
    out = []
    for row in rows(table):
        known = np.isfinite(row.p_found)
        out.append(
            f"Within {100 * within:.3g} %: {row.side}s between {row.price_low:.6g} and "
            f"{row.price_high:.6g}, {100 * row.distance:.2g} % away"
            f"{' (and perhaps beyond, where the search ends)' if row.cut else ''}, hold "
            f"{amount(row, 'quote', unit)}"
            + (
                f"; a draw has one of its dense ranges there with probability {row.p_found:.2f}, "
                f"its largest with {row.p_top1:.2f}."
                if known
                else "."
            )
        )
    apart = clusters["stability"].to_numpy()
    if np.isfinite(apart).any():
        words = ", ".join(
            f"{value:.2f} for {side}s"
            for side, value in zip(clusters["of_side"].to_numpy(), apart, strict=True)
        )
        out.append(
            f"Within {100 * within:.3g} % a draw's dense prices and the common ones differ by a "
            f"share of {words} (0: all draws agree)."
        )
    return out
