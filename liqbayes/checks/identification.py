"""What the data say and what the prior says."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.outputs import (
    at_risk,
    average_leverage,
    entry_price_distribution,
    realised_liquidations,
    thin,
)

FloatArray = NDArray[np.float64]
_DRAWS = 400
GROUPS = ("posterior", "prior")


def prior_share(fit: xr.DataTree) -> dict[str, float]:
    """Share of each output's prior variance that is left in the posterior.

    Computed without the lumpiness of the book, on the log scale for amounts and the logit scale
    for shares; 1 means that the data said nothing (or moved the output without narrowing it).

    Returns
    -------
    dict
        Output name to share, at most 1; such as ``at_risk[long, 0.05]``.
    """
    fit = thin(fit, _DRAWS)
    out: dict[str, float] = {}

    def add(name: str, values: dict[str, FloatArray]) -> None:
        after, before = (float(np.nanvar(values[g])) for g in GROUPS)
        if before > 0 and np.isfinite(after):
            out[name] = min(after / before, 1.0)

    risk = {g: at_risk(fit, kind="expected", group=g) for g in GROUPS}
    for side in ("long", "short"):
        for move in risk["posterior"]["move"].to_numpy():
            add(
                f"at_risk[{side}, {move:g}]",
                {g: _logit(risk[g].sel(side=side, move=move).to_numpy()) for g in GROUPS},
            )
    totals = {g: total_liquidated(fit, g) for g in GROUPS}
    entries = {g: entry_price_distribution(fit, group=g) for g in GROUPS}
    leverage = {g: average_leverage(fit, group=g) for g in GROUPS}
    for side in ("long", "short"):
        at = {"side": side}
        average = {"side": side, "window": "open_interest"}
        logs = {
            "realised_total": {g: totals[g].sel(at) for g in GROUPS},
            "average_leverage": {g: leverage[g].sel(average) for g in GROUPS},
            "entry_vwap": {g: entries[g]["vwap"].sel(at) for g in GROUPS},
        }
        for name, values in logs.items():
            add(f"{name}[{side}]", {g: np.log(v.to_numpy()) for g, v in values.items()})
    add(
        "delta_total",
        {g: (totals[g].sel(side="long") - totals[g].sel(side="short")).to_numpy() for g in GROUPS},
    )
    return out


def prior_book_share(fit: xr.DataTree) -> dict[str, float]:
    """Posterior median share of each side's open interest that was open before the first bar."""
    share = entry_price_distribution(thin(fit, _DRAWS))["prior_book"]
    return {s: float(share.sel(side=s).median()) for s in ("long", "short")}


def total_liquidated(fit: xr.DataTree, group: str) -> xr.DataArray:
    """Expected liquidation over all followed bars, dims (chain, draw, side)."""
    flows = realised_liquidations(fit, kind="expected", group=group)
    return flows["quantity"].sum("time", skipna=True)


def scale_products(fit: xr.DataTree) -> dict[str, tuple[float, float]]:
    """Posterior and prior standard deviation of log L and of the products the data see.

    Open interest sees ``rho L`` (share of liquidated quantity whose counterparty closes, times
    liquidations), the feed sees ``kappa L`` (reported share times liquidations); ``L`` alone is
    set by priors and functional form.

    Returns
    -------
    dict
        ``log L``, ``log(rho L)`` and, with a feed, ``log(kappa L)``, each (posterior sd, prior sd).
    """
    fit = thin(fit, _DRAWS)
    logs = {
        g: np.log(total_liquidated(fit, g).sum("side").to_numpy()) for g in ("posterior", "prior")
    }
    factors = {"log L": None, "log(rho L)": "counterparty_closing_share"}
    if "reported_share" in fit["posterior"]:
        factors["log(kappa L)"] = "reported_share"
    out = {}
    for name, parameter in factors.items():
        pair = []
        for g in GROUPS:
            value = logs[g]
            if parameter is not None:
                value = value + np.log(fit[g][parameter].transpose("chain", "draw").to_numpy())
            pair.append(float(value.std()))
        out[name] = (pair[0], pair[1])
    return out


def _logit(share: FloatArray) -> FloatArray:
    inside = np.clip(share, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(inside / (1 - inside)))
