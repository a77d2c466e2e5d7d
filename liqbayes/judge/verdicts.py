"""Scores in plain language."""

from typing import Any

import numpy as np

from liqbayes.judge.checks import Ruling
from liqbayes.judge.scores import TOP

#: A published figure for a vendor's map (share in its top quarter; 0.24 there by chance).
VENDOR = (0.30, 0.32)


def verdicts(rows: list[dict[str, Any]]) -> list[Ruling]:
    """Rulings on the scores of both sides together.

    Parameters
    ----------
    rows : list of dict
        Rows of the score table: side, score, source, low, value, high.
    """
    by_score = {(row["score"], row["source"]): row for row in rows if row["side"] == "both"}
    added = by_score["gain", "map and distance over distance"]
    alone = by_score["gain", "map over distance"]
    near = by_score["top quarter at its distance", "map"]
    top = by_score["top quarter", "map"]
    control = by_score["top quarter", "distance alone"]
    ahead = by_score["top quarter", "map over distance"]["low"] > 0
    at_distance = by_score["top quarter at its distance", "distance alone"]
    beside = "more than" if ahead else "not shown to be more than"
    return [
        _against(
            "adds to distance",
            added,
            0.0,
            "the map knows where liquidations are beyond how far price went",
            "with the map, forecasts are worse than from distance alone",
            "nothing beyond distance is shown",
        ),
        _against(
            "stands without distance",
            alone,
            0.0,
            "by itself the map is better than the best curve of distance",
            "by itself the map is worse than a curve of distance that has seen the feed",
            "by itself the map and a curve of distance are not told apart",
        ),
        _against(
            "tells levels of one distance apart",
            near,
            TOP,
            f"of sweeps of one length the densest quarter holds {near['value']:.0%} of what was "
            f"liquidated (distance alone {at_distance['value']:.0%}, chance {TOP:.0%})",
            f"of sweeps of one length the densest quarter holds {near['value']:.0%}, below chance",
            f"of sweeps of one length the densest quarter holds {near['value']:.0%}, maybe chance",
        ),
        _against(
            "lift",
            top,
            TOP,
            f"the top quarter of levels holds {top['value']:.0%} of liquidated notional, "
            f"{beside} distance alone with {control['value']:.0%} (a vendor states "
            f"{VENDOR[0]:.0%} to {VENDOR[1]:.0%})",
            f"its top quarter of levels holds {top['value']:.0%}: less than chance",
            f"its top quarter of levels holds {top['value']:.0%}, which may be chance",
        ),
    ]


def _against(
    check: str, row: dict[str, Any], limit: float, above: str, below: str, neither: str
) -> Ruling:
    low, value, high = row["low"], row["value"], row["high"]
    if not (np.isfinite(low) and np.isfinite(high)):
        return Ruling(check, "warn", value, limit, "too few days for an interval")
    if low > limit:
        return Ruling(check, "ok", value, limit, above)
    if high < limit:
        return Ruling(check, "fail", value, limit, below)
    return Ruling(check, "warn", value, limit, neither)
