"""`liqbayes validate`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from liqbayes.cli.console import NOT_CONVERGED, guarded, print_table, say

validate = typer.Typer(
    help="Check whether a model earns its intervals, where the truth is known.",
    no_args_is_help=True,
)

Data = Annotated[
    Path | None,
    typer.Option(
        envvar="LIQBAYES_DEV_DATA",
        help="Directory of real panels whose price and volume some markets follow.",
    ),
]
Budget = Annotated[
    float | None, typer.Option(metavar="MINUTES", help="Begin nothing new after that long.")
]
Workers = Annotated[
    int | None,
    typer.Option(help="Processes that work at once; default: as many as there are cores."),
]


@validate.callback()
def _validate() -> None:
    """Keep `sbc` a command of its own."""


@validate.command()
@guarded
def sbc(
    out: Annotated[Path, typer.Option(help="Directory of the run; the same run goes on there.")],
    model: Annotated[str, typer.Option(help="Name, or path of a spec.toml.")] = "baseline",
    panels: Annotated[int, typer.Option(help="Simulated panels.")] = 200,
    bars: Annotated[int, typer.Option(help="Bars of each.")] = 360,
    fault: Annotated[
        str | None,
        typer.Option(help="Break the fitted model on purpose; an unknown name lists the faults."),
    ] = None,
    data: Data = None,
    workers: Workers = None,
    budget: Budget = None,
    force: Annotated[
        bool, typer.Option("--force", help="Throw away the rows of another run.")
    ] = False,
) -> None:
    """Simulation-based calibration: whether posterior draws rank the truth uniformly.

    Draws parameters from the prior and data from the model over fixed price and volume, fits
    them, and tests the ranks. Can be interrupted and goes on where it was. Exit status: 0 all
    panels finished, 2 wrong usage or input, 3 not all panels finished, 130 interrupted.
    """
    from liqbayes.batch import local_executor
    from liqbayes.validate import SbcPlan, simulation_based_calibration

    plan = SbcPlan(model=model, panels=panels, bars=bars, data=data, fault=fault)
    at_once = workers or os.cpu_count() or 1
    say(f"{panels} panels of {bars} bars, {at_once} at once; rows in {out}")
    with local_executor(at_once) as executor:
        result, outcome = simulation_based_calibration(
            plan, out, executor, budget_minutes=budget, force=force
        )
    table = result.table.sort_values("p")
    print_table(
        ("quantity", "mean rank", "largest deviation", "p", "p, Holm", "rejected"),
        [
            (
                str(row.quantity),
                f"{row.mean_rank:.3f}",
                f"{row.deviation:.3f}",
                f"{row.p:.2g}",
                f"{row.p_holm:.2g}",
                "yes" if row.rejected else "no",
            )
            for row in table.itertuples()
        ],
        title=f"{outcome.done} panels, {result.failed} without a fit, {result.reruns} run longer",
    )
    rejected = int(table["rejected"].sum())
    say(
        f"{rejected} of {len(table)} quantities are rejected at a family-wise level of 5 %."
        if rejected
        else f"no quantity of {len(table)} is rejected at a family-wise level of 5 %."
    )
    say(f"{outcome.seconds / 60:.1f} minutes; written: {out}")
    if outcome.left:
        say(f"{outcome.left} panels are left; the same command goes on with them.")
        raise typer.Exit(NOT_CONVERGED)
