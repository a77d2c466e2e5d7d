"""From rows of blocks to scores, ratios, the ablation and its placebos, and their files."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from liqbayes.backtest.ablation import PLACEBO, WITH_MAP, WITHOUT_MAP
from liqbayes.backtest.frames import bars_frame, by_bar, day_volatility
from liqbayes.backtest.model_data import PLACEBOS
from liqbayes.backtest.model_forecaster import MODEL
from liqbayes.backtest.ratios import POOLED, ratio_table
from liqbayes.backtest.record import side_scores
from liqbayes.backtest.table import BarTable
from liqbayes.backtest.verdicts import risk_tests, targets, volatility_range, worst_days
from liqbayes.contracts import SIDES
from liqbayes.errors import InputError
from liqbayes.validate.files import replace_text, replace_with

SUMMARY, TABLE, BARS = "backtest.json", "backtest.csv", "bars.parquet"
NOT_BASELINES = (MODEL, WITH_MAP, *(PLACEBO.format(name) for name in PLACEBOS))
# A baseline that misses more of the validation bars is not chosen.
LEAST_SHARE = 0.9
TERCILES = ("low", "middle", "high")


@dataclass(frozen=True)
class BacktestResult:
    """What a backtest found.

    Attributes
    ----------
    bars : DataFrame
        See ``frames.bars_frame``.
    summary : mapping
        What ``backtest.json`` holds besides the identity of the run: ``scores``, ``best_baseline``,
        ``ratio``, ``ratio_with_map`` (of the regression with the map), ``ablation``,
        ``placebo`` (over the regression without a map), ``over_placebo`` (of the true map over
        each false one), ``risk``, ``by_volatility``, ``worst_days``, ``calibrated_range``,
        ``targets``, ``validation``, ``fits``, ``failed``, ``notes``, ``unfinished_blocks``,
        ``errors``.
    """

    bars: pd.DataFrame
    summary: Mapping[str, Any]


def judge(
    rows: Sequence[Mapping[str, Any]],
    table: BarTable,
    blocks: Sequence[tuple[int, int, bool]],
    seed: int,
) -> BacktestResult:
    """Compare forecasters on the bars that they have forecast.

    Parameters
    ----------
    rows : sequence of mapping
        Of finished blocks, as ``unit.forecast_block`` returns them.
    table : BarTable
    blocks : sequence of (int, int, bool)
        That there are if nothing is missing.
    seed : int
        Of the bootstrap.

    Raises
    ------
    InputError
        If no block of the test has been forecast.
    """
    done = [row for row in rows if "error" not in row]
    errors = sorted({str(row["error"]) for row in rows if "error" in row})
    if not any(row["test"] for row in done):
        why = f": {errors[0]}" if errors else "; the budget may have ended before"
        raise InputError(f"no block of the test has been forecast yet{why}.")
    frame = bars_frame(done, table)
    test, validation = frame[frame["test"]], frame[~frame["test"]]
    tasks = list(dict.fromkeys(task for row in done for task in row["tasks"]))
    best = {task: _best(validation, task) for task in tasks}
    chosen = {task: name for task, (name, _) in best.items() if name is not None}
    ratio = {
        task: ratio_table(test, task, MODEL, name, table.bar_hours, seed)
        for task, name in chosen.items()
    }
    with_map = {
        task: ratio_table(test, task, WITH_MAP, name, table.bar_hours, seed)
        for task, name in chosen.items()
    }
    ablated = {
        task: ratio_table(test, task, WITH_MAP, WITHOUT_MAP, table.bar_hours, seed)
        for task in tasks
    }

    def against(pair: Callable[[str], tuple[str, str]]) -> dict[str, dict[str, Any]]:
        """A ratio of each placebo and conditional task."""
        out: dict[str, dict[str, Any]] = {name: {} for name in PLACEBOS}
        for name in PLACEBOS:
            one, other = pair(PLACEBO.format(name))
            for task in tasks:
                if task != "forecast":
                    found = ratio_table(test, task, one, other, table.bar_hours, seed)
                    out[name][task] = found
        return out

    # whether a placebo has a gain, and whether the map has more: an interval of the first that
    # reaches 1 does not show that there is none
    placebo = against(lambda false: (false, WITHOUT_MAP))
    over = against(lambda false: (WITH_MAP, false))
    scores = {
        task: {
            name: {side: side_scores(of_side) for side, of_side in of_name.groupby("side")}
            for name, of_name in test[test["task"] == task].groupby("name")
        }
        for task in tasks
    }
    summary = {
        "scores": scores,
        "best_baseline": {task: name for task, (name, _) in best.items()},
        "ratio": ratio,
        "ratio_with_map": with_map,
        "ablation": ablated,
        "placebo": placebo,
        "over_placebo": over,
        "risk": risk_tests(test, done),
        "by_volatility": {
            task: _by_volatility(test, task, chosen.get(task), table, seed) for task in tasks
        },
        "worst_days": worst_days(test, chosen, table),
        "calibrated_range": volatility_range(test, table),
        "targets": targets(scores, ratio, with_map, ablated, placebo, over),
        "validation": {task: found for task, (_, found) in best.items()},
        "fits": [row["fit"] for row in done if row["fit"] is not None],
        "failed": _merged(row["failed"] for row in done),
        "notes": [note for row in done for note in row["notes"]],
        "unfinished_blocks": len(blocks) - len(done),
        "errors": errors,
    }
    return BacktestResult(frame, summary)


def _best(validation: pd.DataFrame, task: str) -> tuple[str | None, dict[str, float]]:
    """The baseline with the smallest mean log-scale CRPS over both sides, and those of all.

    On the bars that all baselines have forecast; one that misses many bars is no candidate. None
    where the validation block has not been forecast.
    """
    parts = [by_bar(validation, task, side, "crps_log") for side in SIDES]
    scores = pd.concat(parts)
    scores = scores[[name for name in scores if name not in NOT_BASELINES]]
    if scores.empty:
        return None, {}
    known = scores.notna().sum()
    if not known.max():
        return None, {}
    scores = scores.loc[:, known >= LEAST_SHARE * known.max()].dropna()
    means = {str(name): float(value) for name, value in scores.mean().items()}
    return min(means, key=means.__getitem__), means


def _by_volatility(
    test: pd.DataFrame, task: str, best: str | None, table: BarTable, seed: int
) -> dict[str, Any]:
    """Ratio, ablation and coverage by tercile of the day's realised volatility."""
    volatility = day_volatility(table)
    days = pd.DatetimeIndex(test["time"]).floor("D")
    own = pd.Series(volatility.reindex(days).to_numpy(), index=test.index)
    by_day = volatility.reindex(days.unique())
    edges = np.nanquantile(by_day, [1 / 3, 2 / 3])
    tercile = np.where(np.isfinite(own), np.searchsorted(edges, own), -1)
    out = {}
    for i, words in enumerate(TERCILES):
        part = test[tercile == i]
        of_model = part[(part["name"] == MODEL) & (part["task"] == task)]
        out[words] = {
            "volatility": [float(x) for x in (own[tercile == i].min(), own[tercile == i].max())],
            "ratio": None
            if best is None
            else ratio_table(part, task, MODEL, best, table.bar_hours, seed)[POOLED],
            "ablation": ratio_table(part, task, WITH_MAP, WITHOUT_MAP, table.bar_hours, seed)[
                POOLED
            ],
            "coverage90": side_scores(of_model)["coverage90"],
            "n": int(of_model["crps_log"].notna().sum()),
        }
    return out


