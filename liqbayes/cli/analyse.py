"""`liqbayes analyse`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liqbayes.cli.console import guarded, print_table, progress, say, warn

if TYPE_CHECKING:
    from liqbayes.analysis import Section

# Rows of a table that are printed; its file has all.
_SHOWN = 12
# What tells one fit from another.
_ABOUT = (
    *("contract", "model", "as_of", "mark_price", "converged"),
    *("panel_hash", "sampler"),
)


@guarded
def analyse(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="A directory that fit or demo wrote.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Directory to write; default: DIR with -analysis.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="TOPIC", help="Only this topic. Repeatable.")
    ] = None,
    window: Annotated[
        list[str] | None, typer.Option(help="Window up to the last bar, such as 4h. Repeatable.")
    ] = None,
    horizon: Annotated[
        list[str] | None, typer.Option(help="Horizon ahead, such as 4h or 7d. Repeatable.")
    ] = None,
    draws: Annotated[int, typer.Option(help="Posterior draws to use.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of what is drawn beyond the posterior.")] = 1,
    insurance_fund: Annotated[
        float | None,
        typer.Option(help="What the venue's fund would pay for a cascade, quote currency."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier analysis.")] = False,
) -> None:
    """Turn a fit into clusters, zones, reach, cascades and costs, each with its interval.

    Exit status: 0 done, 2 no such directory or wrong option.
    """
    from liqbayes.report import read_summary

    summary = read_summary(directory)
    from liqbayes import analysis
    from liqbayes.sampling import load_fit

    target = out or directory.resolve().with_name(f"{directory.resolve().name}-analysis")
    analysis.check_out(target, force=force)
    given: dict[str, Any] = {"draws": draws, "seed": seed, "insurance_fund": insurance_fund}
    if window:
        given["windows"] = tuple(window)
    if horizon:
        given["horizons"] = tuple(horizon)
    options = analysis.Options(**given)
    if not summary["converged"]:
        warn("this fit did not converge: " + "; ".join(summary["reasons"]))
    fit = load_fit(directory / "fit.nc")
    chosen = tuple(only or ())
    with progress(len(chosen or analysis.SECTIONS)) as step:
        sections = analysis.analyse(fit, options=options, only=chosen, step=step)
    about = {key: summary[key] for key in _ABOUT}
    analysis.write_analysis(sections, target, about, force=force)
    for section in sections:
        print_section(section)
    say(f"written: {target}")


def print_section(section: "Section") -> None:
    """The tables of a topic, and what it says."""
    for name, table in section.tables.items():
        shown = table.head(_SHOWN)
        print_table(
            tuple(str(c) for c in shown.columns),
            [tuple(_cell(v) for v in row) for row in shown.itertuples(index=False)],
            title=f"{section.title}: {name}",
        )
        if len(table) > _SHOWN:
            say(f"… {len(table) - _SHOWN} more rows in {section.name}-{name}.csv")
    for sentence in section.findings:
        say(sentence)
    for sentence in section.conventions:
        say(f"Convention, not a result: {sentence}")


def _cell(value: Any) -> str:
    """Four digits of a number, a dash for what is unknown."""
    if isinstance(value, float):
        return f"{value:.4g}" if value == value else "–"
    return str(value)
