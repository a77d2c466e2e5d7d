"""`liqbayes pool`."""

from pathlib import Path
from typing import Annotated

import typer

from liqbayes.cli.arguments import check_seed
from liqbayes.cli.backtest import print_ratios
from liqbayes.cli.console import guarded, number, print_table, say, warn


@guarded
def pool(
    directories: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Directories that backtest wrote.")
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON file to write; default: none.")
    ] = None,
    seed: Annotated[int, typer.Option(callback=check_seed, help="Of the bootstrap.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE.")] = False,
) -> None:
    """Pool backtests of one model over several panels: ratios, coverage and targets.

    Panels of one bar length are resampled on one clock, because they share its shocks.

    Exit status: 0 done, 2 directories that cannot be pooled.
    """
    from liqbayes.backtest.pool import pool as pooled
    from liqbayes.backtest.pool import read_backtest, write_pool

    found = pooled([read_backtest(each) for each in directories], seed)
    tasks = tuple(found["ratio"])
    print_ratios(found, tasks)
    for task in tasks:
        series = found["coverage90"][task]["series"]
        print_table(
            ("series", "coverage of 90 % intervals", "low", "high"),
            [
                (name, *(number(x) for x in (mid, low, high)))
                for name, (low, mid, high) in series.items()
            ],
            title=f"{task}: coverage, 90 % block-bootstrap bands",
        )
    for panel in found["panels"]:
        if panel["unfinished_blocks"]:
            warn(f"{panel['panel']}: {panel['unfinished_blocks']} blocks are not finished.")
    if out is not None:
        write_pool(found, out, force=force)
        say(f"written: {out}")
