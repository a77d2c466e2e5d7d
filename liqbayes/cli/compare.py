"""`liqbayes compare`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liqbayes.cli.console import NOT_CONVERGED, guarded, number, print_table, say, warn
from liqbayes.cli.options import parse_columns
from liqbayes.errors import InputError

if TYPE_CHECKING:
    from liqbayes.validate import ComparisonResult


@guarded
def compare(
    panel: Annotated[
        Path, typer.Argument(metavar="PANEL", help="Parquet or CSV file, or Binance archives.")
    ],
    contract: Annotated[
        str,
        typer.Option(metavar="VENUE:SYMBOL|FILE", help="Such as binance:BTCUSDT, or a TOML file."),
    ],
    out: Annotated[Path, typer.Option(help="Directory of the run; the same run goes on there.")],
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Name, or path of a spec.toml; at least two. The first is the reference."
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=SOURCE[:UNIT]",
            help="Read a column from another; unit base, quote or contracts. Repeatable.",
        ),
    ] = None,
    since: Annotated[str | None, typer.Option(help="First bar, included, UTC.")] = None,
    until: Annotated[str | None, typer.Option(help="End, excluded, UTC.")] = None,
    horizon: Annotated[int, typer.Option(help="Bars that are scored from one origin.")] = 24,
    refit_every: Annotated[
        int | None,
        typer.Option(help="Bars after which models are fitted again; default: seven horizons."),
    ] = None,
    first_share: Annotated[
        float, typer.Option(help="Share of the panel before the first origin.")
    ] = 0.5,
    draws: Annotated[int, typer.Option(help="Draws kept of each chain.")] = 500,
    tune: Annotated[int, typer.Option(help="Draws of each chain spent on tuning.")] = 500,
    chains: Annotated[int, typer.Option(help="Independent chains of each fit.")] = 2,
    seed: Annotated[int, typer.Option(help="The same seed gives the same draws.")] = 0,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes that work at once; default: as many as there are cores."),
    ] = None,
    budget: Annotated[
        float | None, typer.Option(metavar="MINUTES", help="Begin nothing new after that long.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Throw away the rows of another run.")
    ] = False,
) -> None:
    """Compare models by leave-future-out cross-validation: who predicts the bars to come better.

    Each model is fitted to the bars before an origin and scored on the bars after it, over the
    panel's second half; channels apart. Can be interrupted and goes on where it was. Exit status:
    0 all blocks finished, 2 wrong usage or input, 3 not all blocks finished, 130 interrupted.
    """
    columns = parse_columns(column or [])
    if budget is not None and not budget > 0:
        raise InputError(f"--budget is {budget}; give a positive number of minutes.")
    if workers is not None and workers < 1:
        raise InputError(f"--workers is {workers}; use at least 1.")
    if len(model or []) < 2:
        raise InputError(
            f"{len(model or [])} model is named; give --model at least twice to compare."
        )
    from liqbayes.batch import local_executor
    from liqbayes.panel import read_panel
    from liqbayes.validate import ComparisonPlan, compare_models

    data = read_panel(panel, contract=contract, columns=columns, since=since, until=until)
    say(f"panel: {data!r}")
    plan = ComparisonPlan(
        models=tuple(model or ()),
        panel=data,
        horizon=horizon,
        refit_every=refit_every,
        first_share=first_share,
        draws=draws,
        tune=tune,
        chains=chains,
        seed=seed,
    )
    at_once = workers or os.cpu_count() or 1
    say(
        f"{len(plan.windows)} windows of {horizon} bars in {len(plan.blocks())} blocks for "
        f"{len(plan.labels)} models, {at_once} at once; rows in {out}"
    )
    with local_executor(at_once) as executor:
        result, outcome = compare_models(plan, out, executor, budget_minutes=budget, force=force)
    _print(result, plan.labels[0])
    if outcome.left or outcome.failed:
        say(
            f"{outcome.left} blocks are left, with which the same command goes on; "
            f"{outcome.failed} failed."
        )
        for error in result.errors:
            say(error)
        raise typer.Exit(NOT_CONVERGED)


def _print(result: "ComparisonResult", reference: str) -> None:
    print_table(
        ("channel", "model", "bars", "elpd", "difference", "s.e.", "95 % interval", "verdict"),
        [
            (
                str(row["channel"]),
                str(row["model"]),
                str(row["bars"]),
                f"{row['elpd']:.1f}",
                _signed(row["difference"]),
                number(None) if row["se"] != row["se"] else f"{row['se']:.1f}",
                number(None)
                if row["low"] != row["low"]
                else f"{_signed(row['low'])} to {_signed(row['high'])}",
                str(row["verdict"]),
            )
            for row in result.table.to_dict("records")
        ],
        title=f"log predictive density given the past, against {reference}",
        right=2,
    )
    print_table(
        ("model", "blocks", "fits", "refits", "largest k", "largest R-hat", "divergences", "s"),
        [
            (
                str(row["model"]),
                str(row["blocks"]),
                str(row["fits"]),
                str(row["refits"]),
                f"{row['largest_k']:.2f}",
                f"{row['largest_rhat']:.3f}",
                str(row["divergences"]),
                f"{row['seconds']:.0f}",
            )
            for row in result.fits.to_dict("records")
        ],
        title="fits; Pareto k of the weights that were used between them",
    )
    for words in result.left_out:
        say(f"not compared: {words}")
    for row in result.fits.to_dict("records"):
        if row["not_converged"]:
            warn(
                f"{row['not_converged']} of {row['fits']} fits of {row['model']} have an R-hat "
                "above 1.05; use more --tune and --draws."
            )


def _signed(value: float) -> str:
    return number(None) if value != value else f"{value:+.1f}"
