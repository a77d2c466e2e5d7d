"""`liqbayes position`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from liqbayes.cli.analyse import print_section
from liqbayes.cli.arguments import check_seed
from liqbayes.cli.console import guarded, say, warn


@guarded
def position(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A directory that fit or demo wrote.")
    ],
    side: Annotated[str, typer.Option(help="long or short.")],
    quantity: Annotated[float, typer.Option(help="Base coin; USD of an inverse contract.")],
    entry: Annotated[
        float | None, typer.Option(help="Entry price; default: the limit, else the last price.")
    ] = None,
    leverage: Annotated[float | None, typer.Option(help="Isolated: value over margin.")] = None,
    margin: Annotated[float | None, typer.Option(help="Isolated margin, settled currency.")] = None,
    wallet: Annotated[float | None, typer.Option(help="Cross margin: wallet balance.")] = None,
    venue: Annotated[
        str | None,
        typer.Option(metavar="VENUE:SYMBOL|FILE", help="Margin rules; default: the fit's."),
    ] = None,
    stop: Annotated[float | None, typer.Option(help="Price of the stop.")] = None,
    take_profit: Annotated[float | None, typer.Option(help="Price of the take-profit.")] = None,
    limit: Annotated[
        float | None, typer.Option(help="Price of the limit order that opens it.")
    ] = None,
    horizon: Annotated[
        list[str] | None, typer.Option(help="Horizon ahead, such as 4h or 7d. Repeatable.")
    ] = None,
    draws: Annotated[int, typer.Option(help="Posterior draws to use.")] = 1000,
    seed: Annotated[
        int, typer.Option(callback=check_seed, help="Of what is drawn beyond the posterior.")
    ] = 1,
    out: Annotated[Path | None, typer.Option(help="Directory to write the tables to.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier analysis.")] = False,
) -> None:
    """Say where a position is liquidated, how likely, and where its orders stand.

    Exit status: 0 done, 2 no such directory or wrong option.
    """
    from liqbayes.report import grid_of, read_summary

    summary = read_summary(directory)
    from liqbayes import analysis
    from liqbayes.sampling import load_fit

    held = analysis.Position(
        side=side,
        quantity=quantity,
        entry=entry,
        leverage=leverage,
        margin=margin,
        wallet_balance=wallet,
        stop=stop,
        take_profit=take_profit,
        limit=limit,
    )
    given: dict[str, Any] = {"draws": draws, "seed": seed, **grid_of(summary)}
    if horizon:
        given["horizons"] = tuple(horizon)
    options = analysis.Options(**given)
    if out is not None:
        analysis.check_out(out, force=force)
    if not summary["converged"]:
        warn("this fit did not converge: " + "; ".join(summary["reasons"]))
    work = analysis.Workspace(load_fit(directory / "fit.nc"), options)
    section = analysis.assess_position(work, held, contract=venue)
    print_section(section)
    if out is not None:
        about = {
            key: summary[key] for key in ("contract", "model", "as_of", "mark_price", "converged")
        }
        analysis.write_analysis((section,), out, about, options=options, force=force)
        say(f"written: {out}")
