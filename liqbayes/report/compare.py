"""Posterior beside the truth of a simulated market."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SIDES = ("long", "short")
# Keys of both files that are compared, with the words and unit for a table.
_BY_SIDE = {
    "realised_total_quote": ("liquidated in the panel", "quote"),
    "entry_vwap": ("average entry price", "price"),
}


@dataclass(frozen=True)
class Comparison:
    """One output beside its truth.

    Attributes
    ----------
    output : str
    unit : {"share", "quote", "price", "leverage"}
    low, high : float or None
        None where a single draw has no interval.
    median, truth : float
    """

    output: str
    unit: str
    low: float | None
    median: float
    high: float | None
    truth: float

    @property
    def inside(self) -> bool | None:
        """Whether the 90 % interval holds the truth; None where there is none."""
        if self.low is None or self.high is None:
            return None
        return self.low <= self.truth <= self.high


def compare_with_truth(summary: dict[str, Any], truth: dict[str, Any]) -> list[Comparison]:
    """Outputs that are known in both, in the order of a reader's interest.

    Parameters
    ----------
    summary : dict
        Contents of ``summary.json``.
    truth : dict
        Contents of ``truth.json``: the same keys, one number for each interval.
    """
    return [
        Comparison(words, unit, interval[0], interval[1], interval[2], value)
        for words, unit, interval, value in _pairs(summary, truth)
        if interval is not None and value is not None
    ]


def _pairs(summary: dict[str, Any], truth: dict[str, Any]) -> Iterator[tuple[str, str, Any, Any]]:
    for side in SIDES:
        for move, interval in summary["at_risk"][side].items():
            words = f"{side}s at risk within {100 * float(move):g} %"
            yield words, "share", interval, truth["at_risk"][side].get(move)
    for side in SIDES:
        leverage = summary["average_leverage"][side]["open_interest"]
        known = truth["average_leverage"][side]["open_interest"]
        yield f"{side}s, average leverage", "leverage", leverage, known
    for key, (words, unit) in _BY_SIDE.items():
        for side in SIDES:
            yield f"{side}s, {words}", unit, summary[key][side], truth[key][side]
    yield "ΔL in the panel", "quote", summary["delta_total_quote"], truth["delta_total_quote"]
    for window, interval in summary["delta_quote"].items():
        yield f"ΔL, last {window}", "quote", interval, truth["delta_quote"].get(window)
