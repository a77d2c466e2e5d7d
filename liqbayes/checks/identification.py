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
# Prior standard deviation of the logarithm of the reported share below which it counts as known.
KNOWN_SHARE = 0.1
SIDES = ("long", "short")


def prior_share(fit: xr.DataTree) -> dict[str, float]:
    """Share of each output's prior variance that is left in the posterior.

    Of ``output_values``; 1 means that the data said nothing (or moved the output without narrowing
    it).

    Returns
    -------
    dict
        Output name to share, at most 1; such as ``at_risk[long, 0.05]``.
    """
    fit = thin(fit, _DRAWS)
    after, before = (output_values(fit, group) for group in GROUPS)
    out = {}
    for name in after:
        # a window longer than the panel has no value
        if np.isfinite(after[name]).any() and np.isfinite(before[name]).any():
            spread = float(np.nanvar(before[name]))
            if spread > 0:
                out[name] = min(float(np.nanvar(after[name])) / spread, 1.0)
    return out


def output_values(fit: xr.DataTree, group: str) -> dict[str, FloatArray]:
    """Every output at every draw, without the lumpiness of the book.

    On the log scale for amounts and the logit scale for shares; ΔL as it is.

    Parameters
    ----------
    fit : xarray.DataTree
    group : {"posterior", "prior"}

    Returns
    -------
    dict of str to ndarray, shape (chain, draw)
        NaN where a window is longer than the panel.
    """
    risk = at_risk(fit, kind="expected", group=group)
    total = total_liquidated(fit, group)
    delta = liquidation_delta(fit, kind="expected", group=group)["delta"]
    entry = entry_price_distribution(fit, group=group)["vwap"]
    leverage = average_leverage(fit, group=group)
    out = {}
    for side in SIDES:
        for move in risk["move"].to_numpy():
            out[f"at_risk[{side}, {move:g}]"] = logit(_draws(risk.sel(side=side, move=move)))
    for side in SIDES:
        out[f"realised_total[{side}]"] = np.log(_draws(total.sel(side=side)))
        out[f"entry_vwap[{side}]"] = np.log(_draws(entry.sel(side=side)))
        for window in leverage["window"].to_numpy():
            values = _draws(leverage.sel(side=side, window=window))
            out[f"average_leverage[{side}, {window}]"] = np.log(values)
    for window in delta["window"].to_numpy():
        out[f"delta[{window}]"] = _draws(delta.sel(window=window))
    out["delta_total"] = _draws(total.sel(side="long") - total.sel(side="short"))
    return out


def _draws(values: xr.DataArray) -> FloatArray:
    return values.transpose("chain", "draw").to_numpy()


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
    """Whether the feed of a fit is known to set the scale of liquidations.

    It does where the venue's rules of every day of the panel are known and cap no reports, and the
    prior of the reported share leaves it little room; what is not determined is not complete.
    """
    context = open_fit(fit, "prior", "expected")
    if not context.evaluator.data.feeds:
        return False
    days = np.unique(context.panel.time.astype("datetime64[D]"))
    regimes = [context.contract.feed_at(day.item()) for day in days]
    if any(r is None or r.max_orders_per_second is not None for r in regimes):
        return False
    reported = np.log(fit["prior"]["reported_share"].to_numpy())
    return bool(reported.std() < KNOWN_SHARE)


def logit(share: FloatArray) -> FloatArray:
    """Log odds of shares, finite at 0 and 1."""
    inside = np.clip(share, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(inside / (1 - inside)))
