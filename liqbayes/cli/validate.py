"""`liqbayes validate`."""

from pathlib import Path
from typing import Annotated

import typer

from liqbayes.cli.arguments import (
    Budget,
    Model,
    RunForce,
    RunOut,
    Seed,
    Workers,
    at_once,
    check_seed,
    close_run,
)
from liqbayes.cli.console import errors, guarded, print_table, range_text, say
from liqbayes.cli.validate_markets import alarms, cascades, feedback, levels, planted, recovery
from liqbayes.errors import InputError
from liqbayes.resources import DEFAULT_MODEL

MIN_DRAWS = 20

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


@validate.command()
@guarded
def sbc(
    out: RunOut,
    model: Model = DEFAULT_MODEL,
    panels: Annotated[int, typer.Option(help="Simulated panels.")] = 200,
    bars: Annotated[int, typer.Option(help="Bars of each.")] = 360,
    fault: Annotated[
        str | None,
        typer.Option(help="Break the fitted model on purpose; an unknown name lists the faults."),
    ] = None,
    data: Data = None,
    workers: Workers = None,
    budget: Budget = None,
    force: RunForce = False,
) -> None:
    """Simulation-based calibration: whether posterior draws rank the truth uniformly.

    Draws parameters from the prior and data from the model over fixed price and volume, fits
    them, and tests the ranks. Can be interrupted and goes on where it was. Exit status: 0 all
    panels finished, 2 wrong usage or input, 3 not all panels finished, 130 interrupted.
    """
    from liqbayes.batch import local_executor
    from liqbayes.validate import SbcPlan, simulation_based_calibration

    plan = SbcPlan(model=model, panels=panels, bars=bars, data=data, fault=fault)
    processes = at_once(workers, budget)
    say(f"{panels} panels of {bars} bars, {processes} at once; rows in {out}")
    with local_executor(processes) as executor:
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
    close_run(outcome, out, "panels")


# in the order of the help
for _command in (recovery, levels, alarms, feedback, cascades, planted):
    validate.command()(_command)


@validate.command()
@guarded
def prior(
    model: Model = DEFAULT_MODEL,
    draws: Annotated[int, typer.Option(help="Draws from the prior.")] = 400,
    seed: Seed = 0,
) -> None:
    """Prior predictive check: what the priors imply, beside published figures.

    Propagates the priors over a simulated market of 64 days. A minute or less; nothing is sampled.
    """
    from liqbayes.model import load_spec
    from liqbayes.validate import prior_check

    if draws < MIN_DRAWS:
        raise InputError(f"--draws is {draws}; use at least {MIN_DRAWS}.")
    spec = load_spec(model)
    table = prior_check(spec, draws=draws, seed=seed)
    print_table(
        ("quantity", "prior median", "prior 90 %", "published", "inside", "source"),
        [
            (
                str(row["quantity"]),
                f"{row['prior_50']:.3g}",
                f"{row['prior_05']:.3g} to {row['prior_95']:.3g}",
                range_text(row["published_low"], row["published_high"]),
                "yes" if row["inside"] else "no",
                str(row["source"]),
            )
            for row in table.to_dict("records")
        ],
        title=f"{spec.name} {spec.version}",
    )


@validate.command()
@guarded
def resolution(
    model: Model = DEFAULT_MODEL,
    bars: Annotated[int, typer.Option(help="Hourly bars of the simulated market.")] = 504,
    draws: Annotated[int, typer.Option(help="Draws kept of each of two chains.")] = 1000,
    seed: Annotated[int, typer.Option(callback=check_seed, help="Of market and fits.")] = 1,
) -> None:
    """Whether shares at risk depend on the grid: 12, 24 and 48 cells; five minutes and hours.

    Five fits of simulated markets, some minutes. Shifts of medians are in pooled posterior
    standard deviations; 0.2 is the limit.
    """
    from liqbayes.model import load_spec
    from liqbayes.validate import resolution_check

    spec = load_spec(model)
    with errors().status("fitting") as status:
        table = resolution_check(
            spec, bars=bars, draws=draws, seed=seed, on_step=lambda words: status.update(words)
        )
    print_table(
        ("comparison", "quantity", "shift", "inside"),
        [
            (
                str(row["comparison"]),
                str(row["quantity"]),
                f"{row['shift']:.2f}",
                "yes" if row["inside"] else "no",
            )
            for row in table.to_dict("records")
        ],
        title=f"{spec.name} {spec.version}",
        right=2,
    )


@validate.command()
@guarded
def results(
    out: Annotated[Path, typer.Option(help="Markdown file to write.")],
    results: Annotated[
        Path | None,
        typer.Option(help="Directory of stored studies; default: docs/results of the source."),
    ] = None,
    docs: Annotated[
        str | None,
        typer.Option(help="Where the documentation lies, relative to the file, to link to it."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a file that this command did not write.")
    ] = False,
) -> None:
    """Write one page of all stored studies: what each asks, found and did not reach.

    Every figure is read from the studies' files, and nothing is computed. A page that this command
    wrote is replaced.
    """
    from liqbayes.validate.studies.page import write_results_page

    studies = write_results_page(out, results=results, docs=docs, force=force)
    for words in studies.unread:
        say(f"not read: {words}")
    say(f"{len(studies.found)} studies; written: {out}")


@validate.command()
@guarded
def report(
    out: Annotated[Path, typer.Option(help="Directory to write; must not exist without --force.")],
    model: Model = DEFAULT_MODEL,
    results: Annotated[
        Path | None,
        typer.Option(help="Directory of published results; default: docs/results of the source."),
    ] = None,
    fit: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A fit of the model, for data lineage and sensitivity."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a directory that this command wrote.")
    ] = False,
) -> None:
    """Write a model's validation document: validation.md and validation.html.

    Purpose, data lineage, assumptions with their tests, every prior with its source, alternatives,
    published outcomes, sensitivity, limits and controls, monitoring triggers, changes. What has
    not been published is said to be missing. An installed wheel holds no published results: give
    --results.
    """
    from liqbayes.model import load_spec
    from liqbayes.report import check_target
    from liqbayes.validate.document.write import FILES, write_document

    check_target(out, force=force, known=FILES)
    spec = load_spec(model)
    tree = None
    if fit is not None:
        from liqbayes.sampling import load_fit

        tree = load_fit(fit / "fit.nc")
    lacking = write_document(spec, out, results=results, fit=tree, force=force)
    for words in lacking:
        say(f"missing: {words}")
    say(f"written: {out}")
