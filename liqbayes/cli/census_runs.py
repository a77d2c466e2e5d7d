"""`liqbayes census compare`, `exam` and `fuse`: what needs a fit."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liqbayes.cli.arguments import (
    Budget,
    Chains,
    Draws,
    Model,
    RunForce,
    RunOut,
    Seed,
    Tune,
    Workers,
    at_once,
    finish,
)
from liqbayes.cli.census import (
    Column,
    Contract,
    Force,
    Panel,
    Positions,
    Rename,
    census,
    read_panels,
)
from liqbayes.cli.console import guarded, print_table, say
from liqbayes.cli.options import parse_columns
from liqbayes.errors import InputError
from liqbayes.resources import DEFAULT_MODEL

# Fits that did not converge and are named on the screen.
_NAMED = 5

__all__ = ["census"]

if TYPE_CHECKING:
    from liqbayes.census import CensusPlan

Fits = Annotated[
    Path | None,
    typer.Option(help="Directory of fits that runs share; default: fits in --out."),
]


@census.command()
@guarded
def compare(
    positions: Positions,
    panel: Panel,
    contract: Contract,
    out: RunOut,
    column: Column = None,
    position_column: Rename = None,
    model: Model = DEFAULT_MODEL,
    fits: Fits = None,
    draws: Draws = 500,
    tune: Tune = 500,
    chains: Chains = 2,
    seed: Seed = 0,
    workers: Workers = None,
    budget: Budget = None,
    force: RunForce = False,
) -> None:
    """Compare a posterior and two rules with observed positions, one snapshot a day.

    Each snapshot's fit sees the bars before it. Accounts are selected, so every observed share has
    bounds that hold whatever the unobserved part is, and only what lies outside them is called
    refuted. Can be interrupted and goes on where it was. Exit status: 0 all snapshots finished, 2
    wrong usage or input, 3 not all finished, 130 interrupted.
    """
    from liqbayes.batch import local_executor
    from liqbayes.census import compare_with_positions, verdicts, write_tables

    plan = _plan(
        positions, position_column, panel, contract, column, model, draws, tune, chains, seed
    )
    with local_executor(at_once(workers, budget)) as executor:
        table, outcome = compare_with_positions(
            plan, out, executor, store=fits, budget_minutes=budget, force=force
        )
    judged = verdicts(table)
    write_tables(out, {"positions": table, "verdicts": judged, "fits": _quality(table)})
    print_table(
        (
            "quantity",
            "side",
            "source",
            "median",
            "90 %",
            "observed",
            "bounds",
            "included",
            "refuted",
        ),
        [
            (
                str(row["quantity"]),
                str(row["side"]),
                str(row["source"]),
                f"{row['median']:.3f}",
                f"{row['low']:.3f} to {row['high']:.3f}",
                f"{row['observed']:.3f}",
                f"{row['bound_low']:.3f} to {row['bound_high']:.3f}",
                f"{row['inclusion_low']:.3f} to {row['inclusion_high']:.3f}",
                f"{row['refuted']} of {row['snapshots']}",
            )
            for row in judged.to_dict("records")
        ],
        title="standing shares of open interest, means over snapshots",
        right=3,
    )
    finish(outcome, "snapshots")


@census.command()
@guarded
def exam(
    positions: Positions,
    panel: Panel,
    contract: Contract,
    out: RunOut,
    column: Column = None,
    position_column: Rename = None,
    model: Model = DEFAULT_MODEL,
    splits: Annotated[int, typer.Option(help="Random splits of each snapshot's accounts.")] = 50,
    fits: Fits = None,
    draws: Draws = 500,
    tune: Tune = 500,
    chains: Chains = 2,
    seed: Seed = 0,
    workers: Workers = None,
    budget: Budget = None,
    force: RunForce = False,
) -> None:
    """Hide half of the observed accounts, fuse the other half, and see what the intervals cover.

    Snapshots are at least twelve hours apart. Can be interrupted and goes on where it was. Exit
    status: 0 all snapshots finished (whether or not the intervals cover), 2 wrong usage or input,
    3 not all finished, 130 interrupted.
    """
    from liqbayes.batch import local_executor
    from liqbayes.census import census_exam, exam_verdicts, write_tables

    plan = _plan(
        positions, position_column, panel, contract, column, model, draws, tune, chains, seed
    )
    with local_executor(at_once(workers, budget)) as executor:
        table, outcome = census_exam(
            plan, out, executor, splits=splits, store=fits, budget_minutes=budget, force=force
        )
    judged = exam_verdicts(table, splits)
    write_tables(out, {"exam": judged, "fits": _quality(table)})
    print_table(
        ("lumpiness", "side", "move", "n", "coverage", "band", "passed", "below", "above", "width"),
        [
            (
                str(row["law"]),
                str(row["side"]),
                f"{row['move']:g}",
                str(row["n"]),
                f"{row['coverage']:.3f}",
                f"{row['band_low']:.2f} to {row['band_high']:.2f}",
                "yes" if row["passed"] else "no",
                f"{row['below']:.3f}",
                f"{row['above']:.3f}",
                f"{row['width_ratio']:.2f}",
            )
            for row in judged.to_dict("records")
        ],
        title="90 % intervals of the hidden half's at_risk; width of both halves over no census",
        right=2,
    )
    finish(outcome, "snapshots")


@census.command()
@guarded
def fuse(
    fit: Annotated[
        Path, typer.Argument(metavar="FIT", help="A fit.nc, or a directory of liqbayes fit.")
    ],
    positions: Positions,
    market: Annotated[str, typer.Option(help="Market of the positions that the fit is of.")],
    out: Annotated[Path, typer.Option(help="Directory to write; must not exist without --force.")],
    position_column: Rename = None,
    force: Force = False,
) -> None:
    """Known positions and posterior in one map, with the observed share of every bin.

    Takes the snapshot nearest to the fit's last bar. Exit status: 0 done, 2 wrong usage or input,
    130 interrupted.
    """
    from liqbayes.census import FUSE_FILES, fuse_positions, positions_of, read_census, write_fused
    from liqbayes.report.directory import check_target
    from liqbayes.sampling import load_fit

    check_target(out, force=force, known=FUSE_FILES)
    path = fit / "fit.nc" if fit.is_dir() else fit
    if not path.is_file():
        raise InputError(f"{path} does not exist; give a fit.nc or a directory of `liqbayes fit`.")
    table = read_census(positions, parse_columns(position_column or []))
    if market not in table.markets:
        raise InputError(
            f"the positions have no market {market!r}; they have {', '.join(table.markets)}."
        )
    own = table.table[table.table["market"] == market]
    fused = fuse_positions(load_fit(path), positions_of(own))
    write_fused(fused, out, force=force)
    limits = fused["at_risk"].quantile((0.05, 0.5, 0.95), dim=("chain", "draw"))
    print_table(
        ("side", "known of open interest", "move", "at risk", "90 % interval"),
        [
            (
                str(side),
                f"{100 * float(fused['share_observed_side'].sel(side=side)):.1f} %",
                f"{100 * float(move):g} %",
                f"{100 * at[1]:.1f} %",
                f"{100 * at[0]:.1f} to {100 * at[2]:.1f} %",
            )
            for side in fused["side"].values
            for move in fused["move"].values
            for at in [limits.sel(side=side, move=move).to_numpy()]
        ],
        title=f"known positions and posterior, {fused.attrs['as_of'][:19]}",
    )


def _quality(table: Any) -> Any:
    """How the fits behind a table converged, as a table; those that did not are named."""
    from liqbayes.census import fits_table

    quality = fits_table(table)
    loose = quality[quality["reasons"] != ""] if len(quality) else quality
    if len(loose):
        say(f"{len(loose)} of {len(quality)} fits did not converge; fits.csv names them:")
        for row in loose.head(_NAMED).to_dict("records"):
            say(f"  {row['snapshot']}: {row['reasons']}")
    return quality


def _plan(
    positions: Path,
    renamed: list[str] | None,
    panel: list[str],
    contract: list[str],
    column: list[str] | None,
    model: str,
    draws: int,
    tune: int,
    chains: int,
    seed: int,
) -> "CensusPlan":
    from liqbayes.census import CensusPlan, Settings, read_census
    from liqbayes.sampling import SamplerConfig

    SamplerConfig(draws=draws, tune=tune, chains=chains, seed=seed)
    table = read_census(positions, parse_columns(renamed or []))
    settings = Settings(draws=draws, tune=tune, chains=chains, seed=seed)
    return CensusPlan(table, read_panels(panel, contract, column), model, settings)
