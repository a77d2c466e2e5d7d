"""All tests of one market, adjusted together, and the placebos beside them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from liqbayes.events.consumption import ARMS, after_moves, moves
from liqbayes.events.definitions import (
    ALPHA,
    CONSUMPTION,
    LEAD,
    MAGNETISM,
    MAP,
    MIRRORED,
    REPORTED,
    SHIFTED,
    UNITS,
)
from liqbayes.events.evidence import Evidence, horizons
from liqbayes.events.inference import Estimate, block_bars, combined
from liqbayes.events.lead import DIRECTIONS, lead
from liqbayes.events.magnetism import attraction
from liqbayes.validate.sbc.uniformity import holm

FOUND, NOT_FOUND, NOT_IDENTIFIED = "found", "no effect found", "not identified"


def study(evidence: Evidence) -> pd.DataFrame:
    """Every test that was fixed beforehand.

    Returns
    -------
    DataFrame
        One row a test: ``question``, ``test``, ``horizon_hours``, ``unit``; ``n`` (events, rows or
        windows, on average over draws) and ``blocks``; ``median`` with ``low`` and ``high`` (90 %
        interval of the average over draws of the map), ``total_low`` and ``total_high`` (wider: of
        the effect if a single draw were the map); ``p``,
        ``p_holm`` (over all tests of the table that have a p value), ``detectable`` and
        ``detectable_family`` (size found with 80 % probability by a test at 5 %, and at 5 % over
        the number of tests), ``extra`` (the change of the probability of reach per doubling;
        the correlation without regard to the window's own return), ``verdict`` and ``reason``.
    """
    rows, spreads = [], []
    for row, detect in _tests(evidence):
        rows.append(row)
        spreads.append(detect)
    table = pd.DataFrame(rows)
    p = table["p"].to_numpy(float)
    tested = np.isfinite(p)
    adjusted = np.full(p.size, np.nan)
    adjusted[tested] = holm(p[tested])
    table["p_holm"] = adjusted
    count = max(int(tested.sum()), 1)
    table["detectable"] = [detect(ALPHA) for detect in spreads]
    table["detectable_family"] = [detect(ALPHA / count) for detect in spreads]
    table["verdict"] = np.where(
        tested, np.where(adjusted < ALPHA, FOUND, NOT_FOUND), NOT_IDENTIFIED
    )
    return table


def _tests(evidence: Evidence) -> Iterator[tuple[dict[str, Any], Any]]:
    found = moves(evidence)
    spans = horizons(evidence.bar_hours)
    for arm in ARMS:
        for hours, bars in spans.items():
            estimate = after_moves(evidence, found, arm, bars)
            yield _row(CONSUMPTION, arm, hours, estimate), estimate.detectable
    for hours, bars in spans.items():
        estimate, probability, _ = attraction(evidence, bars)
        yield (
            {**_row(MAGNETISM, "reach on density", hours, estimate), "extra": probability},
            estimate.detectable,
        )
    for direction in DIRECTIONS:
        for hours, bars in spans.items():
            result = lead(evidence, bars, direction)
            row = _row(LEAD, direction, hours, result.estimate)
            yield {**row, "p": result.p, "extra": result.raw}, result.detectable


def _row(question: str, test: str, hours: float, estimate: Estimate) -> dict[str, Any]:
    low, high = estimate.interval()
    total = estimate.interval(total=True)
    return {
        "question": question,
        "test": test,
        "horizon_hours": hours,
        "unit": UNITS[question],
        "n": estimate.n,
        "blocks": estimate.blocks,
        "low": low,
        "median": estimate.value if not estimate.reason else np.nan,
        "high": high,
        "total_low": total[0],
        "total_high": total[1],
        "p": estimate.p_value(),
        "extra": np.nan,
        "reason": estimate.reason,
    }


def placebos(evidence: Evidence) -> pd.DataFrame:
    """The same estimates under maps that are false, and the true map's advantage over them.

    Not part of the family of tests: what a false map finds too is no finding of the map. Of ΔL,
    what the feed reported in place of what the map expects: the map makes its liquidations from the
    path of price, so that what both show is no artefact of that.

    Returns
    -------
    DataFrame
        ``question``, ``test``, ``horizon_hours``, ``placebo``, ``unit``; ``low``, ``median``,
        ``high`` of the placebo; for magnetism ``over_low``, ``over_median``, ``over_high`` of the
        true map minus the placebo, on the same bars. ``reason`` where there is none.
    """
    rows = []
    spans = horizons(evidence.bar_hours)
    false = moves(evidence, mirrored=True)
    for arm in ARMS:
        for hours, bars in spans.items():
            row = _row(CONSUMPTION, arm, hours, after_moves(evidence, false, arm, bars))
            rows.append({**row, "placebo": MIRRORED})
    for name in (MIRRORED, SHIFTED):
        if name == SHIFTED and SHIFTED not in evidence.log_density:
            continue
        for hours, bars in spans.items():
            estimate, _, slopes = attraction(evidence, bars, name=name)
            row = _row(MAGNETISM, "reach on density", hours, estimate)
            other = MAP if name == MIRRORED else name
            _, _, own = attraction(evidence, bars, beside=other)
            known = np.flatnonzero(evidence.known(MAP) & evidence.known(other))
            if own is not None and slopes is not None and not estimate.reason:
                over = combined(
                    own.value - slopes.value,
                    (own.influence - slopes.influence)[:, known[0] : known[-1] + 1],
                    block=block_bars(bars, evidence.bar_hours),
                    studied=int(known[-1] - known[0] + 1),
                    n=estimate.n,
                )
                low, high = over.interval()
                row |= {"over_low": low, "over_median": over.value, "over_high": high}
            rows.append({**row, "placebo": name})
    if evidence.reported is not None:
        fed = replace(evidence, flow=evidence.reported[None])
        for direction in DIRECTIONS:
            for hours, bars in spans.items():
                row = _row(LEAD, direction, hours, lead(fed, bars, direction).estimate)
                rows.append({**row, "placebo": REPORTED})
    shown = ["question", "test", "horizon_hours", "placebo", "unit", "n", "low", "median", "high"]
    return pd.DataFrame(rows).reindex(
        columns=[*shown, "over_low", "over_median", "over_high", "reason"]
    )
