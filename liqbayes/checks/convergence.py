"""Convergence diagnostics (Vehtari et al. 2021, doi 10.1214/20-BA1221)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from liqbayes.outputs import at_risk


@dataclass(frozen=True)
class Limits:
    """What counts as converged."""

    rhat: float = 1.01
    ess: float = 400.0
    divergent_share: float = 0.001
    ebfmi: float = 0.3


LIMITS = Limits()


def diagnostics(fit: xr.DataTree) -> dict[str, Any]:
    """Diagnostics over all free parameters and the shares at risk.

    Parameters
    ----------
    fit : xarray.DataTree

    Returns
    -------
    dict
        ``max_rhat``, ``min_ess_bulk``, ``min_ess_tail``, ``divergences``, ``divergent_share``,
        ``min_ebfmi``, ``treedepth_share``, and the names of the worst quantities (``worst_rhat``,
        ``worst_ess_bulk``, ``worst_ess_tail``). R-hat needs two chains and is None with one.
    """
    import arviz as az

    posterior = fit["posterior"]["z"]
    pooled = fit["posterior"].get("pooled_z")
    risk = at_risk(fit, kind="expected")
    # an output that is zero in every draw (to 1e-12) has nothing to converge
    varies = risk.std(("chain", "draw")) > 1e-12
    flat = {
        **{
            str(n): posterior.sel(parameter=n, drop=True) for n in posterior["parameter"].to_numpy()
        },
        **(
            {}
            if pooled is None
            else {str(n): pooled.sel(common=n, drop=True) for n in pooled["common"].to_numpy()}
        ),
        **{
            f"at_risk[{side}, {move:g}]": risk.sel(side=side, move=move, drop=True)
            for side in risk["side"].to_numpy()
            for move in risk["move"].to_numpy()
            if bool(varies.sel(side=side, move=move))
        },
    }
    data = xr.Dataset({name: value.reset_coords(drop=True) for name, value in flat.items()})
    stats = fit["sample_stats"].to_dataset()
    out: dict[str, Any] = {}
    several = data.sizes["chain"] > 1
    # a parameter that never moved has no R-hat; NaN is reported as not converged
    with np.errstate(invalid="ignore", divide="ignore"):
        rhat = {k: float(v) for k, v in az.rhat(data).items()} if several else {}
    bulk = {k: float(v) for k, v in az.ess(data, method="bulk").items()}
    tail = {k: float(v) for k, v in az.ess(data, method="tail").items()}
    out["worst_rhat"] = _worst(rhat, -1.0) if rhat else None
    out["worst_ess_bulk"] = _worst(bulk, 1.0)
    out["worst_ess_tail"] = _worst(tail, 1.0)
    out["max_rhat"] = rhat[out["worst_rhat"]] if rhat else None
    out["min_ess_bulk"] = bulk[out["worst_ess_bulk"]]
    out["min_ess_tail"] = tail[out["worst_ess_tail"]]
    out["divergences"] = int(stats["diverging"].sum())
    out["divergent_share"] = float(stats["diverging"].mean())
    energy = stats["energy"].transpose("chain", "draw").to_numpy()
    out["min_ebfmi"] = float(
        (np.square(np.diff(energy, axis=1)).mean(axis=1) / energy.var(axis=1)).min()
    )
    out["treedepth_share"] = (
        float(stats["reached_max_treedepth"].mean()) if "reached_max_treedepth" in stats else None
    )
    return out


def _worst(values: dict[str, float], sign: float) -> str:
    """Name of the smallest value (largest with sign -1); one that is unknown is worse than any."""
    return min(values, key=lambda k: -np.inf if np.isnan(values[k]) else sign * values[k])


def convergence_reasons(found: dict[str, Any]) -> tuple[str, ...]:
    """Why a fit has not converged; empty if it has."""
    out = []
    if found["max_rhat"] is None:
        out.append("one chain only: R-hat needs at least two")
    elif not found["max_rhat"] < LIMITS.rhat:
        out.append(f"R-hat {found['max_rhat']:.3f} of {found['worst_rhat']}")
    for kind in ("bulk", "tail"):
        if not found[f"min_ess_{kind}"] >= LIMITS.ess:
            out.append(f"{kind} ESS {found[f'min_ess_{kind}']:.0f} of {found[f'worst_ess_{kind}']}")
    if not found["divergent_share"] <= LIMITS.divergent_share:
        out.append(f"{found['divergences']} divergences")
    if not found["min_ebfmi"] > LIMITS.ebfmi:
        out.append(f"E-BFMI {found['min_ebfmi']:.2f}")
    return tuple(out)
