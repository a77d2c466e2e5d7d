"""`liqbayes review`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liqbayes.cli.console import (
    DONE,
    INTERRUPTED,
    NOT_CONVERGED,
    errors,
    guarded,
    number,
    print_table,
    say,
    warn,
)

if TYPE_CHECKING:
    from liqbayes.checks import Verdict

_ORDER = {"fail": 0, "warn": 1, "ok": 2}


@guarded
def review(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A directory that fit or demo wrote.")
    ],
    challenge: Annotated[
        bool,
        typer.Option(
            "--challenge",
            help="Also run the tests that a risk desk would; four more fits, some minutes.",
        ),
    ] = False,
    backtest: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="A backtest of the model: does the last day lie in its range?"
        ),
    ] = None,
) -> None:
    """Judge a fit: convergence, what is prior, how well it predicts, whether scale is identified.

    With --challenge also whether levels sum to open interest, base and quote agree, later bars
    are left alone, and how the shares at risk move when the panel begins a week later, loses its
    feed, when the prior odds of high leverage are doubled, or holders have another number of
    speeds. Challenges inform; they do not change the exit status.

    Exit status: 0 converged, 2 no such directory, 3 not converged, 130 the fit was interrupted.
    """
    from liqbayes.report import read_summary

    summary = read_summary(directory)
    from liqbayes.checks import review as judge
    from liqbayes.sampling import load_fit

    fit = load_fit(directory / "fit.nc")
    found = judge(fit)
    verdicts = list(found.verdicts)
    if backtest is not None:
        from liqbayes.backtest.pool import read_backtest_summary
        from liqbayes.backtest.range import inside_range

        verdicts.append(inside_range(fit, read_backtest_summary(backtest)))
    title = f"{summary['contract']}, {summary['model']['name']} {summary['model']['version']}"
    _print(verdicts, title)
    if found.sensitivity:
        _print_sensitivity(found.sensitivity)
    if challenge:
        from liqbayes.validate import challenge as put

        with errors().status("challenge") as status:
            verdicts = put(fit, on_step=lambda words: status.update(f"challenge: {words}"))
        _print(verdicts, "Challenges")
    if summary["interrupted"]:
        warn("this fit was interrupted.")
        raise typer.Exit(INTERRUPTED)
    if not found.converged:
        warn("not converged: " + "; ".join(found.reasons))
        raise typer.Exit(NOT_CONVERGED)
    rule = summary["sampler"]["name"] == "rule"
    say("a rule: nothing was sampled, and there is no interval." if rule else "converged.")
    raise typer.Exit(DONE)


def _print(verdicts: "Sequence[Verdict]", title: str) -> None:
    """The worst first."""
    print_table(
        ("status", "check", "value", "limit", "what it says"),
        [
            (v.status, v.check, number(v.value), number(v.threshold), v.text)
            for v in sorted(verdicts, key=lambda verdict: _ORDER[verdict.status])
        ],
        title=title,
        right=9,
    )


def _print_sensitivity(sensitivity: dict[str, dict[str, float]]) -> None:
    """What each output listens to: the prior, and each channel."""
    sources = list(next(iter(sensitivity.values())))
    print_table(
        ("output", *(source.replace("_", " ") for source in sources)),
        [
            (name, *(f"{by_source[source]:.2f}" for source in sources))
            for name, by_source in sensitivity.items()
        ],
        title="Power-scaling sensitivity; below 0.05 a source hardly moves the output",
    )
