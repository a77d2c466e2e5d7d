"""Whether a fit lies in the range in which a backtest has checked intervals."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from liqbayes.checks import Verdict
from liqbayes.errors import InputError
from liqbayes.model import ModelSpec
from liqbayes.peers.bars import trigger_price
from liqbayes.sampling.fit import panel_of


def inside_range(fit: xr.DataTree, summary: Mapping[str, Any]) -> Verdict:
    """Whether a fit's last day lies in the range in which a backtest has checked intervals.

    Parameters
    ----------
    fit : DataTree
    summary : mapping
        Of ``backtest.json``; its ``calibrated_range`` is used.

    Returns
    -------
    Verdict
        "warn" where the realised volatility of the last day lies outside, or is unknown.

    Raises
    ------
    InputError
        If the backtest is of another model or specification.
    """
    check, bounds = "calibrated range", summary["calibrated_range"]["volatility"]
    spec, tested = ModelSpec.from_json(fit.attrs["spec"]), summary["model"]
    if spec.content_hash != tested["hash"]:
        raise InputError(
            f"the backtest is of {tested['name']} {tested['version']}, the fit of {spec.name} "
            f"{spec.version} or of another form of it; backtest the model of the fit."
        )
    panel = panel_of(fit)[0]
    change = np.diff(np.log(trigger_price(panel, "close")))
    a_day = max(round(86_400 / panel.bar_seconds), 1)
    last = change[-a_day:]
    if bounds is None or last.size < a_day or not np.isfinite(last).all():
        return Verdict(check, "warn", None, None, "unknown: prices of the last day, or the range")
    value = float(np.sqrt((last**2).sum()))
    low, high = bounds
    days = summary["calibrated_range"]["days"]
    words = (
        f"the last day's volatility is {value:.3f}; intervals were checked on {days} days between "
        f"{low:.3f} and {high:.3f}"
    )
    if low <= value <= high:
        return Verdict(check, "ok", value, high, words)
    return Verdict(check, "warn", value, high, words + ": outside, an extrapolation")
