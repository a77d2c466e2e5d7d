"""`liqbayes analyse`."""

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liqbayes.cli.arguments import check_seed
from liqbayes.cli.console import guarded, print_table, progress, say, warn

if TYPE_CHECKING:
    from liqbayes.analysis import Section

# Rows and columns of a table that are printed; its file has all.
_SHOWN, _WIDE = 12, 9
_INTERVAL = ("low", "median", "high")
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
    seed: Annotated[
        int, typer.Option(callback=check_seed, help="Of what is drawn beyond the posterior.")
    ] = 1,
    insurance_fund: Annotated[
        float | None,
        typer.Option(help="What the venue's fund would pay for a cascade, quote currency."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier analysis.")] = False,
) -> None:
    """Turn a fit into clusters, zones, reach, cascades and costs, each with its interval.

    Exit status: 0 done, 2 no such directory or wrong option.
    """
    from liqbayes.report import grid_of, read_summary

    summary = read_summary(directory)
    from liqbayes import analysis
    from liqbayes.sampling import load_fit

    target = out or directory.resolve().with_name(f"{directory.resolve().name}-analysis")
    analysis.check_out(target, force=force)
    given: dict[str, Any] = {"draws": draws, "seed": seed, "insurance_fund": insurance_fund}
    given |= grid_of(summary)
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
    analysis.write_analysis(sections, target, about, options=options, force=force)
    for section in sections:
        print_section(section)
    say(f"written: {target}")


def print_section(section: "Section") -> None:
    """The tables of a topic, and what it says."""
    for sentence in section.cautions:
        warn(f"{section.title}: {sentence}")
    for name, table in section.tables.items():
        title = f"{section.title}: {name}"
        if table.empty:
            say(f"{title}: none")
            continue
        columns = _columns([str(c) for c in table.columns])
        shown = dict(list(columns.items())[:_WIDE])
        print_table(
            tuple(shown),
            [
                tuple(_cell(row, names) for names in shown.values())
                for row in table.head(_SHOWN).to_dict("records")
            ],
            title=title,
        )
        more = [f"{len(table) - _SHOWN} rows"] if len(table) > _SHOWN else []
        more += [f"the columns {', '.join(list(columns)[_WIDE:])}"] if len(columns) > _WIDE else []
        if more:
            say(f"{section.name}-{name}.csv also has {' and '.join(more)}.")
    for sentence in section.findings:
        say(sentence)
    for sentence in section.conventions:
        say(f"Convention, not a result: {sentence}")


def _columns(names: list[str]) -> dict[str, tuple[str, ...]]:
    """Columns to print, by heading: an interval's three are one."""
    out: dict[str, tuple[str, ...]] = {}
    for name in names:
        stem, _, end = name.rpartition("_")
        interval = tuple(f"{stem}_{e}" if stem else e for e in _INTERVAL)
        if end in _INTERVAL and set(interval) <= set(names):
            out.setdefault((stem or "median").replace("_", " ") + " (90 %)", interval)
        else:
            out[name.replace("_", " ")] = (name,)
    return out


def _cell(row: Mapping[Hashable, Any], names: tuple[str, ...]) -> str:
    """A value, or a median with its interval."""
    if len(names) == 1:
        return _text(row[names[0]])
    low, median, high = (row[name] for name in names)
    if low != low and high != high:
        return _text(median)
    return f"{_text(median)} ({_text(low)} to {_text(high)})"


def _text(value: Any) -> str:
    """A number as short as it can be read, a dash for what is unknown."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _number(value)
    if hasattr(value, "strftime"):
        return str(value.strftime("%Y-%m-%d %H:%M")) if value == value else "–"
    return str(value)


def _number(value: float) -> str:
    size = abs(value)
    if value != value:
        return "–"
    for limit, suffix in ((1e9, "B"), (1e6, "M")):
        if size >= limit:
            return f"{value / limit:.3g}{suffix}"
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if size == 0 or size >= 1e-6 else "≈0"
