"""What a backtest is held to: targets fixed beforehand, the worst days, the range it speaks for."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.backtest.ablation import WITH_MAP
from liqbayes.backtest.frames import by_bar, day_volatility
from liqbayes.backtest.model_data import PLACEBOS
from liqbayes.backtest.model_forecaster import MODEL
from liqbayes.backtest.ratios import POOLED
from liqbayes.backtest.record import DAY_QUANTILES, side_scores
from liqbayes.backtest.risk import LEVELS, basel_zone, exceedances, quantile_test
from liqbayes.backtest.table import BarTable
from liqbayes.contracts import SIDES

FloatArray = NDArray[np.float64]
# The headline task.
TASK = "conditional"
# Fixed before any run: upper bound of the ablation's ratio and its aim, of the model's ratio to
# the best baseline likewise, range of the coverage of 90 % intervals.
ABLATION_LIMIT, ABLATION_AIM = 1.0, 0.95
RATIO_LIMIT, RATIO_AIM = 0.92, 0.88
COVERAGE = (0.87, 0.93)
WORST_DAYS = 5
# Quantile of daily totals whose exceptions are counted.
BASEL_LEVEL = 0.99


def headline(summary: Mapping[str, Any]) -> str:
    """The headline task, or the first of a backtest without it."""
    tasks = list(summary["scores"])
    return TASK if TASK in tasks or not tasks else str(tasks[0])


def targets(
    scores: Mapping[str, Any],
    ratio: Mapping[str, Any],
    with_map: Mapping[str, Any],
    ablated: Mapping[str, Any],
    placebo: Mapping[str, Any],
    over: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """What was wanted of a panel beforehand, what was found, and whether it is met.

    All targets are of the headline task: of a backtest without it there are none.
    """
    if TASK not in scores:
        return []
    found = ratio_targets(ratio, with_map, ablated, placebo, over)
    for side in SIDES:
        found.append(
            target(
                f"model over best baseline, lower bound, {side}", _at(ratio, TASK, side, 0),
                "<= 1", lambda x: x <= 1.0,
            )
        )  # fmt: skip
    sides = scores.get(TASK, {}).get(MODEL, {})
    counts = {side: sides[side]["n"] for side in SIDES if side in sides}
    total = sum(counts.values())
    covered = sum(sides[s]["coverage90"] * n for s, n in counts.items() if n)
    found.append(
        target(
            "coverage of 90 % intervals, pooled", covered / total if total else None,
            f"{COVERAGE[0]} to {COVERAGE[1]}", lambda x: COVERAGE[0] <= x <= COVERAGE[1],
        )
    )  # fmt: skip
    return found


def ratio_targets(
    ratio: Mapping[str, Any],
    with_map: Mapping[str, Any],
    ablated: Mapping[str, Any],
    placebo: Mapping[str, Any],
    over: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Targets of ratios pooled over sides, of one panel or of several."""
    found = [
        target(
            "ablation, upper bound, pooled", _at(ablated, TASK, POOLED, 2), f"< {ABLATION_LIMIT}",
            lambda x: x < ABLATION_LIMIT,
        ),
        target(
            "ablation, pooled", _at(ablated, TASK, POOLED, 1), f"aim {ABLATION_AIM}",
            lambda x: x <= ABLATION_AIM,
        ),
        target(
            "model over best baseline, pooled", _at(ratio, TASK, POOLED, 1), f"<= {RATIO_LIMIT}",
            lambda x: x <= RATIO_LIMIT,
        ),
        target(
            "model over best baseline, pooled", _at(ratio, TASK, POOLED, 1), f"aim {RATIO_AIM}",
            lambda x: x <= RATIO_AIM,
        ),
        target(
            f"{WITH_MAP} over best baseline, pooled", _at(with_map, TASK, POOLED, 1),
            f"<= {RATIO_LIMIT}", lambda x: x <= RATIO_LIMIT,
        ),
    ]  # fmt: skip
    for name in PLACEBOS:
        found.append(
            target(
                f"placebo {name}, upper bound, pooled", _at(placebo, name, TASK, POOLED, 2),
                ">= 1: no gain is left", lambda x: x >= 1.0,
            )
        )  # fmt: skip
        # a wide interval reaches 1, too: the true map has to beat the false one
        found.append(
            target(
                f"{WITH_MAP} over placebo {name}, upper bound, pooled",
                _at(over, name, TASK, POOLED, 2), f"< {ABLATION_LIMIT}",
                lambda x: x < ABLATION_LIMIT,
            )
        )  # fmt: skip
    return found


