"""`liqbayes compare`."""

from typing import TYPE_CHECKING, Annotated

import typer

from liqbayes.cli.arguments import (
    Budget,
    Chains,
    Columns,
    Contract,
    Draws,
    PanelFile,
    RunForce,
    RunOut,
    Seed,
    Since,
    Tune,
    Until,
    Workers,
    at_once,
    finish,
)
from liqbayes.cli.console import guarded, number, print_table, say, warn
from liqbayes.cli.options import parse_columns
from liqbayes.errors import InputError

if TYPE_CHECKING:
    from liqbayes.validate import ComparisonResult


@guarded
def compare(
    panel: PanelFile,
    contract: Contract,
    out: RunOut,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Name, or path of a spec.toml; at least two. The first is the reference."
        ),
    ] = None,
    column: Columns = None,
    since: Since = None,
    until: Until = None,
    horizon: Annotated[int, typer.Option(help="Bars that are scored from one origin.")] = 24,
    refit_every: Annotated[
        int | None,
        typer.Option(help="Bars after which models are fitted again; default: seven horizons."),
    ] = None,
    first_share: Annotated[
        float, typer.Option(help="Share of the panel before the first origin.")
    ] = 0.5,
    draws: Draws = 500,
    tune: Tune = 500,
    chains: Chains = 2,
    seed: Seed = 0,
    workers: Workers = None,
    budget: Budget = None,
    force: RunForce = False,
) -> None:
    """Compare models by leave-future-out cross-validation: who predicts the bars to come better.

    Each model is fitted to the bars before an origin and scored on the bars after it, over the
    panel's second half; channels apart. Can be interrupted and goes on where it was. Exit status:
    0 all blocks finished, 2 wrong usage or input, 3 not all blocks finished, 130 interrupted.
    """
    columns = parse_columns(column or [])
    processes = at_once(workers, budget)
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
    say(
        f"{len(plan.windows)} windows of {horizon} bars in {len(plan.blocks())} blocks for "
        f"{len(plan.labels)} models, {processes} at once; rows in {out}"
    )
    with local_executor(processes) as executor:
        result, outcome = compare_models(plan, out, executor, budget_minutes=budget, force=force)
    _print(result, plan.labels[0])
    finish(outcome, "blocks", result.errors)


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
