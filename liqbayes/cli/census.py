"""`liqbayes census`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liqbayes.cli.arguments import check_seed
from liqbayes.cli.console import guarded, print_table, say
from liqbayes.cli.options import parse_columns
from liqbayes.errors import InputError
from liqbayes.resources import DEFAULT_MODEL

if TYPE_CHECKING:
    from liqbayes.census import FateResult
    from liqbayes.panel import MarketPanel

census = typer.Typer(
    help="Positions that are public: what becomes of them, and how maps compare with them.",
    no_args_is_help=True,
)

Positions = Annotated[
    Path,
    typer.Argument(
        metavar="POSITIONS", help="Snapshots of positions, Parquet or CSV; see the docs."
    ),
]
Panel = Annotated[
    list[str],
    typer.Option(
        metavar="MARKET=FILE",
        help="Panel of a market of the positions, BTC=btc.parquet. Repeatable.",
    ),
]
Contract = Annotated[
    list[str],
    typer.Option(
        metavar="MARKET=VENUE:SYMBOL",
        help="Contract of each market, BTC=hyperliquid:BTC. Repeatable.",
    ),
]
Column = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=SOURCE[:UNIT]",
        help="Read a panel's column from another; unit base, quote or contracts. Repeatable.",
    ),
]
Rename = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=SOURCE", help="Read a column of the positions from another."),
]
Out = Annotated[Path, typer.Option(help="Directory to write; must not exist without --force.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a directory that liqbayes wrote.")]


@census.command()
@guarded
def fate(
    positions: Positions,
    panel: Panel,
    contract: Contract,
    out: Out,
    column: Column = None,
    position_column: Rename = None,
    model: Annotated[
        str, typer.Option(help="Model whose priors are compared with the estimates.")
    ] = DEFAULT_MODEL,
    seed: Annotated[
        int, typer.Option(callback=check_seed, help="The same seed gives the same intervals.")
    ] = 0,
    force: Force = False,
) -> None:
    """Level fate: what happens to positions when price reaches their level, and how levels move.

    Share removed after 24, 48 and 72 hours of touched and untouched positions, what that says of
    closing at a touch, how far levels drift, and the half-life of a map; with 90 % intervals over
    accounts, and bounds for accounts that leave the sample. Needs no fit. Exit status: 0 done, 2
    wrong usage or input, 130 interrupted.
    """
    from liqbayes.census import FATE_FILES, level_fate, read_census, write_fate
    from liqbayes.model import load_spec
    from liqbayes.report.directory import check_target

    check_target(out, force=force, known=FATE_FILES)
    table = read_census(positions, parse_columns(position_column or []))
    spec = load_spec(model)
    say(f"{len(table.times)} snapshots of {len(table.accounts)} accounts, rows {len(table.table)}")
    result = level_fate(table, read_panels(panel, contract, column), spec, seed=seed)
    write_fate(result, out, force=force)
    _print_fate(result)


def read_panels(
    panel: Sequence[str], contract: Sequence[str], column: Sequence[str] | None
) -> dict[str, "MarketPanel"]:
    """Panels by market from MARKET=FILE and MARKET=CONTRACT items."""
    from liqbayes.panel import read_panel

    files, contracts = parse_markets(panel, "--panel"), parse_markets(contract, "--contract")
    if set(files) != set(contracts):
        raise InputError(
            f"--panel names {', '.join(sorted(files))}, --contract {', '.join(sorted(contracts))}; "
            "give both for the same markets."
        )
    columns = parse_columns(column or [])
    return {
        market: read_panel(path, contract=contracts[market], columns=columns)
        for market, path in files.items()
    }


def parse_markets(items: Sequence[str], option: str) -> dict[str, str]:
    """Turn MARKET=VALUE items into a mapping."""
    out: dict[str, str] = {}
    for item in items:
        market, equals, value = item.partition("=")
        if not equals or not market.strip() or not value.strip():
            raise InputError(f"{option} {item!r} is not MARKET=VALUE, such as BTC=btc.parquet.")
        if market.strip() in out:
            raise InputError(f"{option} names {market.strip()} twice; give each market once.")
        out[market.strip()] = value.strip()
    return out


def _print_fate(result: "FateResult") -> None:
    removed = result.removal
    shown = removed[(removed["beyond"] == 0) & (removed["weighting"] == "notional")]
    print_table(
        ("level seen", "group", "unseen", "h", "removed", "90 % interval", "accounts", "effective"),
        [
            (
                str(row["level"]),
                str(row["group"]),
                str(row["unseen"]),
                f"{row['hours']:g}",
                *_share(row, ""),
                str(row["accounts"]),
                f"{row['effective_accounts']:.1f}",
            )
            for row in shown.to_dict("records")
        ],
        title="share of notional removed; closed at a touch is net of the untouched",
        right=3,
    )
    print_table(
        ("levels moved by", "of", "h", "share", "90 % interval", "a day", "90 % interval"),
        [
            (
                f"{100 * row['moved_by']:g} %",
                str(row["group"]),
                f"{row['hours']:g}",
                *_share(row, "share_"),
                f"{row['per_day_median']:.2f}",
                f"{row['per_day_low']:.2f} to {row['per_day_high']:.2f}",
            )
            for row in result.drift.to_dict("records")
            if row["weighting"] == "notional"
        ],
        title="levels of surviving, untouched notional",
        right=2,
    )
    print_table(
        ("bin", "unseen", "half-life, h", "90 % interval"),
        [
            (
                f"{100 * row['width']:.2f} %",
                str(row["unseen"]),
                f"{row['hours_median']:.1f}",
                f"{row['hours_low']:.1f} to {row['hours_high']:.1f}",
            )
            for row in result.half_life.to_dict("records")
        ],
        title="half-life of a map",
        right=2,
    )
    print_table(
        ("parameter", "estimate", "median", "90 %", "prior", "prior 90 %", "sd apart", "agrees"),
        [
            (
                str(row["parameter"]),
                str(row["estimate"]) + (" *" if row["headline"] else ""),
                *_plain(row),
                f"{row['prior_median']:.2f}",
                f"{row['prior_low']:.2f} to {row['prior_high']:.2f}",
                "–" if row["median"] != row["median"] else f"{row['prior_sd_apart']:+.2f}",
                {True: "yes", False: "no"}.get(row["agrees"], "unknown"),
            )
            for row in result.priors.to_dict("records")
        ],
        title="beside the model's priors; * the estimate chosen beforehand",
        right=2,
    )


def _share(row: Mapping[Any, Any], prefix: str) -> tuple[str, str]:
    low, middle, high = (row[prefix + name] for name in ("low", "median", "high"))
    if middle != middle:
        return "–", "too few"
    return f"{100 * middle:.0f} %", f"{100 * low:.0f} to {100 * high:.0f} %"


def _plain(row: Mapping[Any, Any]) -> tuple[str, str]:
    if row["median"] != row["median"]:
        return "–", "too few"
    return f"{row['median']:.2f}", f"{row['low']:.2f} to {row['high']:.2f}"