def _merged(failed: Any) -> dict[str, str]:
    out: dict[str, str] = {}
    for each in failed:
        out |= each
    return out


def write_result(result: BacktestResult, identity: Mapping[str, Any], directory: Path) -> None:
    """Write ``backtest.json``, ``backtest.csv`` and ``bars.parquet``.

    Parameters
    ----------
    result : BacktestResult
    identity : mapping
        Of the run.
    directory : Path
    """
    summary = {
        "schema": identity["schema"],
        "model": identity["model"],
        "panel_hash": identity["panel"]["hash"],
        "origins": [start for start, _, tested in identity["blocks"] if tested],
        **result.summary,
        "run": {k: v for k, v in identity.items() if k not in ("schema", "model")},
    }
    text = json.dumps(plain(summary), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    replace_text(directory / SUMMARY, text)
    replace_text(directory / TABLE, score_table(result).to_csv(index=False, float_format="%.6g"))
    replace_with(directory / BARS, lambda path: result.bars.to_parquet(path, index=False))


def score_table(result: BacktestResult) -> pd.DataFrame:
    """Scores as a table: one row a task, forecaster and side."""
    return pd.DataFrame(
        [
            {"task": task, "name": name, "side": side, **scores}
            for task, names in result.summary["scores"].items()
            for name, sides in names.items()
            for side, scores in sides.items()
        ]
    )


def plain(value: Any) -> Any:
    """Values as JSON can hold them; unknown is None."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
