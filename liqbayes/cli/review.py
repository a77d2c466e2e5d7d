"""`liqbayes review`."""

from pathlib import Path
from typing import Annotated

import typer

from liqbayes.cli.console import (
    DONE,
    INTERRUPTED,
    NOT_CONVERGED,
    guarded,
    number,
    print_table,
    say,
    warn,
)

_ORDER = {"fail": 0, "warn": 1, "ok": 2}


@guarded
def review(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A directory that fit or demo wrote.")
    ],
) -> None:
    """Judge a fit: convergence, what is prior, how well it predicts, whether scale is identified.

    Exit status: 0 converged, 2 no such directory, 3 not converged, 130 the fit was interrupted.
    """
    from liqbayes.report import read_summary

    summary = read_summary(directory)
    from liqbayes.checks import review as judge
    from liqbayes.sampling import load_fit

    found = judge(load_fit(directory / "fit.nc"))
    verdicts = sorted(found.verdicts, key=lambda verdict: _ORDER[verdict.status])
    print_table(
        ("status", "check", "value", "limit", "what it says"),
        [(v.status, v.check, number(v.value), number(v.threshold), v.text) for v in verdicts],
        title=f"{summary['contract']}, {summary['model']['name']} {summary['model']['version']}",
        right=9,
    )
    if summary["interrupted"]:
        warn("this fit was interrupted.")
        raise typer.Exit(INTERRUPTED)
    if not found.converged:
        warn("not converged: " + "; ".join(found.reasons))
        raise typer.Exit(NOT_CONVERGED)
    rule = summary["sampler"]["name"] == "rule"
    say("a rule: nothing was sampled, and there is no interval." if rule else "converged.")
    raise typer.Exit(DONE)
