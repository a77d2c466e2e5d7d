"""How many shares at risk are mostly prior, at the fit's time and now."""

import numpy as np
import xarray as xr

from liqbayes.checks.identification import logit
from liqbayes.checks.review import PRIOR_DOMINATED
from liqbayes.monitor import limits as at
from liqbayes.monitor.checks import Check
from liqbayes.monitor.join import Joined
from liqbayes.outputs import at_risk
from liqbayes.sampling.continued import continued
from liqbayes.sampling.predictive import parameter_dataset


def carried(fit: xr.DataTree, joined: Joined, seed: int) -> xr.DataTree:
    """The fit with its book carried through the new bars: every output takes it as a fit.

    Parameters are as they were; shares at risk and levels are those of the last bar.

    Parameters
    ----------
    fit : xarray.DataTree
    joined : Joined
    seed : int
        Of steps of a random walk that the fit did not reach.
    """
    out = fit.copy()
    for group in ("posterior", "prior"):
        z = continued(fit[group].to_dataset()["z"], joined.evaluator, seed)
        out[group] = xr.DataTree(parameter_dataset(joined.evaluator, z))
    out["panel"] = xr.DataTree(joined.panel.data)
    out.attrs = {**fit.attrs, "panel_hash": joined.panel.content_hash}
    return out


def prior_check(fit: xr.DataTree, joined: Joined, seed: int) -> Check:
    """Share of the shares at risk that keep most of their prior variance.

    Parameters
    ----------
    fit : xarray.DataTree
        Thinned to the draws that are used.
    joined : Joined
    seed : int
    """
    before = dominated(fit)
    now = dominated(carried(fit, joined, seed))
    if not np.isfinite(now - before):
        why = "share of shares at risk that keep their prior variance cannot be judged"
        return Check("prior-dominated share", "", at.AMBER, None, None, None, why)
    status = at.GREEN
    if now - before >= at.PRIOR_RISE:
        status = at.RED if now == 1.0 and before < 0.5 else at.AMBER
    text = f"of shares at risk keep more than half of their prior variance; {before:.2f} in the fit"
    return Check("prior-dominated share", "", status, now, before, None, text)


def dominated(fit: xr.DataTree) -> float:
    """Share of sides and moves whose share at risk is mostly prior."""
    spread = [
        np.var(
            logit(
                at_risk(fit, kind="expected", group=group)
                .transpose("side", "move", "chain", "draw")
                .to_numpy()
            ),
            axis=(2, 3),
        )
        for group in ("posterior", "prior")
    ]
    left = spread[0] / np.where(spread[1] > 0, spread[1], np.nan)
    known = left[np.isfinite(left)]
    return float((known > PRIOR_DOMINATED).mean()) if known.size else float("nan")
