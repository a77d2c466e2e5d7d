"""`liqbayes demo`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from liqbayes.cli import report
from liqbayes.cli.console import DONE, guarded, number, print_table, say

SEED = 1
# Enough for every R-hat to stay below 1.01 with a margin, in some two minutes on two cores.
DRAWS = 1000
# Key of summary.json by which a directory is known as one that the demo made.
MARK = "demo"
FILES = ("panel.parquet", "positions.parquet", "truth.json")


@guarded
def demo(
    out: Annotated[
        Path, typer.Option(help="Directory to write; one that an earlier demo wrote is replaced.")
    ] = Path("liqbayes-demo"),
) -> None:
    """Fit the simulated market shipped with liqbayes and print posterior beside known truth.

    Takes a few minutes. Exit status as for fit.
    """
    report.check_out(out, force=made_by_demo(out))
    from liqbayes.resources import DEFAULT_MODEL, find_resource

    panel_file, _, truth_file = (find_resource("data", "demo_market", name) for name in FILES)
    truth = json.loads(truth_file.read_text(encoding="utf-8"))
    from liqbayes.panel import read_panel
    from liqbayes.sampling import fit as sample

    data = read_panel(panel_file)
    say(f"simulated market: {data!r}")
    tree = sample(DEFAULT_MODEL, data, draws=DRAWS, tune=1000, seed=SEED)
    status = report.finish(tree, out, report.Grid(), force=made_by_demo(out), marks={MARK: True})
    compare(json.loads((out / "summary.json").read_text(encoding="utf-8")), truth)
    if status != DONE:
        raise typer.Exit(status)


def made_by_demo(out: Path) -> bool:
    """Whether a directory is one that the demo made and may replace."""
    path = out / "summary.json"
    if not path.is_file():
        return False
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(summary, dict) and summary.get(MARK) is True


def compare(summary: dict[str, object], truth: dict[str, object]) -> None:
    """Print posterior beside truth, and how many intervals hold it."""
    from liqbayes.report import compare_with_truth

    rows = compare_with_truth(summary, truth)
    print_table(
        ("output", "median", "90 % interval", "truth", "inside"),
        [
            (
                row.output,
                number(row.median, row.unit),
                f"{number(row.low, row.unit)} to {number(row.high, row.unit)}",
                number(row.truth, row.unit),
                {True: "yes", False: "no", None: "–"}[row.inside],
            )
            for row in rows
        ],
        title=f"Posterior beside the truth (amounts in {summary['quote_unit']})",
    )
    inside = sum(row.inside is True for row in rows)
    say(
        f"{inside} of {len(rows)} of the 90 % intervals hold the truth. Totals and ΔL share one "
        "scale, which open interest and a throttled feed do not identify, so they hold or miss "
        "together; `liqbayes review` says what rests on the prior."
    )
