"""What bounds allow to be said, and how often it was."""

import numpy as np
import pandas as pd


def verdict(low: float, high: float, bound_low: float, bound_high: float) -> str:
    """What bounds allow to be said of an interval.

    ``refuted`` if it lies outside the bounds altogether: whatever the unobserved part is, the
    interval is wrong. ``inside`` if it lies within them, ``open`` if it sticks out on a side: then
    nothing is claimed. NaN gives ``unknown``.
    """
    if not np.isfinite([low, high, bound_low, bound_high]).all():
        return "unknown"
    if high < bound_low or low > bound_high:
        return "refuted"
    return "inside" if bound_low <= low and high <= bound_high else "open"


def verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """How often each source is refuted, and how far it is from the inclusion model's estimate.

    Returns
    -------
    DataFrame
        One row a source, quantity and side: snapshots, how many are refuted, inside and open,
        and the mean of median, observed share, bounds and inclusion estimate.
    """
    by = table.groupby(["quantity", "side", "source"], sort=False)
    out = by[
        [
            "low",
            "median",
            "high",
            "observed",
            "bound_low",
            "bound_high",
            "inclusion_low",
            "inclusion_median",
            "inclusion_high",
        ]
    ].mean()
    for name in ("refuted", "inside", "open", "unknown"):
        is_it = table.assign(is_it=table["verdict"] == name)
        out[name] = is_it.groupby(["quantity", "side", "source"], sort=False)["is_it"].sum()
    table = table.assign(
        near=(table["low"] <= table["inclusion_median"])
        & (table["inclusion_median"] <= table["high"])
    )
    # no claim: the inclusion model is an assumption
    out["holds_inclusion"] = table.groupby(["quantity", "side", "source"], sort=False)["near"].sum()
    out.insert(0, "snapshots", by.size())
    return out.reset_index()
