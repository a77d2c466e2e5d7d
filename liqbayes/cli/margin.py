"""`liqbayes margin`."""

from typing import TYPE_CHECKING, Annotated, Any

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
from liqbayes.cli.console import NOT_CONVERGED, guarded, print_table, say, warn
from liqbayes.cli.options import parse_columns

if TYPE_CHECKING:
    from liqbayes.margin import MarginResult

Moves = Annotated[
    str, typer.Option(help="Worst price of a period (intrabar), or its last (close).")
]


@guarded
def margin(
    panel: PanelFile,
    contract: Contract,
    out: RunOut,
    probability: Annotated[
        list[float] | None,
        typer.Option(help="Of liquidation within a holding period; default 0.01. Repeatable."),
    ] = None,
    holding: Annotated[
        list[str] | None, typer.Option(help="Holding period; default 1d. Repeatable.")
    ] = None,
    block: Annotated[int, typer.Option(help="Holding periods of a block.")] = 30,
    moves: Moves = "intrabar",
    prior: Annotated[
        list[str] | None,
        typer.Option(help="Prior of the tail's shape: flat, returns; default both. Repeatable."),
    ] = None,
    refits: Annotated[
        int, typer.Option(help="Times that the backtest fits again; 0 for no backtest.")
    ] = 8,
    first_share: Annotated[
        float, typer.Option(help="Share of the panel before the backtest's first forecast.")
    ] = 0.5,
    column: Columns = None,
    since: Since = None,
    until: Until = None,
    draws: Draws = 1000,
    tune: Tune = 700,
    chains: Chains = 4,
    seed: Seed = 0,
    workers: Workers = None,
    budget: Budget = None,
    force: RunForce = False,
) -> None:
    """Margin at which a position is liquidated with a chosen probability.

    A generalised extreme value law of block maxima of adverse moves, beside normal returns and the
    historical quantile, and how often each would have been exceeded. Can be interrupted and goes on
    where it was. Exit status: 0 done, 2 wrong usage or input, 3 not converged or not finished, 130
    interrupted.
    """
    columns = parse_columns(column or [])
    processes = at_once(workers, budget)
    from liqbayes.batch import local_executor
    from liqbayes.margin import MarginPlan, Settings, margin_study, write_tables
    from liqbayes.margin.priors import SHAPE_PRIORS
    from liqbayes.margin.readable import backtest_table, margin_table
    from liqbayes.panel import read_panel

    data = read_panel(panel, contract=contract, columns=columns, since=since, until=until)
    say(f"panel: {data!r}")
    plan = MarginPlan(
        data,
        probabilities=tuple(probability or (0.01,)),
        holdings=tuple(holding or ("1d",)),
        block=block,
        kind=moves,
        priors=tuple(prior or SHAPE_PRIORS),
        refits=refits,
        first_share=first_share,
        settings=Settings(draws=draws, tune=tune, chains=chains, seed=seed),
    )
    say(f"{len(plan.cells())} posteriors, {processes} at once; rows in {out}")
    with local_executor(processes) as executor:
        result, outcome = margin_study(plan, out, executor, budget_minutes=budget, force=force)
    about = {
        **plan.identity(),
        "notes": list(result.notes),
        "not_converged": list(result.not_converged),
        "errors": list(result.errors),
        "left": outcome.left,
    }
    write_tables(
        out,
        {
            "margins": result.margins,
            "backtest": result.backtest,
            "tails": result.tails,
            "margins-table": margin_table(result.margins),
            "backtest-table": backtest_table(result.backtest),
        },
        about,
    )
    _print(result)
    say(f"written: {out}")
    finish(outcome, "posteriors", result.errors)
    if result.not_converged:
        raise typer.Exit(NOT_CONVERGED)


def _print(result: "MarginResult") -> None:
    from liqbayes.margin.readable import backtest_table, margin_table

    print_frame(
        margin_table(result.margins),
        "adverse move that a period exceeds with that probability; initial margin for it under the "
        "contract's rules",
        right=4,
    )
    if len(result.backtest):
        print_frame(
            backtest_table(result.backtest),
            "backtest: how often later periods exceeded the level; lower scores are better",
            right=2,
        )
    for note in result.notes:
        say(note)
    for words in result.not_converged:
        warn(f"not converged: {words}; use more --tune and --draws.")


def print_frame(table: Any, title: str, *, right: int) -> None:
    """A data frame of words on standard output."""
    print_table(
        tuple(str(c) for c in table.columns),
        [tuple(str(v) for v in row) for row in table.itertuples(index=False)],
        title=title,
        right=right,
    )
