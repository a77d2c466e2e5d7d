"""`liqbayes report`."""

from pathlib import Path
from typing import Annotated

import typer

from liqbayes.cli.console import guarded, progress, say, warn


@guarded
def report(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A directory that fit or demo wrote.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File to write; default: DIR with -report.html."),
    ] = None,
    analysis: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="What `liqbayes analyse` wrote of this fit; default: DIR with -analysis if it is "
            "there and of this fit, otherwise the topics are run.",
        ),
    ] = None,
    draws: Annotated[
        int, typer.Option(help="Posterior draws of the map through time; more take longer.")
    ] = 150,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier report.")] = False,
) -> None:
    """Make one interactive HTML file of a fit: map, profile, ΔL, leverage, topics, checks, data.

    The file opens offline and loads nothing. A fit that did not converge says so first.

    Exit status: 0 done, 2 no such directory or wrong option.
    """
    from liqbayes.report import read_summary

    summary = read_summary(directory)
    from liqbayes import page
    from liqbayes.analysis import SECTIONS
    from liqbayes.errors import InputError
    from liqbayes.page.gather import STEPS

    name = directory.resolve().name
    target = out or directory.resolve().with_name(f"{name}-report.html")
    page.check_page(target, force=force)
    source = analysis or directory.resolve().with_name(f"{name}-analysis")
    sections = made_by = None
    if analysis is not None or source.is_dir():
        against = page.fitting_analysis(source, summary)
        left_out = () if against else page.missing_topics(source)
        if left_out and analysis is None:
            against = f"{source} lacks the topics {', '.join(left_out)}."
        elif left_out:
            warn(f"{source} lacks the topics {', '.join(left_out)}.")
        if not against:
            sections, made_by = page.read_sections(source), page.analysis_command(source, name)
            say(f"topics from {source}")
        elif analysis is not None:
            raise InputError(against)
        else:
            warn(f"{against} Its topics are run again.")
    if not summary["converged"]:
        warn("this fit did not converge: " + "; ".join(summary["reasons"]))
    topics = len(SECTIONS) if sections is None else 0
    with progress(STEPS + topics) as step:
        facts = page.gather(directory, sections=sections, analysed=made_by, draws=draws, step=step)
        text = page.render(facts)
    page.write_page(text, target, force=force)
    say(f"written: {target} ({len(text.encode()) / 1e6:.1f} MB)")
