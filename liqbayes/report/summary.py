"""``summary.json``: what a fit says, in numbers that a program can read."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from liqbayes.conventions import DELTA_CONVENTION, has_interval
from liqbayes.report.reduce import plain, triple
from liqbayes.report.results import Results

SCHEMA = "liqbayes-summary-1"
SIDES = ("long", "short")


def summarise(results: Results) -> dict[str, Any]:
    """Contents of ``summary.json``.

    Parameters
    ----------
    results : Results

    Returns
    -------
    dict
        Plain JSON values; unknown is None and NaN does not occur. Every ``[lo, median, hi]`` is
        the median within a 90 % equal-tailed interval; of a single draw, such as a rule's, the
        ends are None. Keys: see ``docs/reference/files.md``.
    """
    contract, levels = results.contract, results.levels
    mark = float(levels.attrs["mark_price"])
    risk, total = results.at_risk, results.realised_total
    return plain(  # type: ignore[no-any-return]
        {
            "schema": SCHEMA,
            "converged": results.converged,
            "interrupted": results.interrupted,
            "reasons": list(results.reasons),
            "contract": contract.name,
            "model": {
                "name": results.spec.name,
                "version": results.spec.version,
                "hash": results.spec.content_hash,
            },
            "quantity_unit": contract.quantity_unit,
            "quote_unit": contract.quote_unit,
            "as_of": pd.Timestamp(levels.attrs["as_of"]).isoformat(),
            "mark_price": mark,
            "span": list(results.span),
            "sampler": _sampler(results),
            "at_risk": _by_move(risk["share"]),
            "at_risk_quote": _by_move(risk["quote"]),
            "realised_total": {s: triple(total["quantity"].sel(side=s)) for s in SIDES},
            "realised_total_quote": {s: triple(total["quote"].sel(side=s)) for s in SIDES},
            "delta_total": triple(_long_minus_short(total["quantity"])),
            "delta_total_quote": triple(_long_minus_short(total["quote"])),
            "delta_quote": {w: triple(d) for w, d in _by_window(results.delta)},
            "p_delta_positive": {w: _positive(d) for w, d in _by_window(results.delta)},
            "delta_convention": DELTA_CONVENTION,
            "average_leverage": {
                side: {
                    str(w): triple(results.average_leverage.sel(side=side, window=w))
                    for w in results.average_leverage["window"].to_numpy()
                }
                for side in SIDES
            },
            "entry_vwap": {s: triple(results.entry["vwap"].sel(side=s)) for s in SIDES},
            "prior_share": results.prior_share,
            "prior_book_share": results.prior_book_share,
            "verdicts": [asdict(verdict) for verdict in results.verdicts],
            "oi_conservation_error": _number(results.attrs.get("oi_conservation_error")),
            "panel_hash": results.attrs["panel_hash"],
            "versions": json.loads(results.attrs["versions"]),
        }
    )


def _sampler(results: Results) -> dict[str, Any]:
    run = json.loads(results.attrs["sampler"])
    found = results.diagnostics
    return {
        "name": run["name"],
        "seconds": run["seconds"],
        "divergences": found.get("divergences"),
        "max_rhat": found.get("max_rhat"),
        "min_ess_bulk": found.get("min_ess_bulk"),
        "min_ess_tail": found.get("min_ess_tail"),
        "draws": run["draws"],
        "tune": run["tune"],
        "chains": run["chains"],
        "seed": run["seed"],
    }


def _by_move(values: xr.DataArray) -> dict[str, dict[str, list[float | None] | None]]:
    moves = [float(m) for m in values["move"].to_numpy()]
    return {
        side: {f"{m:g}": triple(values.sel(side=side, move=m)) for m in moves} for side in SIDES
    }


def _by_window(delta: xr.Dataset) -> list[tuple[str, xr.DataArray]]:
    return [(str(w), delta["delta"].sel(window=w)) for w in delta["window"].to_numpy()]


def _positive(delta: xr.DataArray) -> float | None:
    """P(ΔL > 0), unknown where ΔL is and where a single draw gives no probability."""
    known = has_interval(delta.sizes) and bool(np.isfinite(delta).all())
    return float((delta > 0).mean()) if known else None


def _long_minus_short(values: xr.DataArray) -> xr.DataArray:
    return values.sel(side="long") - values.sel(side="short")


def _number(text: Any) -> float | None:
    return None if text is None else float(text)
