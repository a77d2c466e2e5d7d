"""Write ``models/<name>/reference.json``: a long run on the shipped sample market.

``python tools/reference.py baseline``. The golden test compares a shorter run with it: every
mean, standard deviation and quantile must agree within four combined Monte Carlo errors. Of a rule,
which is not sampled, the file holds the values themselves, which must agree to rounding.
"""

import json
import sys
from pathlib import Path

import numpy as np

from liqbayes import (
    at_risk,
    average_leverage,
    entry_price_distribution,
    fit,
    load_spec,
    read_panel,
    realised_liquidations,
)
from liqbayes.resources import find_resource

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def summaries(name: str, draws: int, seed: int, chains: int = 4) -> dict[str, dict[str, object]]:
    """Mean, sd, quantiles and Monte Carlo error of every coordinate and share at risk."""
    import arviz as az

    panel = read_panel(find_resource("data", "demo_market", "panel.parquet"))
    tree = fit(name, panel, draws=draws, tune=1000, chains=chains, seed=seed, progress=False)
    drawn = {
        str(label): tree["posterior"]["z"].sel(parameter=label, drop=True)
        for label in tree["posterior"]["parameter"].to_numpy()
    }
    risk = at_risk(tree, kind="expected")
    for side in ("long", "short"):
        for move in (0.05, 0.1, 0.2):
            drawn[f"at_risk[{side}, {move:g}]"] = risk.sel(side=side, move=move, drop=True)
    out = {}
    for label, value in drawn.items():
        array = value.transpose("chain", "draw").to_numpy()
        out[label] = {
            "mean": float(array.mean()),
            "sd": float(array.std()),
            "quantiles": {str(q): float(np.quantile(array, q)) for q in QUANTILES},
            "mcse": {
                "mean": float(az.mcse(array, method="mean")),
                "sd": float(az.mcse(array, method="sd")),
                **{str(q): float(az.mcse(array, method="quantile", prob=q)) for q in QUANTILES},
            },
        }
    return out


def values(name: str) -> dict[str, float]:
    """What a rule says of the sample market: shares at risk, totals, leverage, entry prices."""
    tree = fit(name, read_panel(find_resource("data", "demo_market", "panel.parquet")))
    risk = at_risk(tree).squeeze()
    total = realised_liquidations(tree)["quantity"].sum("time").squeeze()
    leverage = average_leverage(tree).sel(window="open_interest").squeeze()
    entry = entry_price_distribution(tree)["vwap"].squeeze()
    out = {}
    for side in ("long", "short"):
        for move in risk["move"].to_numpy():
            out[f"at_risk[{side}, {move:g}]"] = float(risk.sel(side=side, move=move))
        out[f"realised_total[{side}]"] = float(total.sel(side=side))
        out[f"average_leverage[{side}]"] = float(leverage.sel(side=side))
        out[f"entry_vwap[{side}]"] = float(entry.sel(side=side))
    return out


if __name__ == "__main__":
    name = sys.argv[1]
    spec = load_spec(name)
    content = {
        "model": {"name": spec.name, "version": spec.version, "hash": spec.content_hash},
        "market": "liqbayes/data/demo_market",
    }
    if spec.rule is None:
        content["run"] = {"draws": 2000, "tune": 1000, "chains": 4, "seed": 20}
        content["summaries"] = summaries(name, 2000, 20)
    else:
        content["values"] = values(name)
    target = Path(spec.path).parent / "reference.json"
    target.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
