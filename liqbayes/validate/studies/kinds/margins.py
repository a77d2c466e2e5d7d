"""Studies of margins, and published ones replicated."""

from collections import Counter
from collections.abc import Callable

from liqbayes.validate.studies.kind import Files, Kind, Table


def _margin(files: Files) -> str:
    verdicts = Counter(files.frame("backtest-table.csv")["verdict"])
    said = ", ".join(f"{n} {verdict}" for verdict, n in sorted(verdicts.items()))
    panel = files.values.get("panel", {})
    return f"{panel.get('contract')}, {panel.get('bars')} bars, levels out of sample: {said}"


def _margin_missed(files: Files) -> list[str]:
    frame = files.frame("backtest-table.csv")
    return [
        f"{row['side']}, {row['method']}: {row['verdict']} (exceeded {row['exceeded']})"
        for _, row in frame[frame["verdict"] != "held"].iterrows()
    ]


def _cheng(files: Files) -> str:
    published = files.values.get("published", {})
    cells = files.frame("cells.csv")
    done = cells[cells["status"] == "done"]
    return (
        f"{len(done)} cells: {int(done['long_contains'].sum())} hold "
        f"{published.get('long', 0):.0%} for longs, {int(done['short_contains'].sum())} hold "
        f"{published.get('short', 0):.0%} for shorts"
    )


def _alexander(files: Files) -> str:
    table = files.frame("table.csv")
    held = Counter(table["holds it"])
    return f"{held['yes']} of {len(table)} published probabilities in their interval"


def _alexander_missed(files: Files) -> list[str]:
    table = files.frame("table.csv")
    return [
        f"{row['leverage']} {row['side']}: published {row['published']}, found {row['share']} "
        f"({row['90 %']})"
        for _, row in table[table["holds it"] == "no"].iterrows()
    ]


def _as_written(name: str) -> Callable[[Files], Table]:
    """A table that the study itself wrote for reading."""
    return lambda files: files.rows(name)


KINDS = {
    "liqbayes-margin": Kind(
        "margin for a chosen liquidation probability",
        "Out of sample, are levels of 1 % exceeded one time in a hundred?",
        "liqbayes margin PANEL --contract NAME --out DIR",
        "explanation/margin",
        _margin,
        _as_written("backtest-table.csv"),
        _margin_missed,
        of_model=False,
    ),
    "liqbayes-cheng2021": Kind(
        "margins of Cheng et al. 2021, replicated",
        "Which choices of sample, block and meaning of 1 % give the published margins of 33 % for "
        "longs and 20 % for shorts?",
        "liqbayes replicate cheng2021 PANEL --contract NAME --out DIR",
        "explanation/margin",
        _cheng,
        _as_written("table.csv"),
        of_model=False,
    ),
    "liqbayes-alexander2023": Kind(
        "liquidation probabilities of Alexander, Deng and Zou 2023, replicated",
        "Are the published probabilities of a liquidation within a day those of the panel?",
        "liqbayes replicate alexander2023 PANEL --contract NAME --out DIR",
        "explanation/margin",
        _alexander,
        _as_written("table.csv"),
        _alexander_missed,
        of_model=False,
    ),
}
