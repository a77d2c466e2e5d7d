"""`liqbayes simulate`."""

from pathlib import Path
from typing import Annotated

import typer

from liqbayes.cli.arguments import check_seed
from liqbayes.cli.console import errors, guarded, say


@guarded
def simulate(
    out: Annotated[Path, typer.Option(help="Directory to write; must not exist without --force.")],
    bars: Annotated[int, typer.Option(help="Number of bars.")] = 720,
    seed: Annotated[
        int, typer.Option(callback=check_seed, help="The same seed gives the same market.")
    ] = 0,
    preset: Annotated[
        str, typer.Option(help="Market regime; an unknown name lists them.")
    ] = "default",
    contract: Annotated[
        str, typer.Option(metavar="VENUE:SYMBOL|FILE", help="Contract that is traded.")
    ] = "binance:BTCUSDT",
    bar: Annotated[str, typer.Option(help="Bar length, such as 5m, 1h or 1d.")] = "1h",
    force: Annotated[
        bool, typer.Option("--force", help="Replace a directory that simulate wrote.")
    ] = False,
) -> None:
    """Simulate a market whose every position is known.

    Writes panel.parquet (what a fit may see), positions.parquet (the book at the end) and
    truth.json (the true values of what summary.json estimates).
    """
    from liqbayes.panel.times import parse_bar
    from liqbayes.report import check_target
    from liqbayes.simulate import market_preset, simulate_market, write_simulation
    from liqbayes.simulate.write import FILES

    check_target(out, force=force, known=FILES)
    config = market_preset(preset, bars=bars, contract=contract, bar_seconds=parse_bar(bar))
    with errors().status(f"simulating {bars} bars"):
        market = simulate_market(config, seed)
        write_simulation(market, out, force=force)
    say(f"written: {out}")