def target(what: str, value: float | None, limit: str, met: Any) -> dict[str, Any]:
    """A target, what was found, and whether it is met; None if that is unknown."""
    known = value is not None and np.isfinite(value)
    return {"target": what, "limit": limit, "value": value, "met": met(value) if known else None}


def _at(nested: Any, *keys: Any) -> float | None:
    for key in keys:
        if nested is None or (isinstance(nested, Mapping) and key not in nested):
            return None
        nested = nested[key]
    return None if nested is None else float(nested)


def worst_days(
    test: pd.DataFrame, chosen: Mapping[str, str], table: BarTable
) -> list[dict[str, Any]]:
    """Days of the test with the largest reports over open interest, and how they were forecast.

    Only days that the model has forecast in the headline task.
    """
    own = test[(test["task"] == TASK) & (test["name"] == MODEL)]
    if own.empty:
        return []
    day = pd.DatetimeIndex(own["time"]).floor("D")
    # a day of which nothing is known has no total
    total = own["observed"].groupby(day).sum(min_count=1).dropna().sort_values(ascending=False)
    volatility = day_volatility(table)
    best = chosen.get(TASK)
    out = []
    for date in total.index[:WORST_DAYS]:
        within = own[day == date]
        row = {
            "day": str(date.date()),
            "reported": float(total[date]),
            "volatility": float(volatility.get(date, np.nan)),
            "coverage90": side_scores(within)["coverage90"],
            MODEL: float(within["crps_log"].mean()),
        }
        if best is not None:
            scores = pd.concat([by_bar(test, TASK, side, "crps_log")[best] for side in SIDES])
            row["best_baseline"] = float(scores.loc[within["bar"].unique()].mean())
        out.append(row)
    return out


def volatility_range(test: pd.DataFrame, table: BarTable) -> dict[str, Any]:
    """Range of the day's realised volatility in which intervals have been checked."""
    days = pd.DatetimeIndex(test["time"]).floor("D").unique()
    known = day_volatility(table).reindex(days).dropna()
    if known.empty:
        return {"volatility": None, "days": 0}
    return {"volatility": [float(known.min()), float(known.max())], "days": int(known.size)}


def exceeded(bars: pd.DataFrame, level: float) -> FloatArray:
    """`risk.exceedances` of the bars of one forecaster and side, the same at every call."""
    low, high = (bars[name].to_numpy(float) for name in ("pit_low", "pit_high"))
    return exceedances(low, high, level, np.random.default_rng(len(bars)))


def risk_tests(
    test: pd.DataFrame, rows: Sequence[Mapping[str, Any]], task: str = TASK
) -> dict[str, Any]:
    """Tests of the model's upper quantiles by bar, and Basel zones of daily totals, by side.

    Parameters
    ----------
    test : DataFrame
        Bars of the test block.
    rows : sequence of mapping
        Of finished blocks, whose ``days`` hold totals.
    task : str
    """
    own = test[(test["task"] == task) & (test["name"] == MODEL)]
    out: dict[str, Any] = {}
    for side in SIDES:
        bars = own[own["side"] == side].sort_values("bar")
        levels = {}
        for level in LEVELS:
            levels[f"{level:g}"] = asdict(quantile_test(exceeded(bars, level), level))
        days = [day for row in rows if row["test"] for day in row["days"].get(side, [])]
        top = DAY_QUANTILES.index(BASEL_LEVEL)
        hits = sum(day["total"] > day["quantiles"][top] for day in days)
        zone = asdict(basel_zone(hits, len(days), BASEL_LEVEL)) if days else None
        out[side] = {"quantiles": levels, "daily_totals": zone}
    return out
