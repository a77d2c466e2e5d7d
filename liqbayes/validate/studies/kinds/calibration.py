"""Studies where the truth is known: the model's own simulator, and agent markets."""

from typing import Any

from liqbayes.validate.studies.kind import Files, Kind, Table
from liqbayes.validate.studies.words import interval, number

_SMALLEST = 8
_FAMILIES = {"at_risk": "shares at risk", "total": "totals", "delta_total": "ΔL"}
_ARMS = {"feed": "with a feed", "none": "without"}
_ALL = "all markets"
_NOMINAL = 0.9


def _sbc(files: Files) -> str:
    values = files.values
    fault = values.get("fault")
    what = f"with the fault {fault} planted, " if fault else ""
    rejected = values.get("rejected", [])
    smallest = values.get("smallest_p", {})
    found = f"rejected for {', '.join(rejected)}" if rejected else "no quantity rejected"
    return (
        f"{what}{values.get('panels')} panels, {values.get('failed')} without a fit, {found} "
        f"(smallest p {number(smallest.get('p'), 2)}, of {smallest.get('quantity')})"
    )


def _sbc_table(files: Files) -> Table:
    frame = files.frame("sbc.csv").sort_values("p", kind="stable").head(_SMALLEST)
    rows = [
        (row["quantity"], number(row["mean_rank"]), number(row["p"], 2), number(row["p_holm"], 2))
        for _, row in frame.iterrows()
    ]
    return ("quantities of the smallest p", "mean rank", "p", "p after Holm"), rows


def _sbc_options(files: Files) -> str:
    values = files.values
    fault = f" --fault {values['fault']}" if values.get("fault") else ""
    return f"--panels {values.get('panels')} --bars {values.get('bars')}{fault}"


def _sbc_missed(files: Files) -> list[str]:
    values, out = files.values, []
    rejected = values.get("rejected", [])
    if values.get("fault"):
        out += [] if rejected else ["the planted fault was not found"]
    else:
        out += [f"{name}: rejected" for name in rejected]
    if values.get("failed"):
        out.append(f"{values['failed']} panels without a fit")
    return out


def _recovery(files: Files) -> str:
    values = files.values
    return (
        f"{values.get('markets')} markets, {values.get('targets_held')} targets held, "
        f"{values.get('targets_missed')} missed, {values.get('targets_not_judged')} not judged, "
        f"{values.get('failed')} fits failed"
    )


def _recovery_table(files: Files) -> Table:
    frame = files.frame("recovery.csv")
    of_all = frame[(frame["regime"] == _ALL) & frame["output"].isin(_FAMILIES)]
    rows = [
        (
            _ARMS.get(row["arm"], row["arm"]),
            _FAMILIES[row["output"]],
            row["markets"],
            interval(row["low"], row["coverage"], row["high"]),
            number(row["width_ratio"], 2),
            number(row["score_ratio_prior"], 2),
        )
        for _, row in of_all.iterrows()
    ]
    header = (
        "",
        "output",
        "markets",
        "90 % intervals that hold",
        "width / prior's",
        "score / prior's",
    )
    return header, rows


def _recovery_missed(files: Files) -> list[str]:
    return [
        f"{t['kind']}, {_ARMS.get(t['arm'], t['arm'])}, {t['regime']}, {t['output']}: "
        f"{number(t['value'])}, asked {t['limit']}"
        for t in files.values.get("targets", [])
        if t.get("verdict") == "missed"
    ]


def _levels(files: Files) -> str:
    held = _of_posterior(files, " covered")
    said = ", ".join(
        f"{row['quantity'].removesuffix(' covered')} "
        f"{interval(row['low'], row['value'], row['high'], 2)}"
        for row in held
    )
    return f"90 % intervals that hold the truth: {said}"


def _of_posterior(files: Files, ending: str) -> list[dict[str, Any]]:
    frame = files.frame("levels.csv")
    kept = frame[(frame["group"] == "posterior") & frame["quantity"].str.endswith(ending)]
    return [{str(k): v for k, v in row.items()} for row in kept.to_dict("records")]


def _levels_table(files: Files) -> Table:
    rows = [
        (
            row["group"],
            row["quantity"],
            row["n"],
            row["markets"],
            interval(row["low"], row["value"], row["high"]),
        )
        for _, row in files.frame("levels.csv").iterrows()
    ]
    return ("from", "quantity", "comparisons", "markets", "value and 95 % interval"), rows


def _levels_missed(files: Files) -> list[str]:
    out = [
        f"{row['quantity']}: {interval(row['low'], row['value'], row['high'])}, 0.9 nominal"
        for row in _of_posterior(files, " covered")
        if row["high"] < _NOMINAL or row["low"] > _NOMINAL
    ]
    frame = files.frame("levels.csv")
    value = frame.set_index(["group", "quantity"])["value"].to_dict()
    ours, theirs = (
        value.get(("posterior", name)) for name in ("Brier score", "Brier score of the frequency")
    )
    if ours is not None and theirs is not None and ours > theirs:
        out.append(
            f"probability of being among the largest: Brier score {number(ours, 2)}, always saying "
            f"the frequency has {number(theirs, 2)}"
        )
    ours, theirs = (value.get((group, "lift")) for group in ("posterior", "prior"))
    if ours is not None and theirs is not None and ours <= theirs:
        out.append(
            f"clusters hold {number(ours, 3)} times their share of prices, those of the prior "
            f"{number(theirs, 3)}"
        )
    return out


KINDS = {
    "liqbayes-sbc": Kind(
        "simulation-based calibration",
        "Drawn from the model itself, is the truth ranked uniformly among the draws of its fit?",
        "liqbayes validate sbc --model {model} --out DIR",
        "explanation/calibration",
        _sbc,
        _sbc_table,
        _sbc_missed,
        options=_sbc_options,
        pictures={"ecdf.png": "Ranks of every quantity against their simultaneous bands"},
    ),
    "liqbayes-recovery": Kind(
        "recovery on agent markets",
        "On markets that share no code with the model, do its 90 % intervals hold the truth, and "
        "are they narrower than the prior's?",
        "liqbayes validate recovery --model {model} --out DIR",
        "explanation/recovery",
        _recovery,
        _recovery_table,
        _recovery_missed,
        pictures={"coverage.png": "Share of 90 % intervals that hold, by output and regime"},
    ),
    "liqbayes-levels": Kind(
        "clusters and zones on agent markets",
        "Are the clusters, zones and entries of a fit those of the true positions?",
        "liqbayes validate levels --model {model} --out DIR",
        "explanation/levels",
        _levels,
        _levels_table,
        _levels_missed,
    ),
}
