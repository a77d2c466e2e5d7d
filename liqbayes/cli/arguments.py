"""Arguments and options that several commands share, and what resumable runs have in common."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liqbayes.cli.console import NOT_CONVERGED, say, warn
from liqbayes.errors import InputError

if TYPE_CHECKING:
    from liqbayes.batch import Outcome

PanelFile = Annotated[
    Path, typer.Argument(metavar="PANEL", help="Parquet or CSV file, or Binance archives.")
]
Contract = Annotated[
    str,
    typer.Option(metavar="VENUE:SYMBOL|FILE", help="Such as binance:BTCUSDT, or a TOML file."),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=SOURCE[:UNIT]",
        help="Read a column from another; unit base, quote or contracts. Repeatable.",
    ),
]
Since = Annotated[str | None, typer.Option(help="First bar, included, UTC.")]
Until = Annotated[str | None, typer.Option(help="End, excluded, UTC.")]
Model = Annotated[str, typer.Option(help="Name, or path of a spec.toml.")]
Draws = Annotated[int, typer.Option(help="Draws kept of each chain.")]
Tune = Annotated[int, typer.Option(help="Draws of each chain spent on tuning.")]
Chains = Annotated[int, typer.Option(help="Independent chains of each fit.")]


def check_seed(value: int) -> int:
    """A seed that random generators accept; before any work begins."""
    if value < 0:
        raise typer.BadParameter(f"seed is {value}; use 0 or a larger whole number.")
    return value


Seed = Annotated[int, typer.Option(callback=check_seed, help="The same seed gives the same draws.")]

RunOut = Annotated[Path, typer.Option(help="Directory of the run; the same run goes on there.")]
RunForce = Annotated[bool, typer.Option("--force", help="Throw away the rows of another run.")]
Workers = Annotated[
    int | None,
    typer.Option(help="Processes that work at once; default: as many as there are cores."),
]
Budget = Annotated[
    float | None, typer.Option(metavar="MINUTES", help="Begin nothing new after that long.")
]


def at_once(workers: int | None, budget: float | None) -> int:
    """Processes of a run.

    Raises
    ------
    InputError
        If fewer than one is asked for, or the budget is not positive.
    """
    if budget is not None and not budget > 0:
        raise InputError(f"--budget is {budget}; give a positive number of minutes.")
    if workers is not None and workers < 1:
        raise InputError(f"--workers is {workers}; use at least 1.")
    return workers or os.cpu_count() or 1


# Fits of a run whose R-hat is above this are warned of.
_LARGEST_RHAT = 1.05


def warn_of_fits(fits: Sequence[Mapping[str, Any]]) -> None:
    """Warn of a run's fits that have not converged."""
    bad = [f for f in fits if f.get("max_rhat") and f["max_rhat"] > _LARGEST_RHAT]
    if bad:
        warn(
            f"{len(bad)} of {len(fits)} fits have an R-hat above {_LARGEST_RHAT}; use more --tune "
            "and --draws."
        )


def close_run(outcome: "Outcome", out: Path, units: str) -> None:
    """Say how long a run took, where it is and what is left, and exit with status 3 for that."""
    say(f"{outcome.seconds / 60:.1f} minutes; written: {out}")
    if outcome.left:
        say(f"{outcome.left} {units} are left; the same command goes on with them.")
        raise typer.Exit(NOT_CONVERGED)


def finish(outcome: "Outcome", units: str, errors: tuple[str, ...] | list[str] = ()) -> None:
    """Say what a run has left and why, and exit with status 3 if that is anything."""
    if not (outcome.left or outcome.failed):
        return
    say(
        f"{outcome.left} {units} are left, with which the same command goes on; "
        f"{outcome.failed} failed."
    )
    for error in errors:
        say(error)
    raise typer.Exit(NOT_CONVERGED)
