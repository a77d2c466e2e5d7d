"""Studies of what is read into a map, and of what it does to a market."""

from collections import Counter

from liqbayes.validate.studies.kind import Files, Kind, Table
from liqbayes.validate.studies.words import interval, number

_LARGEST_RHAT = 1.01
# What is planted where nothing is; what rates should be there; and how often an effect should show.
_NOTHING = "none"
_NOMINAL = {"rejected": 0.05, "covered": 0.9}
_POWER = 0.8


def _events(files: Files) -> str:
    found = Counter(files.frame("events.csv")["verdict"])
    said = ", ".join(f"{n} {verdict}" for verdict, n in sorted(found.items()))
    return f"{files.values.get('bars')} bars, {sum(found.values())} tests: {said}"


def _events_table(files: Files) -> Table:
    rows = [
        (
            row["question"],
            row["test"],
            f"{row['horizon_hours']:g} h",
            interval(row["low"], row["median"], row["high"], 2),
            row["unit"],
            number(row["p_holm"], 2),
            number(row["detectable"], 2),
            row["verdict"],
        )
        for _, row in files.frame("events.csv").iterrows()
    ]
    header = (
        "question",
        "test",
        "within",
        "effect",
        "unit",
        "p after Holm",
        "detectable",
        "verdict",
    )
    return header, rows


def _events_missed(files: Files) -> list[str]:
    frame = files.frame("events.csv")
    unknown = frame[frame["verdict"] == "not identified"]
    out = [
        f"{row['test']}, {row['horizon_hours']:g} h: not identified, {row['reason']}"
        for _, row in unknown.iterrows()
    ]
    rhat = max((fit["max_rhat"] for fit in files.values.get("fits", [])), default=None)
    if rhat is not None and rhat > _LARGEST_RHAT:
        out.append(f"largest R-hat of its fits {number(rhat, 4)}, limit {_LARGEST_RHAT}")
    return out


def _planted(files: Files) -> str:
    frame = files.frame("planted.csv")
    nothing = frame[(frame["planted"] == _NOTHING) & frame["rejected"].notna()]
    anything = frame[(frame["planted"] == _NOTHING) & frame["rejected"].isna()]
    rates = {
        name: 100 * float((nothing[name] * nothing["markets"]).sum() / nothing["markets"].sum())
        for name in ("rejected", "covered")
    }
    return (
        f"{nothing['markets'].max()} markets with nothing planted: tests reject at 5 % in "
        f"{rates['rejected']:.1f} % of cases, 90 % intervals hold zero in "
        f"{rates['covered']:.1f} %; "
        f"after Holm's correction something is found in {100 * anything['found'].max():.0f} % of "
        "the markets"
    )


def _planted_table(files: Files) -> Table:
    rows = [
        (
            row["planted"],
            number(row["size"], 2),
            row["test"],
            "any" if row["rejected"] != row["rejected"] else f"{row['horizon_hours']:g} h",
            row["markets"],
            interval(row["rejected_low"], row["rejected"], row["rejected_high"], 2),
            interval(row["found_low"], row["found"], row["found_high"], 2),
            interval(row["covered_low"], row["covered"], row["covered_high"], 2),
        )
        for _, row in files.frame("planted.csv").iterrows()
        # of a planted effect only what is planted: the rest is in the file
        if row["planted"] in (_NOTHING, row["question"]) or row["question"] == "all"
    ]
    header = (
        *("planted", "size", "test", "within", "markets"),
        *("p below 5 %", "found after Holm", "interval holds zero"),
    )
    return header, rows


def _planted_missed(files: Files) -> list[str]:
    frame = files.frame("planted.csv")
    nothing = frame[(frame["planted"] == _NOTHING) & frame["rejected"].notna()]
    out = [
        f"nothing planted, {row['test']}, {row['horizon_hours']:g} h: {name} "
        f"{interval(row[f'{name}_low'], row[name], row[f'{name}_high'], 2)}, nominal {nominal:g}"
        for name, nominal in _NOMINAL.items()
        for _, row in nothing.iterrows()
        if not row[f"{name}_low"] <= nominal <= row[f"{name}_high"]
    ]
    effects = frame[frame["planted"] != _NOTHING]
    for _, group in effects.groupby(["planted", "size"], sort=False):
        planted, size = group["planted"].iloc[0], group["size"].iloc[0]
        best = group.loc[group["question"] == planted, "found"].max()
        if best < _POWER:
            out.append(
                f"{planted}, size {number(size, 2)}: found after Holm's correction in at most "
                f"{100 * best:.0f} % of the markets, wanted {100 * _POWER:.0f} %"
            )
    return out


