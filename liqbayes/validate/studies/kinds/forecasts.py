"""Studies of what a model predicts."""

from collections.abc import Mapping
from typing import Any

from liqbayes.validate.studies.kind import Files, Kind, Table
from liqbayes.validate.studies.words import interval, number, ratio

_SIDES = ("long", "short", "pooled")
_NOMINAL_AMBER = 0.05
_NO_FAULT = "no fault"
_TASK = "conditional"
_PASSED, _GREEN = "passed", "green"


def _comparison(files: Files) -> str:
    values = files.values
    lines = [
        f"{row['model']} against {values.get('reference')}: {row['verdict']}"
        for row in values.get("scores", [])
        if row.get("channel") == "all" and row.get("model") != values.get("reference")
    ]
    return "; ".join(lines) or "no verdict over all channels"


def _comparison_table(files: Files) -> Table:
    versions = {
        name: f"{about['name']} {about['version']}"
        for name, about in files.values.get("models", {}).items()
    }
    rows = [
        (
            row["channel"],
            versions.get(row["model"], row["model"]),
            row["bars"],
            number(row["elpd"], 6),
            "" if row["difference"] is None else number(row["difference"]),
            "" if row["se"] is None else number(row["se"]),
            row["verdict"],
        )
        for row in files.values.get("scores", [])
    ]
    return ("channel", "model", "bars", "elpd", "difference", "s.e.", "verdict"), rows


def _backtest(files: Files) -> str:
    lines = []
    for task, sides in files.values.get("ratio", {}).items():
        pooled = sides.get("pooled") if isinstance(sides, Mapping) else None
        if pooled:
            lines.append(f"{task}: {ratio(*pooled)} of the best baseline's score")
    for task, sides in files.values.get("ablation", {}).items():
        pooled = sides.get("pooled") if isinstance(sides, Mapping) else None
        if pooled:
            lines.append(f"{task}: {ratio(*pooled)} with the map over without it")
    return "; ".join(lines) or "no pooled ratio"


def _ratios(files: Files) -> Table:
    values = files.values
    families: dict[str, Mapping[str, Any]] = {
        "with the map / without": values.get("ablation", {}),
        "with the map / best baseline": values.get("ratio_with_map", {}),
        "model / best baseline": values.get("ratio", {}),
    }
    families |= {f"placebo {k} / without the map": v for k, v in values.get("placebo", {}).items()}
    families |= {
        f"with the map / placebo {k}": v for k, v in values.get("over_placebo", {}).items()
    }
    rows = [
        (task, name, *(ratio(*sides[s]) if sides.get(s) else "" for s in _SIDES))
        for name, tasks in families.items()
        for task, sides in tasks.items()
    ]
    return ("task", "ratio of log-scale CRPS", *_SIDES), rows


def _scores_by_forecaster(files: Files) -> Table:
    """Of the headline task, or the first of a run without it; best first."""
    every = files.values.get("scores", {})
    task = _TASK if _TASK in every or not every else next(iter(every))
    scores = every.get(task, {})
    known = {name: sides for name, sides in scores.items() if set(_SIDES[:2]) <= set(sides)}

    def mean(sides: Mapping[str, Any], score: str) -> float:
        return sum(float(sides[s][score]) for s in _SIDES[:2]) / 2

    rows = [
        (
            name,
            *(number(sides[s]["crps_log"]) for s in _SIDES[:2]),
            *(number(mean(sides, score)) for score in ("log_score", "interval_score")),
            *(number(sides[s]["coverage90"]) for s in _SIDES[:2]),
            number(mean(sides, "width90")),
        )
        for name, sides in sorted(known.items(), key=lambda item: mean(item[1], "crps_log"))
    ]
    header = (
        *(f"forecaster ({task})", "log-scale CRPS, long", "short", "log score", "interval score"),
        *("90 % intervals hold, long", "short", "width"),
    )
    return header, rows


def _by_volatility(files: Files) -> Table:
    rows = [
        (
            part,
            " to ".join(number(v) for v in found["volatility"]),
            ratio(*found["ratio"]) if found["ratio"] else "",
            ratio(*found["ablation"]) if found["ablation"] else "",
            number(found["coverage90"]),
        )
        for part, found in files.values.get("by_volatility", {}).get(_TASK, {}).items()
    ]
    header = (
        *("days by volatility", "realised volatility", "model / best baseline"),
        *("with the map / without", "90 % intervals hold"),
    )
    return header, rows


def _worst_days(files: Files) -> Table:
    rows = [
        (
            day["day"],
            number(day["reported"]),
            number(day["volatility"]),
            number(day["model"]),
            "" if day.get("best_baseline") is None else number(day["best_baseline"]),
            number(day["coverage90"]),
        )
        for day in files.values.get("worst_days", [])
    ]
    header = (
        *("day with most reports", "reported / open interest", "realised volatility"),
        *("log-scale CRPS, model", "best baseline", "90 % intervals hold"),
    )
    return header, rows


def _forecasts_further(files: Files) -> list[Table]:
    tables = [_scores_by_forecaster(files), _by_volatility(files), _worst_days(files)]
    return [each for each in tables if each[1]]


