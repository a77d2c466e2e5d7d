"""`liqbayes fit`."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from liqbayes.cli import report
from liqbayes.cli.arguments import Draws, Model, Seed, Since, Tune, Until
from liqbayes.cli.console import guarded, say
from liqbayes.cli.options import check_bins, parse_columns, parse_price_range
from liqbayes.conventions import BINS, PRICE_RANGE
from liqbayes.resources import DEFAULT_MODEL

Out = Annotated[Path, typer.Option(help="Directory to write; must not exist without --force.")]
Contract = Annotated[
    list[str],
    typer.Option(
        metavar="VENUE:SYMBOL|FILE",
        help="Such as binance:BTCUSDT, or a TOML file; once a panel, in the same order.",
    ),
]


@guarded
def fit(
    panel: Annotated[
        list[Path],
        typer.Argument(
            metavar="PANEL...",
            help="Parquet or CSV file, or Binance archives; several for a model that pools.",
        ),
    ],
    contract: Contract,
    out: Out,
    model: Model = DEFAULT_MODEL,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=SOURCE[:UNIT]",
            help="Read a column from another, in every panel; unit base, quote or contracts. "
            "Repeatable.",
        ),
    ] = None,
    since: Since = None,
    until: Until = None,
    draws: Draws = 1000,
    tune: Tune = 1000,
    chains: Annotated[int, typer.Option(help="Independent chains.")] = 4,
    cores: Annotated[
        int | None, typer.Option(help="Chains run at once; default: as many as there are cores.")
    ] = None,
    seed: Seed = 0,
    sampler: Annotated[str, typer.Option(help="nutpie, pymc or numpyro.")] = "nutpie",
    bins: Annotated[int, typer.Option(help="Price bins.")] = BINS,
    price_range: Annotated[
        str, typer.Option(metavar="LOW:HIGH", help="Their range, as multiples of the last close.")
    ] = "{:g}:{:g}".format(*PRICE_RANGE),
    force: Annotated[
        bool, typer.Option("--force", help="Replace a directory that liqbayes wrote.")
    ] = False,
) -> None:
    """Fit a model to a panel and write levels, ΔL, leverage and figures to a directory.

    Several panels are fitted at once by a model that pools, such as hierarchical: give --contract
    once for each, in the same order. Each market gets a folder of its own in --out.
    A rule such as fixed-mix is not sampled: options of the sampler have no effect on it.
    Exit status: 0 converged (a rule always), 2 wrong usage or input (nothing sampled), 3 not
    converged (everything written, and marked), 130 interrupted.
    """
    columns = parse_columns(column or [])
    grid = report.Grid(check_bins(bins), parse_price_range(price_range))
    targets = report.targets(out, contract, n_panels=len(panel), force=force)
    from liqbayes.model import load_spec
    from liqbayes.panel import read_panel
    from liqbayes.sampling import SamplerConfig
    from liqbayes.sampling import fit as sample

    spec = load_spec(model)
    settings = SamplerConfig(
        draws=draws,
        tune=tune,
        chains=chains,
        cores=(os.cpu_count() or 1) if cores is None else cores,
        seed=seed,
        sampler=sampler,
    )
    panels = {}
    for path, name, target in zip(panel, contract, targets, strict=True):
        data = read_panel(path, contract=name, columns=columns, since=since, until=until)
        say(f"panel: {data!r}")
        for column_name, why in data.provenance["dropped"].items():
            say(f"panel: {column_name} is not used: {why}")
        for column_name, venue in data.provenance["proxy"].items():
            say(f"panel: {column_name} stands in from {venue}; its scale is inferred")
        panels[target] = data
    options = asdict(settings) | {"cores": min(chains, settings.cores)}
    if len(panels) == 1:
        ((target, data),) = panels.items()
        raise typer.Exit(report.finish(sample(spec, data, **options), out, grid, force=force))
    by_name = {target.name: data for target, data in panels.items()}
    trees = sample(spec, by_name, **options)
    report.print_pooling(next(iter(trees.values())))
    # the worst of the markets' statuses
    raise typer.Exit(max(report.finish(trees[t.name], t, grid, force=force) for t in panels))
