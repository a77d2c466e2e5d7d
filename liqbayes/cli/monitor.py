"""`liqbayes monitor`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liqbayes.cli.arguments import Columns, Until
from liqbayes.cli.console import (
    DONE,
    MONITOR_AMBER,
    MONITOR_RED,
    errors,
    guarded,
    number,
    print_table,
    say,
    warn,
)
from liqbayes.cli.options import parse_columns

if TYPE_CHECKING:
    from liqbayes.monitor import Monitoring

STATUS = {"green": DONE, "amber": MONITOR_AMBER, "red": MONITOR_RED}


@guarded
def monitor(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A directory that fit or demo wrote.")
    ],
    panel: Annotated[
        Path,
        typer.Option(help="Later bars of the same market; bars of the fit may be among them."),
    ],
    contract: Annotated[
        str | None,
        typer.Option(
            metavar="VENUE:SYMBOL|FILE", help="Contract of the new bars; default: that of the fit."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Directory to write; default: DIR-monitor/TIME OF THE LAST BAR."),
    ] = None,
    column: Columns = None,
    until: Until = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a directory that monitor wrote.")
    ] = False,
) -> None:
    """Hold a fit against bars that came after it, to see whether it still describes its market.

    Filters the book forward at the fit's own draws, predicts every new bar, and judges the last
    seven days against how the fit predicted its own: coverage, PIT values, score, the reported
    share, gaps of the feed, breaks of open interest, volatility, what is mostly prior. Writes
    monitor.json and monitor.png. Nothing is fitted; a minute or less.

    Exit status: 0 green, 2 wrong usage or input, 4 amber, 5 red, 130 interrupted.
    """
    columns = parse_columns(column or [])
    from liqbayes.report import read_summary

    summary = read_summary(directory)
    from liqbayes.monitor import monitor_fit, write_monitoring
    from liqbayes.monitor.write import FILES
    from liqbayes.panel import read_panel
    from liqbayes.report import check_target
    from liqbayes.sampling import load_fit
    from liqbayes.sampling.fit import panel_of

    if out is not None:
        check_target(out, force=force, known=FILES)
    fit = load_fit(directory / "fit.nc")
    fitted, _ = panel_of(fit)
    data = read_panel(panel, contract=contract or fitted.contract, columns=columns, until=until)
    say(f"new bars: {data!r}")
    with errors().status("filtering"):
        found = monitor_fit(fit, data)
    target = out or _beside(directory, found.about["new"]["last_bar"])
    write_monitoring(found, target, force=force)
    _print(found)
    if not summary["converged"]:
        warn("the fit has not converged; what it predicts may not be what its model predicts.")
    say(f"written: {target}")
    raise typer.Exit(STATUS[found.status])


def _beside(directory: Path, last_bar: str) -> Path:
    """A directory for one run, so that daily runs need not replace each other."""
    resolved = directory.resolve()
    return resolved.with_name(f"{resolved.name}-monitor") / last_bar.replace(":", "")


def _print(found: "Monitoring") -> None:
    """The worst first."""
    order = {"red": 0, "amber": 1, "green": 2}
    judged = found.about["judged"]
    print_table(
        ("status", "check", "of", "value", "p", "what it says"),
        [
            (
                check.status,
                check.check,
                check.of,
                number(None) if check.value is None else f"{check.value:.3g}",
                "" if check.p is None else f"{check.p:.2g}",
                check.text,
            )
            for check in sorted(found.checks, key=lambda check: order[check.status])
        ],
        title=f"{found.status.upper()}: {found.about['contract']}, bars from {judged['first_bar']} "
        f"to {found.about['new']['last_bar']}; {found.about['tests']} tests",
        right=9,
    )
