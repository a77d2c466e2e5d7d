"""What `fit` and `demo` share: writing the directory, telling what is in it, exit status."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liqbayes.cli.console import (
    DONE,
    INTERRUPTED,
    NOT_CONVERGED,
    interval,
    number,
    print_table,
    progress,
    say,
    warn,
)
from liqbayes.conventions import BINS, PRICE_RANGE

# Steps that `write_report` announces.
STEPS = 7


@dataclass(frozen=True)
class Grid:
    """Price grid of the outputs: number of bins and their range in multiples of the close."""

    bins: int = BINS
    price_range: tuple[float, float] = PRICE_RANGE


def check_out(out: Path, *, force: bool) -> None:
    """Refuse a directory that may not be written, before anything is computed."""
    from liqbayes.report import FILES, check_target

    check_target(out, force=force, known=FILES)


def targets(out: Path, contracts: Sequence[str], *, n_panels: int, force: bool) -> tuple[Path, ...]:
    """Directory of each market's report: ``out`` of one, a folder in it of several.

    Raises
    ------
    InputError
        If contracts and panels do not match, a market comes twice, or a directory may not be
        written.
    """
    from liqbayes.errors import InputError

    if len(contracts) != n_panels:
        raise InputError(
            f"{n_panels} panel(s) and {len(contracts)} contract(s); give --contract once a panel, "
            "in the same order."
        )
    if n_panels == 1:
        check_out(out, force=force)
        return (out,)
    names = [_market_name(contract) for contract in contracts]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{', '.join(twice)} is given twice; several panels are several markets.")
    if out.exists() and (not force or not out.is_dir() or (out / "summary.json").exists()):
        raise InputError(
            f"{out} exists; choose another --out. Folders of markets in a directory of several "
            "are replaced with --force."
        )
    for name in names:
        check_out(out / name, force=force)
    return tuple(out / name for name in names)


def _market_name(contract: str) -> str:
    """Name of a market's folder: venue and symbol, or the stem of a contract file."""
    name = Path(contract).stem if contract.endswith(".toml") else contract
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.") or "market"


def finish(
    tree: Any,
    out: Path,
    grid: Grid,
    *,
    force: bool,
    marks: dict[str, Any] | None = None,
) -> int:
    """Write the directory of a fit, print its summary and return the exit status."""
    from liqbayes.report import write_report

    with progress(STEPS) as step:
        summary = write_report(
            tree,
            out,
            bins=grid.bins,
            price_range=grid.price_range,
            force=force,
            marks=marks,
            step=step,
        )
    print_summary(summary)
    say(f"written: {out}")
    if summary["sampler"]["name"] == "rule":
        say(f"{summary['model']['name']} is a rule: its numbers have no interval.")
    if summary["interrupted"]:
        warn("interrupted: only the draws completed until then were used.")
        return INTERRUPTED
    if not summary["converged"]:
        warn("not converged: " + "; ".join(summary["reasons"]) + ". More --draws and --tune help.")
        return NOT_CONVERGED
    return DONE


def print_pooling(tree: Any) -> None:
    """How much several markets have in common, by pool, beside the prior."""
    after, before = (tree[group]["pooled_share"] for group in ("posterior", "prior"))
    rows = []
    for pool in after["pool"].to_numpy():
        cells = [
            interval([float(q) for q in values.sel(pool=pool).quantile((0.05, 0.5, 0.95))], "share")
            for values in (after, before)
        ]
        rows.append((str(pool), *cells[0], *cells[1]))
    print_table(
        ("pool", "common share", "90 % interval", "prior", "90 % interval"),
        rows,
        title="What the markets have in common, of each parameter's prior variance",
    )


def print_summary(summary: dict[str, Any]) -> None:
    """The main numbers of a summary on standard output."""
    quote = summary["quote_unit"]
    rows: list[tuple[str, ...]] = []
    for side in ("long", "short"):
        for move, share in summary["at_risk"][side].items():
            money = summary["at_risk_quote"][side][move]
            sign = "-" if side == "long" else "+"
            price = f"price {sign}{100 * float(move):g} %"
            rows.append((side, price, *interval(share, "share"), *interval(money)))
    print_table(
        ("side", "move", "at risk", "90 % interval", quote, "90 % interval"),
        rows,
        title=f"{summary['contract']} at {number(summary['mark_price'], 'price')}, "
        f"{summary['as_of']} UTC",
        right=2,
    )
    rows = []
    for window, values in summary["delta_quote"].items():
        positive = summary["p_delta_positive"][window]
        text = "–" if positive is None else f"{positive:.2f}"
        rows.append((f"last {window}", *interval(values), text))
    print_table(
        ("window", f"ΔL, {quote}", "90 % interval", "P(ΔL > 0)"),
        rows,
        title=f"ΔL: {summary['delta_convention']}",
    )
