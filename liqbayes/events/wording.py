"""Findings in words, each with its interval and with what could have been found."""

from collections.abc import Mapping
from typing import Any

from liqbayes.events.definitions import CONSUMPTION, LEAD, MAGNETISM
from liqbayes.events.study import FOUND, NOT_IDENTIFIED

_SUBJECT = {
    CONSUMPTION: "{test} dense zone, {hours} later: price moved on by {value} % more than after "
    "matched moves (negative: it turned)",
    MAGNETISM: "levels within {hours}: a doubling of density changes the log odds of reach by "
    "{value}",
    LEAD: "{test} over {hours}: rank correlation {value}, given the window's own return",
}


def sentence(row: Mapping[str, Any], tests: int) -> str:
    """What one test found.

    Parameters
    ----------
    row : mapping
        Of the table of ``study.study``.
    tests : int
        In the family that p values are adjusted over.
    """
    hours = f"{row['horizon_hours']:g} h"
    if row["verdict"] == NOT_IDENTIFIED:
        return f"{row['test']}, {hours}: not identified, because {row['reason']}."
    subject = _SUBJECT[row["question"]].format(
        test=row["test"], hours=hours, value=f"{row['median']:+.3g}"
    )
    interval = f"({row['low']:+.3g} to {row['high']:+.3g})"
    tail = f"p {row['p']:.2g}, {row['p_holm']:.2g} after Holm over {tests} tests"
    if row["verdict"] == FOUND:
        return f"{subject} {interval}: found, {tail}."
    return (
        f"{subject} {interval}: no effect found, {tail}; this test finds one of "
        f"{row['detectable']:.2g} with probability 80 %, and one of "
        f"{row['detectable_family']:.2g} after the adjustment."
    )
