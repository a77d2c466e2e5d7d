"""`liqbayes backtest`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liqbayes.cli.arguments import (
    Budget,
    Chains,
    Columns,
    Contract,
    Draws,
    Model,
    PanelFile,
    RunForce,
    RunOut,
    Seed,
    Since,
    Tune,
    Until,
    Workers,
    at_once,
    finish,
    warn_of_fits,
)
from liqbayes.cli.console import guarded, number, print_table, say, warn
from liqbayes.cli.options import parse_columns
from liqbayes.errors import InputError
from liqbayes.resources import DEFAULT_MODEL

if TYPE_CHECKING:
    from liqbayes.backtest import BacktestResult
    from liqbayes.panel import MarketPanel

COLUMNS = (
    *("forecaster", "side", "CRPS, log", "CRPS x 1e6", "log score", "interval score"),
    *("50 %", "90 %", "width", "bars"),
)


@guarded
def backtest(
    panel: PanelFile,
    contract: Contract,
    out: RunOut,
    model: Model = DEFAULT_MODEL,
    column: Columns = None,
    since: Since = None,
    until: Until = None,
    refit: Annotated[
        str, typer.Option(metavar="DURATION", help="Time between fits, such as 1D.")
    ] = "1D",
    sample_every: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="Time between fits that are sampled, such as 7D; draws are reweighted in between.",
        ),
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(help="conditional, conditional-oi or forecast; default: all. Repeatable."),
    ] = None,
    level_map: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="NAME=FILE",
            help="Score a tool's levels (CSV as for judge) among the baselines. Repeatable.",
        ),
    ] = None,
    amounts: Annotated[
        str, typer.Option(help="Of --map: relative, quantity or quote, as for judge.")
    ] = "relative",
    max_age: Annotated[
        float, typer.Option(metavar="HOURS", help="Of --map: older snapshots are not used.")
    ] = 24.0,
    draws: Draws = 250,
    tune: Tune = 400,
    chains: Chains = 2,
    seed: Seed = 0,
    workers: Workers = None,
    budget: Budget = None,
    force: RunForce = False,
) -> None:
    """Backtest a model on reported liquidations: what its map adds to the strongest baselines.

    Parameters are fitted strictly before the bars that are forecast, over the panel's last 30 %;
    the best baseline is chosen on the 20 % before them. Can be interrupted and goes on where it
    was. Exit status: 0 all blocks finished, 2 wrong usage or input, 3 not all blocks finished, 130
    interrupted.
    """
    columns = parse_columns(column or [])
    processes = at_once(workers, budget)
    from liqbayes.backtest import BacktestPlan
    from liqbayes.backtest import backtest as run
    from liqbayes.backtest.forecaster import TASKS
    from liqbayes.batch import local_executor
    from liqbayes.panel import read_panel

    data = read_panel(panel, contract=contract, columns=columns, since=since, until=until)
    say(f"panel: {data!r}")
    plan = BacktestPlan(
        model=model,
        panel=data,
        refit=refit,
        sample=sample_every,
        tasks=tuple(dict.fromkeys(task)) if task else TASKS,
        draws=draws,
        tune=tune,
        chains=chains,
        seed=seed,
        maps=_maps(level_map or [], data, amounts, max_age),
    )
    first, test, end = plan.splits
    say(
        f"{end - test} bars are forecast in {sum(b[2] for b in plan.blocks())} blocks with a fit "
        f"each, after {test - first} bars that choose the baseline; {processes} at once; rows in "
        f"{out}"
    )
    with local_executor(processes) as executor:
        result, outcome = run(plan, out, executor, budget_minutes=budget, force=force)
    _print(result, plan.tasks)
    finish(outcome, "blocks", result.summary["errors"])


def _maps(
    given: Sequence[str], panel: "MarketPanel", amounts: str, max_age: float
) -> dict[str, Any]:
    """What the panel's bars sweep of each map."""
    from liqbayes.judge import read_map, swept_by_bar

    out = {}
    for text in given:
        name, separator, file = text.partition("=")
        if not (name and separator and file):
            raise InputError(f"--map is {text!r}; give NAME=FILE.")
        if name in out:
            raise InputError(f"--map {name!r} is given twice.")
        out[name] = swept_by_bar(
            read_map(Path(file)), panel, amounts=amounts, max_age_hours=max_age
        )
    return out


def _print(result: "BacktestResult", tasks: Sequence[str]) -> None:
    summary = result.summary
    for task in tasks:
        best = summary["best_baseline"].get(task)
        print_table(
            COLUMNS,
            [
                (name + (" (best baseline)" if name == best else ""), side, *_scores(scores))
                for name, sides in summary["scores"].get(task, {}).items()
                for side, scores in sides.items()
            ],
            title=f"{task}: mean scores on the test block; lower is better",
            right=2,
        )
    print_ratios(summary, tasks)
    for name, why in summary["failed"].items():
        warn(f"{name} could not be fitted: {why}")
    for note in summary["notes"]:
        say(f"not forecast: {note}")
    warn_of_fits(summary["fits"])


def print_ratios(summary: Mapping[str, Any], tasks: Sequence[str]) -> None:
    """Ratios and targets of a backtest, or of several pooled."""
    rows = []
    for task in tasks:
        if summary["ratio"].get(task):
            best = summary.get("best_baseline", {}).get(task, "best baseline of each")
            rows.append((task, f"model / {best}", *_bands(summary["ratio"][task])))
            rows.append(
                (task, f"regression-with-map / {best}", *_bands(summary["ratio_with_map"][task]))
            )
        rows.append((task, "with / without map", *_bands(summary["ablation"][task])))
        rows += [
            (task, f"placebo {name} / without map", *_bands(of[task]))
            for name, of in summary["placebo"].items()
            if task in of
        ]
        rows += [
            (task, f"with map / placebo {name}", *_bands(of[task]))
            for name, of in summary["over_placebo"].items()
            if task in of
        ]
    print_table(
        ("task", "ratio of log-scale CRPS", "long", "short", "pooled"),
        rows,
        title="ratios, 90 % block-bootstrap intervals",
        right=2,
    )
    print_table(
        ("target, fixed beforehand", "limit", "found", "met"),
        [
            (
                str(row["target"]),
                str(row["limit"]),
                number(None) if row["value"] is None else f"{row['value']:.3f}",
                {True: "yes", False: "no", None: "unknown"}[row["met"]],
            )
            for row in summary["targets"]
        ],
        right=2,
    )


def _scores(scores: dict[str, Any]) -> tuple[str, ...]:
    def shown(name: str, form: str, times: float = 1.0) -> str:
        return number(None) if scores[name] is None else format(times * scores[name], form)

    return (
        shown("crps_log", ".3f"),
        shown("crps", ".1f", 1e6),
        shown("log_score", ".3f"),
        shown("interval_score", ".2f"),
        shown("coverage50", ".2f"),
        shown("coverage90", ".2f"),
        shown("width90", ".2f"),
        str(scores["n"]),
    )


def _bands(ratio: dict[str, Any]) -> tuple[str, ...]:
    out = []
    for side in ("long", "short", "pooled"):
        band = ratio[side]
        if band is None:
            out.append(number(None))
        elif band[0] is None or band[0] != band[0]:
            out.append(f"{band[1]:.3f} (too few days)")
        else:
            out.append(f"{band[1]:.3f} ({band[0]:.3f} to {band[2]:.3f})")
    return tuple(out)
