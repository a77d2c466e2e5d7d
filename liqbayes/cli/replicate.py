"""`liqbayes replicate cheng2021` and `alexander2023`."""

from pathlib import Path
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
    Tune,
    Workers,
    at_once,
    finish,
)
from liqbayes.cli.console import NOT_CONVERGED, guarded, print_table, say, warn
from liqbayes.cli.margin import Moves, print_frame
from liqbayes.cli.options import parse_columns

if TYPE_CHECKING:
    from liqbayes.margin import AlexanderResult, ChengResult

replicate = typer.Typer(no_args_is_help=True, help="Published studies, replicated.")


@replicate.command()
@guarded
def cheng2021(
    panel: PanelFile,
    contract: Contract,
    out: RunOut,
    moves: Moves = "intrabar",
    column: Columns = None,
    draws: Draws = 1000,
    tune: Tune = 700,
    chains: Chains = 4,
    seed: Seed = 0,
    workers: Workers = None,
    budget: Budget = None,
    force: RunForce = False,
) -> None:
    """Which samples, blocks and meanings of 1 % give margins of 33 % (long) and 20 % (short).

    Cheng, Deng, Wang and Yu (2021) on BitMEX XBTUSD; their sample and blocks are not known, so the
    whole grid is computed. Can be interrupted and goes on where it was. Exit status: 0 done, 2
    wrong usage or input, 3 not converged or not finished, 130 interrupted.
    """
    columns = parse_columns(column or [])
    processes = at_once(workers, budget)
    from liqbayes.batch import local_executor
    from liqbayes.margin import ChengPlan, Settings, replicate_cheng, write_tables
    from liqbayes.margin.cheng_grid import PROBABILITY, PUBLISHED
    from liqbayes.margin.readable import cheng_table
    from liqbayes.panel import read_panel

    data = read_panel(panel, contract=contract, columns=columns)
    say(f"panel: {data!r}")
    settings = Settings(draws=draws, tune=tune, chains=chains, seed=seed)
    plan = ChengPlan(data, kind=moves, settings=settings)
    say(f"{len(plan.cells())} posteriors, {processes} at once; rows in {out}")
    with local_executor(processes) as executor:
        result, outcome = replicate_cheng(plan, out, executor, budget_minutes=budget, force=force)
    about = {
        **plan.identity(),
        "published": PUBLISHED,
        "probability": PROBABILITY,
        "not_converged": list(result.not_converged),
        "errors": list(result.errors),
        "left": outcome.left,
    }
    write_tables(
        out,
        {
            "cells": result.cells,
            "others": result.others,
            "summary": result.summary,
            "table": cheng_table(result.summary),
        },
        about,
    )
    _print_cheng(result)
    say(
        "the sample and the blocks of Cheng et al. are not known here: a cell that contains both "
        "numbers is one way to arrive at them, not the paper's."
    )
    say(f"written: {out}")
    finish(outcome, "posteriors", result.errors)
    for words in result.not_converged:
        warn(f"not converged: {words}; use more --tune and --draws.")
    if result.not_converged:
        raise typer.Exit(NOT_CONVERGED)


def _print_cheng(result: "ChengResult") -> None:
    from liqbayes.margin.readable import between, cheng_table, percent

    done = result.cells[result.cells["status"] == "done"]
    print_table(
        (
            "window",
            "12-13 March",
            "block",
            "prior",
            "1 % of a",
            "blocks",
            "long",
            "90 %",
            "33 %",
            "short",
            "90 %",
            "20 %",
        ),
        [
            (
                str(row["window"]),
                str(row["crash"]),
                f"{row['block']} d",
                str(row["prior"]),
                "day" if row["meaning"] == "period" else "block",
                str(row["blocks"]),
                percent(row["long_median"]),
                between(row["long_low"], row["long_high"]),
                "yes" if row["long_contains"] else "no",
                percent(row["short_median"]),
                between(row["short_low"], row["short_high"]),
                "yes" if row["short_contains"] else "no",
            )
            for row in done.to_dict("records")
        ],
        title="adverse move exceeded with probability 1 %, and whether it holds the published one",
        right=5,
    )
    left = result.cells[result.cells["status"] != "done"]
    for status, own in left.groupby("status"):
        say(f"{len(own)} cells: {status}")
    print_frame(
        cheng_table(result.summary),
        "cells whose 90 % interval holds the published number",
        right=2,
    )


@replicate.command()
@guarded
def alexander2023(
    panel: PanelFile,
    contract: Contract,
    out: Annotated[Path, typer.Option(help="Directory to write; must not exist without --force.")],
    column: Columns = None,
    seed: Seed = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier replication.")] = False,
) -> None:
    """How often positions of 5x, 20x and 50x would have been liquidated within a day.

    Alexander, Deng and Zou (2023), under the panel's contract and under the paper's linear rule,
    with bounds on what finer bars could change. Exit status: 0 done, 2 wrong usage or input.
    """
    columns = parse_columns(column or [])
    from liqbayes.margin import replicate_alexander, write_tables
    from liqbayes.margin.alexander import SCHEMA
    from liqbayes.margin.readable import alexander_table
    from liqbayes.panel import read_panel
    from liqbayes.report.directory import check_target, write_directory
    from liqbayes.validate.identity import panel_identity

    files = ("shares.csv", "windows.csv", "table.csv", "summary.json")
    check_target(out, force=force, known=files)
    data = read_panel(panel, contract=contract, columns=columns)
    say(f"panel: {data!r}")
    result = replicate_alexander(data, seed=seed)
    about = {
        "schema": SCHEMA,
        "panel": panel_identity(data),
        "seed": seed,
        "notes": list(result.notes),
    }
    write_directory(
        out,
        lambda path: write_tables(
            path,
            {
                "shares": result.table,
                "windows": result.summary,
                "table": alexander_table(result.table),
            },
            about,
        ),
        force=force,
        known=files,
    )
    _print_alexander(result)
    say(f"written: {out}")


def _print_alexander(result: "AlexanderResult") -> None:
    from liqbayes.margin.readable import alexander_table

    print_frame(
        alexander_table(result.table),
        "liquidated within a day, whole panel: positions opened at each bar, held against bar "
        "extremes",
        right=3,
    )
    print_table(
        ("rules", "window", "in interval", "no interval", "within bounds", "of"),
        [
            (
                str(row["rules"]),
                str(row["window"]),
                str(row["in_interval"]),
                str(row["no_interval"]),
                str(row["within_bounds"]),
                str(row["numbers"]),
            )
            for row in result.summary.to_dict("records")
        ],
        title="published numbers that a window's intervals and bounds hold",
        right=2,
    )
    for note in result.notes:
        say(note)
