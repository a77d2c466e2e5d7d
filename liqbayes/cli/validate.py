"""`liqbayes validate`."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liqbayes.cli.arguments import Budget, Model, RunForce, RunOut, Seed, Workers, at_once, finish
from liqbayes.cli.console import NOT_CONVERGED, errors, guarded, print_table, say
from liqbayes.errors import InputError

if TYPE_CHECKING:
    from liqbayes.validate import RecoveryResult

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
    model: Model = "baseline",
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
    say(f"{outcome.seconds / 60:.1f} minutes; written: {out}")
    if outcome.left:
        say(f"{outcome.left} panels are left; the same command goes on with them.")
        raise typer.Exit(NOT_CONVERGED)


@validate.command()
@guarded
def recovery(
    out: RunOut,
    model: Model = "baseline",
    markets: Annotated[
        int, typer.Option(help="Markets from the beginning of the table, two fits each.")
    ] = 100,
    workers: Workers = None,
    budget: Budget = None,
    force: RunForce = False,
) -> None:
    """Coverage on agent markets: whether 90 % intervals hold the truth of independent markets.

    Simulates markets that share no code with the likelihood, over regimes fixed beforehand, fits
    each with and without its feed, and compares shares at risk, totals and ΔL with the truth. Can
    be interrupted and goes on where it was; with nothing left it prints the tables again. Exit
    status: 0 all fits finished, 2 wrong usage or input, 3 not all fits finished, 130 interrupted.
    """
    from liqbayes.batch import local_executor
    from liqbayes.validate import RecoveryPlan, recovery_on_agent_markets

    plan = RecoveryPlan(model=model, markets=markets)
    processes = at_once(workers, budget)
    say(f"{markets} markets, {2 * markets} fits, {processes} at once; rows in {out}")
    with local_executor(processes) as executor:
        result, outcome = recovery_on_agent_markets(
            plan, out, executor, budget_minutes=budget, force=force
        )
    _print_recovery(result)
    if result.failed:
        say(f"{result.failed} fits failed; they count as not covered. See recovery.json.")
    say(f"{outcome.seconds / 60:.1f} minutes; written: {out}")
    if outcome.left:
        say(f"{outcome.left} fits are left; the same command goes on with them.")
        raise typer.Exit(NOT_CONVERGED)


@validate.command()
@guarded
def levels(
    out: RunOut,
    model: Model = "baseline",
    markets: Annotated[int, typer.Option(help="Markets, one fit each.")] = 20,
    workers: Workers = None,
    budget: Budget = None,
    force: RunForce = False,
) -> None:
    """Clusters and zones on agent markets: whether they are those of the true positions.

    Fits markets of the recovery table that no development looked at, and compares notional,
    probability of being among the largest and overlap of clusters, entries, cost basis and share in
    profit with the positions of the simulation. Can be interrupted and goes on where it was. Exit
    status: 0 all fits finished, 2 wrong usage or input, 3 not all fits finished, 130 interrupted.
    """
    from liqbayes.batch import local_executor
    from liqbayes.validate import LevelsPlan, levels_on_agent_markets

    plan = LevelsPlan(model=model, markets=markets)
    processes = at_once(workers, budget)
    say(f"{markets} markets, {processes} at once; rows in {out}")
    with local_executor(processes) as executor:
        table, outcome = levels_on_agent_markets(
            plan, out, executor, budget_minutes=budget, force=force
        )
    print_table(
        ("group", "quantity", "n", "markets", "value", "95 % interval"),
        [
            (
                row["group"],
                row["quantity"],
                str(row["n"]),
                str(row["markets"]),
                f"{row['value']:.2f}",
                f"{row['low']:.2f} to {row['high']:.2f}",
            )
            for row in table.to_dict("records")
        ],
        title=plan.spec().name,
    )
    say(f"{outcome.seconds / 60:.1f} minutes; written: {out}")
    if outcome.left:
        say(f"{outcome.left} fits are left; the same command goes on with them.")
        raise typer.Exit(NOT_CONVERGED)


def _print_recovery(result: "RecoveryResult") -> None:
    """Coverage and sharpness by output, coverage by regime, and what is missed."""
    from liqbayes.validate.recovery.outputs import FAMILIES
    from liqbayes.validate.recovery.tables import ALL, ARM_WORDS, NOT_SHIPPED, TOO_FEW

    table = result.table
    rivals = [name for name in table.columns if name.startswith("score_ratio_")]
    columns = [
        *("n", "markets", "covered", "95 % interval", "zeros apart", "width / prior's"),
        *(f"score / {name.removeprefix('score_ratio_')}'s" for name in rivals),
    ]
    pooled, regimes = [], []
    for row in table.to_dict("records"):
        fit, regime, output = ARM_WORDS[row["arm"]], str(row["regime"]), str(row["output"])
        figures = (
            str(row["n"]),
            str(row["markets"]),
            f"{row['coverage']:.2f}",
            f"{row['low']:.2f} to {row['high']:.2f}",
            str(row["zeros_apart"]),
            *(f"{row[name]:.2f}" for name in ("width_ratio", *rivals)),
        )
        if regime == ALL:
            pooled.append((fit, output, *figures))
        elif output in FAMILIES:
            regimes.append((fit, regime, output, *figures))
    print_table(("fit", "output", *columns), pooled, title="all markets", right=2)
    print_table(("fit", "regime", "output", *columns), regimes, title="by regime", right=3)
    for target in result.missed:
        found = "unknown" if target.value is None else f"{target.value:.2f}"
        say(
            f"missed: {target.kind}, {ARM_WORDS[target.arm]}, {target.regime}, {target.output}: "
            f"{found}, wanted {target.limit}"
        )
    few = sum(target.verdict == TOO_FEW for target in result.targets)
    absent = [target for target in result.targets if target.verdict == NOT_SHIPPED]
    judged = len(result.targets) - few - len(absent)
    say(f"{len(result.missed)} of {judged} targets that can be judged are missed.")
    if few:
        say(f"{few} targets are not judged: too few markets.")
    for limit in sorted({target.limit for target in absent}):
        say(f"not judged: a score {limit}; that model is not shipped.")


@validate.command()
@guarded
def prior(
    model: Model = "baseline",
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
                _range(row["published_low"], row["published_high"]),
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
    model: Model = "baseline",
    bars: Annotated[int, typer.Option(help="Hourly bars of the simulated market.")] = 504,
    draws: Annotated[int, typer.Option(help="Draws kept of each of two chains.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of market and fits.")] = 1,
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
def alarms(
    out: RunOut,
    model: Model = "baseline",
    markets: Annotated[int, typer.Option(help="Simulated markets, one fit each.")] = 40,
    workers: Workers = None,
    budget: Budget = None,
    force: RunForce = False,
) -> None:
    """Alarms of the monitor: how often for nothing, and whether it finds planted faults.

    Fits three weeks of simulated markets and monitors the four after them, as they are, and the
    first of them with each of several faults planted. Can be interrupted and goes on where it was.
    Exit status: 0 all markets finished, 2 wrong usage or input, 3 not all markets finished, 130
    interrupted.
    """
    from liqbayes.batch import local_executor
    from liqbayes.validate.alarms.run import AlarmPlan, alarm_rates

    plan = AlarmPlan(model=model, markets=markets)
    processes = at_once(workers, budget)
    say(f"{markets} markets, {processes} at once; rows in {out}")
    with local_executor(processes) as executor:
        result, outcome = alarm_rates(plan, out, executor, budget_minutes=budget, force=force)
    print_table(
        (
            "planted",
            "runs",
            "markets",
            "at least amber",
            "95 %",
            "red",
            "95 %",
            "which, in how many",
        ),
        [
            (
                str(row["fault"]),
                str(row["runs"]),
                str(row["markets"]),
                f"{row['amber']:.2f}",
                _range(row["amber_low"], row["amber_high"]),
                f"{row['red']:.2f}",
                _range(row["red_low"], row["red_high"]),
                str(row["first"]),
            )
            for row in result.table.to_dict("records")
        ],
        title=f"share of monitoring runs of {plan.spec().name} that sound",
    )
    for error in result.errors:
        say(error)
    say(f"{outcome.seconds / 60:.1f} minutes; written: {out}")
    if outcome.left:
        say(f"{outcome.left} markets are left; the same command goes on with them.")
        raise typer.Exit(NOT_CONVERGED)


@validate.command()
@guarded
def feedback(
    out: RunOut,
    model: Model = "baseline",
    shares: Annotated[
        str, typer.Option(help="Shares of traders who read the map, with commas.")
    ] = "0,0.1,0.3",
    behaviour: Annotated[
        str,
        typer.Option(help="stops, front-running, avoidance, all; several with commas."),
    ] = "all",
    markets: Annotated[int, typer.Option(help="Simulated markets, each at every share.")] = 6,
    shown: Annotated[
        str,
        typer.Option("--map", help="What the traders see: model, fixed-mix or true."),
    ] = "model",
    preset: Annotated[str, typer.Option(help="Market regime.")] = "default",
    no_fit: Annotated[
        bool, typer.Option("--no-fit", help="Compare maps and risk only; fit nothing.")
    ] = False,
    workers: Workers = None,
    budget: Budget = None,
    force: RunForce = False,
) -> None:
    """Feedback: what traders who act on the published map do to the map and to cascades.

    Simulates the same markets with growing shares of traders who see a map made from the bars so
    far, fits the model to each, and compares accuracy and risk with the market where nobody
    reads. Can be interrupted and goes on where it was, also with more markets, shares or
    behaviours. Exit status: 0 all units finished, 2 wrong usage or input, 3 not all units
    finished, 130 interrupted.
    """
    from liqbayes.batch import local_executor
    from liqbayes.validate import FeedbackPlan, feedback_study

    plan = FeedbackPlan(
        model=model,
        shares=_numbers("--shares", shares),
        behaviours=tuple(word.strip() for word in behaviour.split(",")),
        markets=markets,
        map=shown,
        preset=preset,
        fitted=not no_fit,
    )
    processes = at_once(workers, budget)
    say(f"{markets} markets, {len(plan.units())} units, {processes} at once; rows in {out}")
    with local_executor(processes) as executor:
        result, outcome = feedback_study(plan, out, executor, budget_minutes=budget, force=force)
    print_table(
        (
            "who",
            "share",
            "measure",
            "markets",
            "nobody",
            "readers",
            "difference",
            "95 %",
            "verdict",
        ),
        [
            (
                str(row["behaviour"]),
                f"{row['share']:g}",
                str(row["measure"]),
                str(row["markets"]),
                f"{row['nobody']:.3g}",
                f"{row['readers']:.3g}",
                f"{row['difference']:+.2g}",
                "-" if math.isnan(row["low"]) else f"{row['low']:+.2g} to {row['high']:+.2g}",
                str(row["verdict"]),
            )
            for row in result.table.to_dict("records")
        ],
        title=f"readers minus nobody, paired by market; map: {shown}",
        right=3,
    )
    found = int(result.table["verdict"].isin(("higher", "lower")).sum())
    say(f"{found} of {len(result.table)} differences are decided at a family-wise level of 5 %.")
    say(f"{outcome.seconds / 60:.1f} minutes; written: {out}")
    finish(outcome, "units", result.errors)


def _numbers(option: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in text.split(","))
    except ValueError:
        raise InputError(f"{option} is {text!r}; give numbers with commas, as 0,0.1,0.3.") from None


@validate.command()
@guarded
def report(
    out: Annotated[Path, typer.Option(help="Directory to write; must not exist without --force.")],
    model: Model = "baseline",
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


def _range(low: float, high: float) -> str:
    return f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
