"""`liqbayes evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from liqbayes.cli.arguments import Budget, RunForce, RunOut, Workers, at_once
from liqbayes.cli.console import NOT_CONVERGED, guarded, print_table, say


@guarded
def evaluate(
    plan: Annotated[
        Path, typer.Argument(metavar="PLAN.toml", help="Panels, studies and settings.")
    ],
    out: RunOut,
    workers: Workers = None,
    budget: Budget = None,
    force: RunForce = False,
) -> None:
    """Run a whole evaluation of a model on several panels, and write one page of it.

    Backtests with all baselines, event studies, published rules judged, backtests pooled; a folder
    each, and index.md. Can be interrupted and goes on where it was; a study that fails does not
    stop the others.

    Exit status: 0 all studies done, 2 wrong usage or input, 3 something is left or failed, 130
    interrupted.
    """
    processes = at_once(workers, budget)
    from liqbayes.batch import local_executor
    from liqbayes.evaluate import evaluate as run
    from liqbayes.evaluate import read_plan

    found = read_plan(plan)
    say(
        f"{found.model} on {len(found.markets)} panels: {', '.join(found.studies)}; "
        f"{processes} at once; everything goes to {out}"
    )
    with local_executor(processes) as executor:
        steps = run(
            found, out, executor, budget_minutes=budget, force=force, on_step=lambda n: say(n)
        )
    print_table(
        ("study", "status", ""),
        [(step.name, step.status, step.words) for step in steps],
        title=str(out),
    )
    if any(step.status != "done" for step in steps):
        raise typer.Exit(NOT_CONVERGED)
