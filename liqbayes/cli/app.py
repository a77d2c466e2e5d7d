"""The program `liqbayes`: its commands, one file each; everything heavy loads in their bodies."""

import typer

from liqbayes.cli import census_runs
from liqbayes.cli.analyse import analyse
from liqbayes.cli.backtest import backtest
from liqbayes.cli.cite import cite
from liqbayes.cli.compare import compare
from liqbayes.cli.demo import demo
from liqbayes.cli.evaluate import evaluate
from liqbayes.cli.events import events
from liqbayes.cli.fit import fit
from liqbayes.cli.inspect import inspect
from liqbayes.cli.judge import judge
from liqbayes.cli.margin import margin
from liqbayes.cli.models import models
from liqbayes.cli.monitor import monitor
from liqbayes.cli.page import report
from liqbayes.cli.pool import pool
from liqbayes.cli.position import position
from liqbayes.cli.replicate import replicate
from liqbayes.cli.review import review
from liqbayes.cli.simulate import simulate
from liqbayes.cli.validate import validate

app = typer.Typer(
    name="liqbayes",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from liqbayes import __version__

        typer.echo(f"liqbayes {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    """Liquidation levels of perpetual futures, with credible intervals.

    Start with `liqbayes demo`. With data of your own: `liqbayes inspect`, then `liqbayes fit`, then
    `liqbayes review`. Exit status: 0 done, 2 wrong usage or input (nothing sampled), 3 not
    converged (everything written, and marked), 4 and 5 amber and red of `liqbayes monitor`,
    130 interrupted.
    """


for _command in (
    demo,
    inspect,
    fit,
    review,
    analyse,
    position,
    report,
    monitor,
    compare,
    backtest,
    pool,
    evaluate,
    judge,
    events,
    margin,
    simulate,
    cite,
):
    app.command()(_command)
app.add_typer(models, name="models")
app.add_typer(census_runs.census, name="census")
app.add_typer(validate, name="validate")
app.add_typer(replicate, name="replicate")


def main() -> None:
    """Run the program on the arguments of the process."""
    app()
