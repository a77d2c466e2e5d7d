"""Backtests of several panels together: pooled ratios, coverage and targets."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.backtest.ablation import PLACEBO, WITH_MAP, WITHOUT_MAP
from liqbayes.backtest.bands import mean_band, on_one_clock
from liqbayes.backtest.frames import by_bar
from liqbayes.backtest.model_data import PLACEBOS
from liqbayes.backtest.model_forecaster import MODEL
from liqbayes.backtest.plan import SCHEMA
from liqbayes.backtest.ratios import POOLED, SCORE, block_of, paired, pooled_ratio
from liqbayes.backtest.risk import LEVELS, quantile_test
from liqbayes.backtest.tables import BARS, SUMMARY, plain
from liqbayes.backtest.verdicts import COVERAGE, TASK, exceeded, ratio_targets, target
from liqbayes.contracts import SIDES
from liqbayes.errors import InputError
from liqbayes.validate.files import replace_text

FloatArray = NDArray[np.float64]
POOL_SCHEMA = "liqbayes-backtest-pool-1"
COVERED = "coverage90"
NOMINAL = 0.9


@dataclass(frozen=True, eq=False)
class FinishedBacktest:
    """A backtest as its directory holds it.

    Attributes
    ----------
    summary : mapping
        Of ``backtest.json``.
    test : DataFrame
        Bars of the test block; see ``frames.bars_frame``.
    bar_hours : float
    """

    summary: Mapping[str, Any]
    test: pd.DataFrame
    bar_hours: float

    @property
    def label(self) -> str:
        """Contract and length of a bar."""
        return f"{self.summary['run']['panel']['contract']}, {self.bar_hours:g} h"


def read_backtest_summary(directory: str | Path) -> dict[str, Any]:
    """Read ``backtest.json``, which is enough to know what was tested.

    Raises
    ------
    InputError
        If the directory holds no backtest of this version.
    """
    path = Path(directory) / SUMMARY
    if not path.is_file():
        raise InputError(
            f"{directory} has no {SUMMARY}; give a directory that `liqbayes backtest` wrote."
        )
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is no valid JSON: {error}.") from None
    if not isinstance(summary, dict) or summary.get("schema") != SCHEMA:
        raise InputError(f"{path} is no backtest of this version; its schema must be {SCHEMA}.")
    return summary


def read_backtest(directory: str | Path) -> FinishedBacktest:
    """Read what `backtest` wrote, bars included.

    Raises
    ------
    InputError
        If the directory holds no backtest of this version, or not its bars.
    """
    summary = read_backtest_summary(directory)
    bars = Path(directory) / BARS
    if not bars.is_file():
        raise InputError(
            f"{directory} has no {BARS}, without which nothing can be pooled; run the "
            "backtest again to write it."
        )
    frame = pd.read_parquet(bars)
    test = frame[frame["test"]]
    steps = np.diff(np.unique(test["time"].to_numpy("datetime64[ns]")))
    if not steps.size:
        raise InputError(f"{bars} has fewer than two bars of a test block; nothing can be pooled.")
    return FinishedBacktest(summary, test, float(steps.min() / np.timedelta64(1, "s")) / 3600.0)


def pool(runs: Sequence[FinishedBacktest], seed: int = 0) -> dict[str, Any]:
    """Pool backtests of one model over panels.

    Panels of one bar length share a calendar and therefore its shocks: the bootstrap draws the
    same blocks of time of all of them. Every known bar counts the same. The baseline that the
    model is compared with is each panel's own, chosen on its validation block.

    Parameters
    ----------
    runs : sequence of FinishedBacktest
        Two or more, of different panels.
    seed : int
        Of the bootstrap.

    Returns
    -------
    dict
        ``schema``, ``model``, ``panels``; by task ``ratio``, ``ratio_with_map``, ``ablation``, each
        of ``long``, ``short``, ``pooled`` as low, estimate and high; ``placebo[name]`` and
        ``over_placebo[name]`` likewise; ``coverage90[task]`` with the pooled band and those of
        each series; ``risk`` by side and level: exceptions of the upper quantile, the share of
        them with its band, and the tests of ``risk.quantile_test``; ``targets`` as in
        ``backtest.json``.

    Raises
    ------
    InputError
        For fewer than two, for different models, for a panel that comes twice, or if no task is
        common to all.
    """
    if len(runs) < 2:
        raise InputError(f"{len(runs)} backtest is given; pooling takes two or more.")
    models = {run.summary["model"]["hash"]: run.summary["model"] for run in runs}
    if len(models) > 1:
        names = ", ".join(f"{m['name']} {m['version']}" for m in models.values())
        raise InputError(f"the backtests are of different models ({names}); pool one model.")
    hashes = [run.summary["panel_hash"] for run in runs]
    if len(set(hashes)) < len(hashes):
        raise InputError("a panel is given twice; every panel may count once.")
    common = [t for t in runs[0].summary["scores"] if all(t in r.summary["scores"] for r in runs)]
    if not common:
        raise InputError("no task is common to all backtests; run them with the same --task.")

    def ratios(
        one: Callable[[FinishedBacktest, str], str | None],
        other: Callable[[FinishedBacktest, str], str | None],
        tasks: Sequence[str] = common,
    ) -> dict[str, Any]:
        return {task: _ratio(runs, task, one, other, seed) for task in tasks}

    def named(name: str) -> Callable[[FinishedBacktest, str], str]:
        return lambda *_: name

    def best(run: FinishedBacktest, task: str) -> str | None:
        name = run.summary["best_baseline"].get(task)
        return None if name is None else str(name)

    ratio = ratios(named(MODEL), best)
    with_map = ratios(named(WITH_MAP), best)
    ablated = ratios(named(WITH_MAP), named(WITHOUT_MAP))
    conditional = [task for task in common if task != "forecast"]
    false = {name: named(PLACEBO.format(name)) for name in PLACEBOS}
    placebo = {name: ratios(of, named(WITHOUT_MAP), conditional) for name, of in false.items()}
    over = {name: ratios(named(WITH_MAP), of, conditional) for name, of in false.items()}
    coverage = {task: _coverage(runs, task, seed) for task in common}
    return {
        "schema": POOL_SCHEMA,
        "model": next(iter(models.values())),
        "panels": [
            {
                "panel": run.label,
                "panel_hash": run.summary["panel_hash"],
                "best_baseline": run.summary["best_baseline"],
                "unfinished_blocks": run.summary["unfinished_blocks"],
                "calibrated_range": run.summary["calibrated_range"],
            }
            for run in runs
        ],
        "ratio": ratio,
        "ratio_with_map": with_map,
        "ablation": ablated,
        "placebo": placebo,
        "over_placebo": over,
        "coverage90": coverage,
        "risk": _risk(runs, seed),
        # of the headline task
        "targets": [
            *ratio_targets(ratio, with_map, ablated, placebo, over),
            *_targets(runs, coverage),
        ]
        if TASK in common
        else [],
    }


def _ratio(
    runs: Sequence[FinishedBacktest],
    task: str,
    one: Callable[[FinishedBacktest, str], str | None],
    other: Callable[[FinishedBacktest, str], str | None],
    seed: int,
) -> dict[str, list[float] | None]:
    """Ratio of two forecasters by side and pooled; the block is of a day and 24 bars at least."""
    out: dict[str, list[float] | None] = {}
    for key, sides in (*((s, [j]) for j, s in enumerate(SIDES)), (POOLED, [0, 1])):
        ours, theirs = [], []
        groups = _by_length(runs)
        for group in groups.values():
            clock, a, b = [], [], []
            for run in group:
                names = one(run, task), other(run, task)
                if names[0] is None or names[1] is None:
                    continue
                clock.append(_times(run, task))
                a.append(paired(run.test, task, names[0])[sides])
                b.append(paired(run.test, task, names[1])[sides])
            if clock:
                ours.append(on_one_clock(clock, a))
                theirs.append(on_one_clock(clock, b))
        block = max(block_of(hours) for hours in groups)
        out[key] = pooled_ratio(ours, theirs, block, seed)
    return out


def _by_length(runs: Sequence[FinishedBacktest]) -> dict[float, list[FinishedBacktest]]:
    out: dict[float, list[FinishedBacktest]] = {}
    for run in runs:
        out.setdefault(run.bar_hours, []).append(run)
    return out


def _times(run: FinishedBacktest, task: str) -> NDArray[np.datetime64]:
    """Opens of the bars of `ratios.paired`, whether forecast or not."""
    first = run.test.loc[run.test["task"] == task, "time"].to_numpy("datetime64[ns]").min()
    step = np.timedelta64(round(run.bar_hours * 3600e9), "ns")
    return np.asarray(first + step * np.arange(_bars(run, task).size))


def _bars(run: FinishedBacktest, task: str) -> NDArray[np.int64]:
    """Every bar of the block is a place on the clock, also where nothing is known."""
    numbers = run.test.loc[run.test["task"] == task, "bar"]
    return np.arange(int(numbers.min()), int(numbers.max()) + 1)


def _coverage(runs: Sequence[FinishedBacktest], task: str, seed: int) -> dict[str, Any]:
    """Share of reports inside the model's 90 % intervals: pooled, and of each panel's sides."""
    groups, series = [], {}
    lengths = _by_length(runs)
    for hours, group in lengths.items():
        clock, values = [], []
        for run in group:
            bars = _bars(run, task)
            rows = []
            for side in SIDES:
                scores = by_bar(run.test, task, side, COVERED)
                known = by_bar(run.test, task, side, SCORE).get(MODEL)
                covered = scores.get(MODEL)
                row = np.full(len(bars), np.nan)
                if covered is not None and known is not None:
                    row = covered.where(known.notna()).reindex(bars).to_numpy(float)
                rows.append(row)
                if np.isfinite(row).any():
                    band = mean_band([row], block=block_of(hours), seed=seed)
                    series[f"{run.label}, {side}"] = band.as_list()
            clock.append(_times(run, task))
            values.append(np.array(rows))
        groups.append(on_one_clock(clock, values))
    if not series:
        return {POOLED: None, "series": {}}
    block = max(block_of(hours) for hours in lengths)
    return {POOLED: mean_band(groups, block=block, seed=seed).as_list(), "series": series}


def _risk(runs: Sequence[FinishedBacktest], seed: int) -> dict[str, Any]:
    """Exceptions of the model's upper quantiles over all panels.

    The tests take bars of different panels for independent of each other; the band of the share
    does not.
    """
    lengths = _by_length(runs)
    block = max(block_of(hours) for hours in lengths)
    out: dict[str, Any] = {}
    for side in SIDES:
        out[side] = {}
        for level in LEVELS:
            groups, row = [], [np.array([np.nan])]
            for group in lengths.values():
                clock, values = [], []
                for run in group:
                    own = run.test[(run.test["task"] == TASK) & (run.test["name"] == MODEL)]
                    bars = own[own["side"] == side].sort_values("bar")
                    if bars.empty:
                        continue
                    hits = pd.Series(exceeded(bars, level), bars["bar"])
                    values.append(np.array([hits.reindex(_bars(run, TASK))], float))
                    clock.append(_times(run, TASK))
                    # an unknown bar between two panels makes no pair of their ends
                    row += [values[-1][0], np.array([np.nan])]
                if clock:
                    groups.append(on_one_clock(clock, values))
            if not groups:
                continue
            band = mean_band(groups, block=block, seed=seed).as_list()
            test = asdict(quantile_test(np.concatenate(row), level))
            out[side][f"{level:g}"] = {**test, "share": band}
    return out


def _targets(runs: Sequence[FinishedBacktest], coverage: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What only several panels can be held to."""
    lows = [
        run.summary["ratio"][TASK][side][0]
        for run in runs
        for side in SIDES
        if run.summary["ratio"].get(TASK) and run.summary["ratio"][TASK][side] is not None
    ]
    above = sum(low is not None and low > 1.0 for low in lows)
    found = coverage.get(TASK) or {POOLED: None, "series": {}}
    pooled = None if found[POOLED] is None else found[POOLED][1]
    outside = sum(
        not low <= NOMINAL <= high for low, _, high in found["series"].values() if np.isfinite(low)
    )
    return [
        target(
            f"panel-sides with the model wholly above the best baseline, of {len(lows)}",
            float(above) if lows else None, "0", lambda x: x == 0,
        ),
        target(
            "coverage of 90 % intervals, pooled", pooled, f"{COVERAGE[0]} to {COVERAGE[1]}",
            lambda x: COVERAGE[0] <= x <= COVERAGE[1],
        ),
        target(
            f"series whose band of coverage excludes 0.9, of {len(found['series'])}",
            float(outside) if found["series"] else None, "0", lambda x: x == 0,
        ),
    ]  # fmt: skip


def write_pool(found: Mapping[str, Any], path: Path, *, force: bool = False) -> None:
    """Write what `pool` found as JSON, whole or not at all; unknown ends of intervals are null.

    Raises
    ------
    InputError
        If the file exists and ``force`` is not set, or its directory is missing.
    """
    if path.is_dir() or (path.exists() and not force):
        raise InputError(f"{path} exists; choose another --out, or replace it with --force.")
    if not path.parent.is_dir():
        raise InputError(f"{path.parent} is no directory; make it first.")
    text = json.dumps(plain(found), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    replace_text(path, text)