def _targets_missed(files: Files) -> list[str]:
    values = files.values
    out = [
        f"{t['target']}: {number(t['value'])}, asked {t['limit']}"
        for t in values.get("targets", [])
        if t.get("met") is False
    ]
    out += [
        f"{t['target']}: not known, asked {t['limit']}"
        for t in values.get("targets", [])
        if t.get("met") is None
    ]
    if values.get("unfinished_blocks"):
        out.append(f"{values['unfinished_blocks']} blocks not finished")
    for side, tests in values.get("risk", {}).items():
        # of one panel the tests lie beside the zone of daily totals, of several they stand alone
        for level, test in tests.get("quantiles", tests).items():
            if test["verdict"] != _PASSED:
                out.append(
                    f"{side}, {level} quantile: {test['verdict']} "
                    f"({test['exceptions']} of {test['n']} bars above, "
                    f"{number(test['expected'], 3)} expected)"
                )
        zone = tests.get("daily_totals") if "quantiles" in tests else None
        if zone and zone["zone"] != _GREEN:
            out.append(
                f"{side}, {zone['level']:g} quantile of a day: {zone['zone']} "
                f"({zone['exceptions']} of {zone['n']} days above)"
            )
    return out


def _backtest_missed(files: Files) -> list[str]:
    lost = [f"{name}: {why}" for name, why in files.values.get("failed", {}).items()]
    loose = [
        f"fit at bar {fit['origin']}: R-hat {number(fit['max_rhat'], 4)}"
        for fit in files.values.get("fits", [])
        if fit.get("max_rhat") is not None and fit["max_rhat"] > 1.01
    ]
    return _targets_missed(files) + lost + loose


def _alarms(files: Files) -> str:
    rates = files.values.get("rates", [])
    lines = [
        f"without a fault {row['amber']:.0%} at least amber ({row['amber_low']:.0%} to "
        f"{row['amber_high']:.0%}), {row['red']:.0%} red"
        for row in rates
        if row["fault"] == _NO_FAULT
    ]
    planted = [row for row in rates if row["fault"] != _NO_FAULT]
    runs = sum(row["runs"] for row in planted)
    if runs:
        amber, red = (
            sum(row["runs"] * row[name] for row in planted) / runs for name in ("amber", "red")
        )
        lines.append(f"with one {amber:.0%} at least amber, {red:.0%} red ({runs} runs)")
    return "; ".join([f"{files.values.get('markets')} markets", *lines])


def _alarms_table(files: Files) -> Table:
    rows = [
        (
            row["fault"],
            row["runs"],
            row["markets"],
            interval(row["amber_low"], row["amber"], row["amber_high"], 2),
            interval(row["red_low"], row["red"], row["red_high"], 2),
        )
        for row in files.values.get("rates", [])
    ]
    return ("planted", "runs", "markets", "at least amber", "red"), rows


def _alarms_missed(files: Files) -> list[str]:
    out = []
    for row in files.values.get("rates", []):
        if row["fault"] == _NO_FAULT and row["amber"] > _NOMINAL_AMBER:
            out.append(
                f"no fault: amber in {row['amber']:.0%} of weeks, {_NOMINAL_AMBER:.0%} nominal"
            )
        if row["fault"] != _NO_FAULT and row["amber"] < 1:
            out.append(f"{row['fault']}: not noticed in {1 - row['amber']:.0%} of runs")
    return out


def _judge(files: Files) -> str:
    values = files.values
    if values.get("refused"):
        return f"{values.get('name')}: refused, " + "; ".join(
            str(v["text"]) for v in values.get("verdicts", []) if v.get("status") == "fail"
        )
    said = [
        f"{v['check']}: {v['status']}"
        for v in values.get("verdicts", [])
        if v.get("status") in ("ok", "warn", "fail")
    ]
    return f"{values.get('name')}: " + ", ".join(said)


def _judge_table(files: Files) -> Table:
    rows = [
        (
            row["side"],
            row["score"],
            row["source"],
            interval(row["low"], row["value"], row["high"]),
            "" if row.get("chance") is None else number(row["chance"]),
            row["bars"],
        )
        for row in files.values.get("scores", [])
    ]
    return ("side", "score", "of", "value and 90 % interval", "chance", "bars"), rows


def _judge_missed(files: Files) -> list[str]:
    return [
        f"{v['check']}: {v['text']}"
        for v in files.values.get("verdicts", [])
        if v.get("status") == "fail"
    ]


KINDS = {
    "liqbayes-judge": Kind(
        "judgement of a map",
        "Can the map be, and does it say where liquidations happen, beyond distance?",
        "liqbayes judge MAP --panel PANEL --contract NAME --out DIR",
        "explanation/judge",
        _judge,
        _judge_table,
        _judge_missed,
        of_model=False,
        pictures={"judge.png": "Scores beside distance alone"},
    ),
    "liqbayes-compare": Kind(
        "comparison with other models",
        "Which model predicts the bars to come better?",
        "liqbayes compare PANEL --contract NAME --model {model} --model OTHER --out DIR",
        "explanation/comparison",
        _comparison,
        _comparison_table,
        of_rules=True,
        pictures={"compare.png": "Running difference of log scores"},
    ),
    "liqbayes-backtest": Kind(
        "backtest",
        "Does the map improve the best forecast of reported liquidations that can be made without "
        "it, and do the model's own intervals hold?",
        "liqbayes backtest PANEL --contract NAME --model {model} --out DIR",
        "explanation/backtest",
        _backtest,
        _ratios,
        _backtest_missed,
        of_rules=True,
        pictures={"backtest.png": "Reliability and probability integral transform"},
        further=_forecasts_further,
    ),
    "liqbayes-backtest-pool": Kind(
        "backtests pooled",
        "The same over several panels together.",
        "liqbayes pool DIR DIR ... --out pool.json",
        "explanation/backtest",
        _backtest,
        _ratios,
        _targets_missed,
        of_rules=True,
    ),
    "liqbayes-alarms": Kind(
        "alarms of the monitor",
        "How often does the monitor sound where nothing is wrong, and where something is?",
        "liqbayes validate alarms --model {model} --out DIR",
        "how-to/monitor-a-fit",
        _alarms,
        _alarms_table,
        _alarms_missed,
    ),
}