def _feedback(files: Files) -> str:
    found = Counter(files.frame("feedback.csv")["verdict"])
    what = "with fits" if files.values.get("fitted") else "without fits"
    said = ", ".join(f"{n} {verdict}" for verdict, n in sorted(found.items()))
    return f"{what}, {sum(found.values())} differences: {said}"


def _feedback_table(files: Files) -> Table:
    rows = [
        (
            row["behaviour"],
            number(row["share"], 2),
            row["measure"],
            row["markets"],
            number(row["nobody"]),
            interval(row["low"], row["difference"], row["high"], 2),
            number(row["p_holm"], 2),
            row["verdict"],
        )
        for _, row in files.frame("feedback.csv").iterrows()
    ]
    header = (
        *("behaviour", "readers", "measure", "markets", "nobody reads"),
        *("difference", "p after Holm", "verdict"),
    )
    return header, rows


def _feedback_options(files: Files) -> str:
    frame = files.frame("feedback.csv")
    shares = ",".join(f"{share:g}" for share in [0.0, *sorted(frame["share"].unique())])
    fitted = "" if files.values.get("fitted") else "--no-fit "
    shown = files.values.get("map", {}).get("name", "model")
    return (
        f"{fitted}--shares {shares} --behaviour {','.join(frame['behaviour'].unique())} "
        f"--markets {frame['markets'].max()} --map {shown}"
    )


def _cascades(files: Files) -> str:
    frame = files.frame("cascades.csv")
    ratio = frame[frame["quantity"] == "predicted / simulated"]["median"]
    return (
        f"{frame['markets'].max()} markets: the fixed point predicts {number(ratio.min(), 2)} to "
        f"{number(ratio.max(), 2)} times as much further fall as the simulated market has (medians "
        "by first fall and impact)"
    )


def _cascades_table(files: Files) -> Table:
    rows = [
        (
            f"{row['fall']:.0%}",
            number(row["impact"]),
            row["markets"],
            row["quantity"],
            number(row["median"]),
            f"{number(row['smallest'])} to {number(row['largest'])}",
        )
        for _, row in files.frame("cascades.csv").iterrows()
    ]
    return ("fall", "impact", "markets", "quantity", "median", "smallest to largest"), rows


def _cascades_missed(files: Files) -> list[str]:
    frame = files.frame("cascades.csv")
    ratios = frame[frame["quantity"] == "predicted / simulated"]
    wrong = ratios[(ratios["largest"] < 1) | (ratios["smallest"] > 1)]
    return [
        f"fall of {row['fall']:.0%}, impact {number(row['impact'])}: predicted over simulated "
        f"{number(row['median'], 2)}, on no market 1"
        for _, row in wrong.iterrows()
    ]


KINDS = {
    "liqbayes-events": Kind(
        "event studies of the usual readings",
        "Do consumed zones reverse, do clusters attract, does ΔL lead?",
        "liqbayes events PANEL --contract NAME --model {model} --out DIR",
        "explanation/events",
        _events,
        _events_table,
        _events_missed,
    ),
    "liqbayes-planted": Kind(
        "event studies where the answer is known",
        "Do the event studies find what is planted, and nothing where nothing is?",
        "liqbayes validate planted --out DIR",
        "explanation/events",
        _planted,
        _planted_table,
        _planted_missed,
        of_model=False,
    ),
    "liqbayes-feedback": Kind(
        "traders who act on the published map",
        "What becomes of the map's accuracy and of cascades when traders act on it?",
        "liqbayes validate feedback --model {model} --out DIR",
        "explanation/feedback",
        _feedback,
        _feedback_table,
        options=_feedback_options,
    ),
    "liqbayes-cascades": Kind(
        "cascades beside the agent market's own",
        "Does price fall on to the fixed point of a cascade in the simulated market, too?",
        "liqbayes validate cascades --out DIR",
        "explanation/cascades",
        _cascades,
        _cascades_table,
        _cascades_missed,
        of_model=False,
    ),
}
