"""`liqbayes inspect`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from liqbayes.cli.console import guarded, out
from liqbayes.cli.options import parse_columns


@guarded
def inspect(
    panel: Annotated[
        Path, typer.Argument(metavar="PANEL", help="A file, or a folder of archives.")
    ],
    contract: Annotated[
        str | None,
        typer.Option(
            metavar="VENUE:SYMBOL|FILE",
            help="Default: taken from the file or inferred from its name.",
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=SOURCE[:UNIT]", help="As for fit. Repeatable."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the report as JSON, for programs.")
    ] = False,
) -> None:
    """Tell what a file is: gaps, stale values, units, stamps, funding, feed.

    A file that is no panel is described; only a path that does not exist or an unknown contract
    is an error (exit status 2).
    """
    columns = parse_columns(column or [])
    from liqbayes.panel import inspect_panel

    found = inspect_panel(panel, contract, columns=columns or None)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        out().print(str(found), markup=False, soft_wrap=True)
