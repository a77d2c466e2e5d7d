"""Stored results in words and tables."""

from collections.abc import Callable, Mapping
from typing import Any

from liqbayes.model import ModelSpec
from liqbayes.validate.document.markdown import items, missing, number, table
from liqbayes.validate.document.results import COMMANDS, NAMES, Published, Results

_SHOWN_TARGETS = 40
# kinds of results that a rule, which has no posterior, can have
FOR_RULES = ("comparison", "backtest")


def outcomes(spec: ModelSpec, results: Results) -> str:
    """The section on outcomes: what every kind of published result says, or that there is none."""
    parts = []
    if results.directory is None:
        parts.append(
            missing(
                "This installation carries no published results: they are part of the source tree "
                "(`docs/results`), not of a wheel. Give a directory of them with `--results DIR`."
            )
        )
    for kind, name in NAMES.items():
        parts.append(f"### {name[0].upper()}{name[1:]}")
        now = results.of(kind)
        parts += [_WRITERS[kind](spec, each) for each in now]
        if not now and spec.rule is not None and kind not in FOR_RULES:
            parts.append("Does not apply: a rule has no posterior and no prediction to calibrate.")
        elif not now:
            command = COMMANDS[kind].format(spec.name)
            parts.append(
                missing(f"No result of {spec.name} {spec.version} is published. `{command}`")
            )
        old = results.of(kind, current=False)
        if old:
            parts.append("Of other versions, which say nothing certain of this one:")
            parts.append(
                items(
                    f"`{each.where}`: {spec.name} {each.version or 'of a version not stated'}: "
                    f"{verdict(each)}"
                    for each in old
                )
            )
    if results.unread:
        parts.append("Files among the results that this version does not read:")
        parts.append(items(f"`{name}`" for name in results.unread))
    return "\n\n".join(parts)


def verdict(result: Published) -> str:
    """One result in a line."""
    return _VERDICTS[result.kind](result.values)


def latest(kind: str | None, results: Results) -> str:
    """What is published of a kind, in the words of a table's cell; not of planted faults."""
    if kind is None:
        return "no outcome is published apart from the test itself"
    now = [r for r in results.of(kind) if not r.values.get("fault")]
    if now:
        return "; ".join(f"{NAMES[kind]}: {verdict(each)}" for each in now)
    return f"{NAMES[kind]}: not published for this version"


def _of_sbc(values: Mapping[str, Any]) -> str:
    fault = values.get("fault")
    what = f"with the fault {fault} planted, " if fault else ""
    rejected = values.get("rejected", [])
    smallest = values.get("smallest_p", {})
    found = f"rejected for {', '.join(rejected)}" if rejected else "no quantity rejected"
    return (
        f"{what}{values.get('panels')} panels, {values.get('failed')} without a fit, {found} "
        f"(smallest p {number(smallest.get('p'), 2)}, of {smallest.get('quantity')})"
    )


def _of_recovery(values: Mapping[str, Any]) -> str:
    return (
        f"{values.get('markets')} markets, {values.get('targets_held')} targets held, "
        f"{values.get('targets_missed')} missed, {values.get('targets_not_judged')} not judged, "
        f"{values.get('failed')} fits failed"
    )


def _of_comparison(values: Mapping[str, Any]) -> str:
    lines = [
        f"{row['model']} against {values.get('reference')}: {row['verdict']}"
        for row in values.get("scores", [])
        if row.get("channel") == "all" and row.get("model") != values.get("reference")
    ]
    return "; ".join(lines) or "no verdict over all channels"


def _of_backtest(values: Mapping[str, Any]) -> str:
    lines = []
    for task, sides in values.get("ratio", {}).items():
        pooled = sides.get("pooled") if isinstance(sides, Mapping) else None
        if pooled:
            low, middle, high = (number(x) for x in pooled)
            lines.append(f"{task}: {middle} of the best baseline's score ({low} to {high})")
    return "; ".join(lines) or "no pooled ratio"


def _of_alarms(values: Mapping[str, Any]) -> str:
    lines = [
        f"{row['fault']}: {row['amber']:.0%} at least amber ({row['amber_low']:.0%} to "
        f"{row['amber_high']:.0%}), {row['red']:.0%} red"
        for row in values.get("rates", [])
    ]
    return f"{values.get('markets')} markets; " + "; ".join(lines)


def _plain(spec: ModelSpec, result: Published) -> str:
    return f"`{result.where}`: {verdict(result)}."


def _recovery(spec: ModelSpec, result: Published) -> str:
    targets = [t for t in result.values.get("targets", []) if t.get("verdict") == "missed"]
    text = _plain(spec, result)
    if not targets:
        return text
    header = ("missed target", "fit", "regime", "output", "found", "wanted")
    rows = [
        (t["kind"], t["arm"], t["regime"], t["output"], number(t["value"]), t["limit"])
        for t in targets[:_SHOWN_TARGETS]
    ]
    more = len(targets) - len(rows)
    tail = f"\n\nand {more} more in the file." if more > 0 else ""
    return f"{text}\n\n{table(header, rows)}{tail}"


def _comparison(spec: ModelSpec, result: Published) -> str:
    header = ("channel", "model", "bars", "elpd", "difference", "s.e.", "verdict")
    rows = [
        (
            row["channel"],
            row["model"],
            row["bars"],
            number(row["elpd"], 6),
            "" if row["difference"] is None else number(row["difference"]),
            "" if row["se"] is None else number(row["se"]),
            row["verdict"],
        )
        for row in result.values.get("scores", [])
    ]
    versions = ", ".join(
        f"{about['name']} {about['version']}" for about in result.values.get("models", {}).values()
    )
    return f"`{result.where}`, {versions}:\n\n{table(header, rows)}"


def _backtest(spec: ModelSpec, result: Published) -> str:
    rows = [
        (task, name, side, *(number(found.get(c)) for c in _BACKTEST))
        for task, names in result.values.get("scores", {}).items()
        for name, sides in names.items()
        for side, found in sides.items()
    ]
    header = ("task", "name", "side", *_BACKTEST)
    return f"{_plain(spec, result)}\n\n{table(header, rows)}" if rows else _plain(spec, result)


_BACKTEST = ("crps_log", "log_score", "coverage50", "coverage90", "width90", "n")


def _alarms(spec: ModelSpec, result: Published) -> str:
    header = (
        "planted",
        "runs",
        "markets",
        "at least amber",
        "95 % interval",
        "red",
        "95 % interval",
    )
    rows = [
        (
            row["fault"],
            row["runs"],
            row["markets"],
            f"{row['amber']:.2f}",
            f"{row['amber_low']:.2f} to {row['amber_high']:.2f}",
            f"{row['red']:.2f}",
            f"{row['red_low']:.2f} to {row['red_high']:.2f}",
        )
        for row in result.values.get("rates", [])
    ]
    return f"`{result.where}`:\n\n{table(header, rows)}"


_VERDICTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "sbc": _of_sbc,
    "recovery": _of_recovery,
    "comparison": _of_comparison,
    "backtest": _of_backtest,
    "alarms": _of_alarms,
}
_WRITERS: Mapping[str, Callable[[ModelSpec, Published], str]] = {
    "sbc": _plain,
    "recovery": _recovery,
    "comparison": _comparison,
    "backtest": _backtest,
    "alarms": _alarms,
}
