"""Studies beside positions that are public."""

from collections import Counter

from liqbayes.validate.studies.kind import Files, Kind, Table
from liqbayes.validate.studies.words import interval, number


def _fate(files: Files) -> str:
    values = files.values
    return (
        f"{values.get('accounts')} accounts, {values.get('positions')} positions, "
        f"{values.get('snapshots')} snapshots"
    )


def _fate_table(files: Files) -> Table:
    frame = files.frame("priors.csv")
    rows = [
        (
            row["parameter"],
            row["estimate"],
            interval(row["low"], row["median"], row["high"]),
            interval(row["prior_low"], row["prior_median"], row["prior_high"]),
        )
        for _, row in frame[frame["headline"]].iterrows()
    ]
    return ("parameter", "from", "positions", "prior compared"), rows


def _fate_missed(files: Files) -> list[str]:
    frame = files.frame("priors.csv")
    wrong = frame[frame["headline"] & (frame["agrees"].astype(str) == "False")]
    return [
        f"{row['parameter']}, {row['estimate']}: {number(row['median'])} disagrees with the prior "
        f"compared"
        for _, row in wrong.iterrows()
    ]


def _positions(files: Files) -> str:
    frame = files.frame("verdicts.csv")
    total = frame[["refuted", "inside", "open"]].sum()
    return (
        f"{int(total.sum())} comparisons of all sources with bounds: {int(total['inside'])} "
        f"inside, {int(total['refuted'])} refuted, {int(total['open'])} open"
    )


def _positions_table(files: Files) -> Table:
    rows = [
        (
            row["quantity"],
            row["side"],
            row["source"],
            interval(row["low"], row["median"], row["high"], 2),
            number(row["observed"], 2),
            f"{number(row['bound_low'], 2)} to {number(row['bound_high'], 2)}",
            f"{row['inside']} / {row['refuted']} / {row['open']} of {row['snapshots']}",
        )
        for _, row in files.frame("verdicts.csv").iterrows()
    ]
    header = (
        *("quantity", "side", "source", "median and 90 %", "observed accounts"),
        *("bounds", "inside / refuted / open"),
    )
    return header, rows


def _loose(files: Files) -> list[str]:
    """Fits that did not converge."""
    frame = files.frame("fits.csv").fillna({"reasons": ""})
    loose = frame[frame["reasons"] != ""]
    return [f"fit of {row['snapshot']}: {row['reasons']}" for _, row in loose.iterrows()]


def _positions_missed(files: Files) -> list[str]:
    frame = files.frame("verdicts.csv")
    return _loose(files) + [
        f"{row['source']}, {row['side']}, {row['quantity']}: refuted in {row['refuted']} of "
        f"{row['snapshots']} snapshots"
        for _, row in frame[frame["refuted"] > 0].iterrows()
    ]


def _exam(files: Files) -> str:
    passed = Counter(files.frame("exam.csv")["passed"].astype(str))
    return f"{passed['True']} coverages in their band, {passed['False']} outside"


def _exam_table(files: Files) -> Table:
    rows = [
        (
            row["law"],
            row["side"],
            number(row["move"]),
            row["n"],
            number(row["coverage"]),
            f"{number(row['band_low'])} to {number(row['band_high'])}",
            number(row["width_ratio"]),
        )
        for _, row in files.frame("exam.csv").iterrows()
    ]
    return ("remainder", "side", "move", "n", "coverage", "band", "width / without census"), rows


def _exam_missed(files: Files) -> list[str]:
    frame = files.frame("exam.csv")
    wrong = frame[frame["passed"].astype(str) == "False"]
    return _loose(files) + [
        f"{row['law']}, {row['side']}, within {row['move']:.0%}: coverage "
        f"{number(row['coverage'])} outside {number(row['band_low'])} to {number(row['band_high'])}"
        for _, row in wrong.iterrows()
    ]


KINDS = {
    "liqbayes-census-compare": Kind(
        "posterior beside true positions",
        "Does the posterior agree with the positions of followed accounts, as far as bounds allow "
        "a verdict, and how wrong are the rules?",
        "liqbayes census compare POSITIONS --panel MARKET=FILE --contract MARKET=NAME "
        "--model {model} --out DIR",
        "explanation/true-positions",
        _positions,
        _positions_table,
        _positions_missed,
    ),
    "liqbayes-census-exam": Kind(
        "exam of the census",
        "With half of the followed accounts known, do 90 % intervals hold the hidden half?",
        "liqbayes census exam POSITIONS --panel MARKET=FILE --contract MARKET=NAME "
        "--model {model} --out DIR",
        "explanation/true-positions",
        _exam,
        _exam_table,
        _exam_missed,
    ),
    "liqbayes-level-fate": Kind(
        "what becomes of positions at their level",
        "Of real positions, what is closed when price reaches their level, and how soon do levels "
        "move?",
        "liqbayes census fate POSITIONS --panel MARKET=FILE --contract MARKET=NAME --out DIR",
        "explanation/true-positions",
        _fate,
        _fate_table,
        _fate_missed,
        of_model=False,
    ),
}
