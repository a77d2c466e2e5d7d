"""`liqbayes judge`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liqbayes.cli.arguments import Columns, Since, Until, check_seed
from liqbayes.cli.console import BAD_INPUT, guarded, print_table, range_text, say, warn
from liqbayes.cli.options import parse_columns
from liqbayes.errors import InputError

if TYPE_CHECKING:
    from liqbayes.judge import Judgement
    from liqbayes.panel import MarketPanel
    from liqbayes.peers import LevelMap


@guarded
def judge(
    levels: Annotated[
        Path | None,
        typer.Argument(metavar="[MAP]", help="CSV of a tool's levels: time, side, price, amount."),
    ] = None,
    panel: Annotated[
        Path | None, typer.Option(metavar="PANEL", help="Parquet or CSV file, or archives.")
    ] = None,
    contract: Annotated[
        str | None,
        typer.Option(metavar="VENUE:SYMBOL|FILE", help="Such as binance:BTCUSDT, or a TOML file."),
    ] = None,
    fit: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Judge a directory that `fit` wrote instead of a file."),
    ] = None,
    rule: Annotated[
        str | None, typer.Option(help="Judge a published rule instead; a wrong name lists them.")
    ] = None,
    amounts: Annotated[
        str,
        typer.Option(
            help="relative (only ratios mean anything), quantity (the panel's unit) or quote."
        ),
    ] = "relative",
    max_age: Annotated[
        float, typer.Option(metavar="HOURS", help="Snapshots older than that are not used.")
    ] = 24.0,
    column: Columns = None,
    since: Since = None,
    until: Until = None,
    draws: Annotated[int, typer.Option(help="With --fit: about how many posterior draws.")] = 50,
    seed: Annotated[int, typer.Option(callback=check_seed, help="Of the bootstrap.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Directory to write; must not exist without --force.")
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="With --fit or --rule: write the map as such a CSV."),
    ] = None,
    every: Annotated[int, typer.Option(help="With --export: every so manieth bar.")] = 1,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what judge wrote before.")
    ] = False,
) -> None:
    """Judge a map of liquidation levels: can it be, and does it say where liquidations happen.

    Checks sides, amounts against open interest, ages and repetitions; then scores the map at the
    levels that each bar sweeps, beside distance alone, with 90 % intervals, and says in words what
    that means. Any tool's map, a fit of ours (draw by draw), or a published rule.

    Exit status: 0 scored, whatever the verdicts; 2 wrong usage or input, or a map that cannot be
    (refused, with the reason written).
    """
    if sum(source is not None for source in (levels, fit, rule)) != 1:
        raise InputError("give one of a map file, --fit DIR or --rule NAME.")
    if export is not None and levels is not None:
        raise InputError("--export writes the map of --fit or --rule; the file is there already.")
    if panel is None and fit is None:
        raise InputError("--panel is missing: the market against which the map is judged.")
    if every < 1 or draws < 1:
        raise InputError("--every and --draws must be 1 or more.")
    mapping = parse_columns(column or [])
    from liqbayes.judge import write_judgement, write_map
    from liqbayes.judge.files import check_file, check_out

    if out is not None:
        check_out(out, force=force)
    if export is not None:
        check_file(export, force=force)
    data = None
    if panel is not None:
        from liqbayes.panel import read_panel

        data = read_panel(panel, contract=contract, columns=mapping, since=since, until=until)
        say(f"panel: {data!r}")
    drawn: LevelMap | None
    if fit is not None:
        found, drawn = _of_fit(fit, data, draws, seed, every if export is not None else 0)
    else:
        assert data is not None
        found, drawn = _of_levels(levels, rule, data, amounts, max_age, seed)
        if export is not None and every > 1:
            drawn = _rule_map(rule or "", data, every)
    if export is not None and drawn is not None:
        write_map(drawn, export, force=force)
        say(f"written: {export}")
    _print(found)
    if out is not None:
        write_judgement(found, out, force=force)
        say(f"written: {out}")
    if found.refused:
        warn("refused: " + "; ".join(r.text for r in found.rulings if r.status == "fail"))
        raise typer.Exit(BAD_INPUT)


def _of_fit(
    directory: Path, data: "MarketPanel | None", draws: int, seed: int, exported: int
) -> "tuple[Judgement, LevelMap | None]":
    """The judgement of a fit, and its map at every so manieth bar if that is not 0."""
    from liqbayes.judge import fit_level_map, judge_fit
    from liqbayes.sampling import load_fit

    tree = load_fit(directory / "fit.nc" if directory.is_dir() else directory)
    found = judge_fit(tree, panel=data, draws=draws, seed=seed)
    if not exported:
        return found, None
    return found, fit_level_map(tree, panel=data, every=exported, draws=draws)


def _of_levels(
    path: Path | None,
    rule: str | None,
    data: "MarketPanel",
    amounts: str,
    max_age: float,
    seed: int,
) -> "tuple[Judgement, LevelMap]":
    from liqbayes.judge import judge_map, read_map

    drawn = read_map(path) if path is not None else _rule_map(rule or "", data, 1)
    for note in drawn.notes:
        say(note)
    name = rule if path is None else path.name
    found = judge_map(
        drawn, data, name=name or "map", amounts=amounts, max_age_hours=max_age, seed=seed
    )
    return found, drawn


def _rule_map(rule: str, data: "MarketPanel | None", every: int) -> "LevelMap":
    from liqbayes.peers import rule_map

    assert data is not None
    return rule_map(data, rule, every=every)


def _print(found: "Judgement") -> None:
    rows = [r for r in found.scores.to_dict("records") if r["side"] == "both"]
    if rows:
        print_table(
            ("score", "of", "value", "90 % interval", "chance", "over draws"),
            [
                (
                    str(row["score"]),
                    str(row["source"]),
                    f"{row['value']:.3f}",
                    range_text(row["low"], row["high"], ".3f"),
                    f"{row['chance']:.2f}",
                    range_text(row["draw_low"], row["draw_high"], ".3f"),
                )
                for row in rows
            ],
            title=f"{found.name}: both sides, {found.about['bars']} bars; gain in nats a unit of "
            "liquidated notional",
            right=2,
        )
    print_table(
        ("status", "check", "what it says"),
        [(ruling.status, ruling.check, ruling.text) for ruling in found.rulings],
        title=f"{found.name}: verdicts",
        right=9,
    )
