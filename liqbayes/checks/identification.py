"""What the data say and what the prior says."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.outputs import (
    at_risk,
    average_leverage,
    entry_price_distribution,
    liquidation_delta,
    realised_liquidations,
    thin,
)
from liqbayes.outputs.context import open_fit

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
        if not all(np.isfinite(values[g]).any() for g in GROUPS):
            return  # a window longer than the panel
        after, before = (float(np.nanvar(values[g])) for g in GROUPS)
        if before > 0:
            out[name] = min(after / before, 1.0)

    risk = {g: at_risk(fit, kind="expected", group=g) for g in GROUPS}
    for side in ("long", "short"):
        for move in risk["posterior"]["move"].to_numpy():
            add(
                f"at_risk[{side}, {move:g}]",
                {g: logit(risk[g].sel(side=side, move=move).to_numpy()) for g in GROUPS},
            )
    totals = {g: total_liquidated(fit, g) for g in GROUPS}
    deltas = {g: liquidation_delta(fit, kind="expected", group=g)["delta"] for g in GROUPS}
    entries = {g: entry_price_distribution(fit, group=g) for g in GROUPS}
    leverage = {g: average_leverage(fit, group=g) for g in GROUPS}
    for side in ("long", "short"):
        at = {"side": side}
        logs = {
            f"realised_total[{side}]": {g: totals[g].sel(at) for g in GROUPS},
            f"entry_vwap[{side}]": {g: entries[g]["vwap"].sel(at) for g in GROUPS},
        }
        for window in leverage["posterior"]["window"].to_numpy():
            name = f"average_leverage[{side}, {window}]"
            logs[name] = {g: leverage[g].sel(side=side, window=window) for g in GROUPS}
        for name, values in logs.items():
            add(name, {g: np.log(v.to_numpy()) for g, v in values.items()})
    for window in deltas["posterior"]["window"].to_numpy():
        add(f"delta[{window}]", {g: deltas[g].sel(window=window).to_numpy() for g in GROUPS})
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


@dataclass(frozen=True)
class Scale:
    """One logarithm of an amount, in the contract's quantity unit.

    Attributes
    ----------
    interval : tuple of float
        5 %, 50 % and 95 % posterior quantile of the amount itself.
    posterior_sd, prior_sd : float
        Standard deviations of its logarithm.
    """

    interval: tuple[float, float, float]
    posterior_sd: float
    prior_sd: float


def scale_products(fit: xr.DataTree) -> dict[str, Scale]:
    """Total liquidations ``L`` beside the products that the data see.

    Open interest sees ``rho C``: what is closed at its level, forced or not, times the share of
    it whose counterparty closes. The feed sees ``kappa L``: what is forced times the share that
    is reported. ``L`` alone is set by priors and functional form.

    Returns
    -------
    dict
        ``log L``, ``log(rho C)`` and, with a feed, ``log(kappa L)``.
    """
    fit = thin(fit, _DRAWS)

    def log_of(group: str, parameter: str) -> FloatArray:
        values = fit[group][parameter].transpose("chain", "draw").to_numpy()
        return np.asarray(np.log(values))

    logs: dict[str, dict[str, FloatArray]] = {"log L": {}, "log(rho C)": {}, "log(kappa L)": {}}
    for g in GROUPS:
        total = np.log(total_liquidated(fit, g).sum("side").to_numpy())
        logs["log L"][g] = total
        closed = total - log_of(g, "forced_share")
        logs["log(rho C)"][g] = closed + log_of(g, "counterparty_closing_share")
        if "reported_share" in fit[g]:
            logs["log(kappa L)"][g] = total + log_of(g, "reported_share")
    out = {}
    for name, values in logs.items():
        if values:
            low, middle, high = np.exp(np.quantile(values["posterior"], (0.05, 0.5, 0.95)))
            out[name] = Scale(
                (float(low), float(middle), float(high)),
                float(values["posterior"].std()),
                float(values["prior"].std()),
            )
    return out


def complete_feed(fit: xr.DataTree) -> bool:
    """Whether the fit has a feed whose venue caps no reports in any bar."""
    data = open_fit(fit, "posterior", "expected").evaluator.data
    return bool(data.feeds) and bool(np.isinf(data.capacity[data.start >= 0]).all())


def logit(share: FloatArray) -> FloatArray:
    """Log odds of shares, finite at 0 and 1."""
    inside = np.clip(share, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(inside / (1 - inside)))
