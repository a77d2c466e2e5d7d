"""Commands of `liqbayes validate` that run on agent markets, whose truth is known."""

import math
from typing import TYPE_CHECKING, Annotated

import typer

from liqbayes.cli.arguments import (
    Budget,
    Model,
    RunForce,
    RunOut,
    Workers,
    at_once,
    close_run,
    finish,
)
from liqbayes.cli.console import guarded, print_table, range_text, say
from liqbayes.errors import InputError
from liqbayes.resources import DEFAULT_MODEL

if TYPE_CHECKING:
    from liqbayes.validate import RecoveryResult


@guarded
def recovery(
    out: RunOut,
    model: Model = DEFAULT_MODEL,
    markets: Annotated[
        int, typer.Option(help="Markets of the hundred that are judged, two fits each.")
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
    close_run(outcome, out, "fits")


@guarded
def levels(
    out: RunOut,
    model: Model = DEFAULT_MODEL,
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
    close_run(outcome, out, "fits")


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


@guarded
def alarms(
    out: RunOut,
    model: Model = DEFAULT_MODEL,
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
                range_text(row["amber_low"], row["amber_high"]),
                f"{row['red']:.2f}",
                range_text(row["red_low"], row["red_high"]),
                str(row["first"]),
            )
            for row in result.table.to_dict("records")
        ],
        title=f"share of monitoring runs of {plan.spec().name} that sound",
    )
    for error in result.errors:
        say(error)
    close_run(outcome, out, "markets")


@guarded
def feedback(
    out: RunOut,
    model: Model = DEFAULT_MODEL,
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


@guarded
def cascades(
    out: RunOut,
    falls: Annotated[
        str, typer.Option(help="Sudden falls of the price, fractions with commas.")
    ] = "0.05,0.1",
    impacts: Annotated[
        str, typer.Option(help="Coefficients of the market's impact law, with commas.")
    ] = "0.5,1,2",
    markets: Annotated[int, typer.Option(help="Simulated markets, each at every fall.")] = 12,
    workers: Workers = None,
    budget: Budget = None,
    force: RunForce = False,
) -> None:
    """Cascades: the fixed point on true books beside what the agent market itself does.

    Lets simulated markets fall at once, with an impact of forced orders and without, and compares
    the further fall with the fixed point on the true levels before it. Nothing is fitted. Can be
    interrupted and goes on where it was, also with more markets, falls or impacts. Exit status: 0
    all markets finished, 2 wrong usage or input, 3 not all markets finished, 130 interrupted.
    """
    from liqbayes.batch import local_executor
    from liqbayes.validate import CascadePlan, cascades_on_agent_markets

    plan = CascadePlan(
        markets=markets, falls=_numbers("--falls", falls), impacts=_numbers("--impacts", impacts)
    )
    processes = at_once(workers, budget)
    say(f"{len(plan.units())} cascades, {processes} at once; rows in {out}")
    with local_executor(processes) as executor:
        table, outcome = cascades_on_agent_markets(
            plan, out, executor, budget_minutes=budget, force=force
        )
    print_table(
        ("fall", "impact", "quantity", "markets", "median", "smallest", "largest"),
        [
            (
                f"{row['fall']:g}",
                f"{row['impact']:g}",
                str(row["quantity"]),
                str(row["markets"]),
                *(f"{row[name]:.3g}" for name in ("median", "smallest", "largest")),
            )
            for row in table.to_dict("records")
        ],
        title="further log fall by forced orders",
        right=3,
    )
    finish(outcome, "cascades")


@guarded
def planted(
    out: RunOut,
    markets: Annotated[
        int, typer.Option(help="Made-up markets in which nothing is planted.")
    ] = 120,
    each: Annotated[int, typer.Option(help="Made-up markets with each of four effects.")] = 12,
    workers: Workers = None,
    budget: Budget = None,
    force: RunForce = False,
) -> None:
    """Event studies on markets whose answer is known: whether they find what is planted.

    Makes markets with a reversal after sweeps, an attraction of dense zones, a ΔL that leads, and
    with nothing, and runs every test of `liqbayes events` on each. Nothing is fitted. Can be
    interrupted and goes on where it was, also with more markets. Exit status: 0 all markets
    finished, 2 wrong usage or input, 3 not all markets finished, 130 interrupted.
    """
    from liqbayes.batch import local_executor
    from liqbayes.events.planted_run import PlantedPlan, planted_effects

    plan = PlantedPlan(markets=markets, each=each)
    processes = at_once(workers, budget)
    say(f"{len(plan.units())} markets, {processes} at once; rows in {out}")
    with local_executor(processes) as executor:
        table, outcome = planted_effects(plan, out, executor, budget_minutes=budget, force=force)
    print_table(
        ("planted", "size", "test", "within", "markets", "p < 5 %", "95 %", "found", "covers 0"),
        [
            (
                str(row["planted"]),
                f"{row['size']:g}",
                str(row["test"]),
                "-" if math.isnan(row["horizon_hours"]) else f"{row['horizon_hours']:g} h",
                str(row["markets"]),
                "-" if math.isnan(row["rejected"]) else f"{row['rejected']:.2f}",
                range_text(row["rejected_low"], row["rejected_high"]),
                f"{row['found']:.2f}",
                "-" if math.isnan(row["covered"]) else f"{row['covered']:.2f}",
            )
            for row in table.to_dict("records")
        ],
        title="share of markets in which a test rejects, and finds after Holm's correction",
        right=4,
    )
    finish(outcome, "markets")


def _numbers(option: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in text.split(","))
    except ValueError:
        raise InputError(f"{option} is {text!r}; give numbers with commas, as 0,0.1,0.3.") from None
