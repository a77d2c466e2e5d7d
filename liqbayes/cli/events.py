"""`liqbayes events`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from liqbayes.cli.arguments import (
    Budget,
    Chains,
    Columns,
    Contract,
    Draws,
    Model,
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
    warn_of_fits,
)
from liqbayes.cli.console import guarded, number, print_table, range_text, say
from liqbayes.cli.options import parse_columns
from liqbayes.resources import DEFAULT_MODEL

if TYPE_CHECKING:
    from liqbayes.events import EventResult


@guarded
def events(
    panel: PanelFile,
    contract: Contract,
    out: RunOut,
    model: Model = DEFAULT_MODEL,
    column: Columns = None,
    since: Since = None,
    until: Until = None,
    refit: Annotated[
        str, typer.Option(metavar="DURATION", help="Time between fits, such as 7D.")
    ] = "7D",
    draws: Draws = 250,
    tune: Tune = 400,
    chains: Chains = 2,
    seed: Seed = 0,
    workers: Workers = None,
    budget: Budget = None,
    force: RunForce = False,
) -> None:
    """Test the usual readings of a map: that consumed zones reverse, clusters attract, ΔL leads.

    Parameters are fitted strictly before the bars under study, the last 70 % of the panel. Matched
    controls, 90 % block-bootstrap intervals that carry the map's uncertainty, Holm's adjustment
    over all tests, and the smallest effect that each could have found. Can be interrupted and goes
    on where it was.

    Exit status: 0 all blocks finished, whatever was found; 2 wrong usage or input; 3 not all
    blocks finished; 130 interrupted.
    """
    columns = parse_columns(column or [])
    processes = at_once(workers, budget)
    from liqbayes.batch import local_executor
    from liqbayes.events import EventPlan, study_events
    from liqbayes.panel import read_panel

    data = read_panel(panel, contract=contract, columns=columns, since=since, until=until)
    say(f"panel: {data!r}")
    plan = EventPlan(
        model=model, panel=data, refit=refit, draws=draws, tune=tune, chains=chains, seed=seed
    )
    say(
        f"{data.n_bars - plan.first} bars are studied in {len(plan.blocks())} blocks with a fit "
        f"each; {processes} at once; rows in {out}"
    )
    with local_executor(processes) as executor:
        result, outcome = study_events(plan, out, executor, budget_minutes=budget, force=force)
    _print(result)
    finish(outcome, "blocks", result.summary["errors"])


def _print(result: "EventResult") -> None:
    for question, group in result.tests.groupby("question", sort=False):
        rows = group.to_dict("records")
        print_table(
            (
                *("test", "horizon", "n", "effect", "90 % interval", "p", "p, Holm"),
                *("detectable", "in the family", "verdict"),
            ),
            [
                (
                    str(row["test"]),
                    f"{row['horizon_hours']:g} h",
                    str(row["n"]),
                    _number(row["median"]),
                    range_text(row["low"], row["high"], "+.3g"),
                    _number(row["p"]),
                    _number(row["p_holm"]),
                    _number(row["detectable"]),
                    _number(row["detectable_family"]),
                    str(row["verdict"]),
                )
                for row in rows
            ],
            title=f"{question}: {rows[0]['unit']}",
            right=2,
        )
        for sentence in result.summary["findings"][question]:
            say(sentence)
        say(f"Convention, not a result: {result.summary['conventions'][question]}")
    print_table(
        ("question", "placebo", "test", "horizon", "effect", "90 % interval", "map over placebo"),
        [
            (
                str(row["question"]),
                str(row["placebo"]),
                str(row["test"]),
                f"{row['horizon_hours']:g} h",
                _number(row["median"]),
                range_text(row["low"], row["high"], "+.3g"),
                _number(row["over_median"])
                + " "
                + range_text(row["over_low"], row["over_high"], "+.3g"),
            )
            for row in result.placebos.to_dict("records")
        ],
        title="placebos: the same estimates from maps that are false, and from reports",
        right=4,
    )
    warn_of_fits(result.summary["fits"])


def _number(value: Any) -> str:
    return number(None) if value != value else f"{value:.3g}"
