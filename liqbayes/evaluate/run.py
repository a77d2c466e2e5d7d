"""Run the studies of a plan one after the other; what is finished is not run again."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from liqbayes.backtest import backtest
from liqbayes.backtest.pool import pool, read_backtest, write_pool
from liqbayes.batch import Outcome
from liqbayes.errors import LiqbayesError
from liqbayes.evaluate.plan import EvaluationPlan
from liqbayes.events import study_events
from liqbayes.judge import judge_map, write_judgement
from liqbayes.panel import MarketPanel
from liqbayes.peers import RULES, rule_map
from liqbayes.validate.studies.page import write_results_page

PAGE = "index.md"
#: Published rules whose levels are a map by itself, and not shares of another's.
JUDGED = tuple(rule for rule in RULES if rule != "fixed-mix")


@dataclass(frozen=True)
class Step:
    """One study of an evaluation.

    Attributes
    ----------
    name : str
        Of its folder.
    status : {"done", "unfinished", "failed"}
    words : str
        What is left, or why it failed.
    """

    name: str
    status: str
    words: str = ""


def evaluate(
    plan: EvaluationPlan,
    out: str | Path,
    executor: Executor,
    *,
    budget_minutes: float | None = None,
    force: bool = False,
    progress: bool = True,
    on_step: Callable[[str], None] = lambda name: None,
) -> tuple[Step, ...]:
    """Run every study of every panel, pool the backtests, and write one page of it all.

    A study that fails is reported and the others go on.

    Parameters
    ----------
    plan : EvaluationPlan
    out : str or Path
        Directory: a folder a study, and ``index.md``. The same plan goes on where it was.
    executor : concurrent.futures.Executor
    budget_minutes : float, optional
        Of the whole evaluation; no unit of work begins after that.
    force : bool
        Throw away the rows of other plans in the same folders.
    progress : bool
    on_step : callable
        Told the name of each study as it begins.

    Returns
    -------
    tuple of Step

    Raises
    ------
    InputError
        If a panel cannot be read.
    """
    out = Path(out)
    begin = time.monotonic()
    panels = {market.name: market.panel() for market in plan.markets}
    steps = []
    for name, work in _works(plan, panels, out, executor, force, progress):
        left = None if budget_minutes is None else budget_minutes - (time.monotonic() - begin) / 60
        if left is not None and left <= 0:
            steps.append(Step(name, "unfinished", "the budget ended before it"))
            continue
        on_step(name)
        try:
            outcome = work(left)
        except LiqbayesError as error:
            steps.append(Step(name, "failed", str(error)))
            continue
        except Exception as error:
            # a fault of one study must not cost the hours of the others
            steps.append(Step(name, "failed", f"{type(error).__name__}: {error}"))
            continue
        open_ = outcome.left or outcome.failed
        words = f"{outcome.left} left, {outcome.failed} failed" if open_ else ""
        steps.append(Step(name, "unfinished" if open_ else "done", words))
    if any(step.status != "failed" for step in steps):
        try:
            write_results_page(out / PAGE, results=out)
        except LiqbayesError as error:
            steps.append(Step(PAGE, "failed", str(error)))
    return tuple(steps)


type _Work = Callable[[float | None], Outcome]


def _works(
    plan: EvaluationPlan,
    panels: dict[str, MarketPanel],
    out: Path,
    executor: Executor,
    force: bool,
    progress: bool,
) -> Iterator[tuple[str, _Work]]:
    """Name and work of every study; the work is given the minutes that are left."""
    options = {"force": force, "progress": progress}
    for market in plan.markets:
        panel = panels[market.name]
        if "backtest" in plan.studies:
            name = f"backtest-{market.name}"
            made = partial(plan.backtest, market, panel)
            yield name, _sampled(backtest, made, out / name, executor, options)
        if "events" in plan.studies:
            name = f"events-{market.name}"
            made_events = partial(plan.events, market, panel)
            yield name, _sampled(study_events, made_events, out / name, executor, options)
        if "rules" in plan.studies:
            for rule in JUDGED:
                name = f"judge-{market.name}-{rule}"
                yield name, _judged(panel, rule, out / name, plan.seed)
    if "backtest" in plan.studies and len(plan.markets) > 1:
        folders = [out / f"backtest-{market.name}" for market in plan.markets]
        yield "backtest-pool", _pooled(folders, out / "backtest-pool", plan.seed)


def _sampled(
    study: Callable[..., tuple[Any, Outcome]],
    plan: Callable[[], Any],
    out: Path,
    executor: Executor,
    options: dict[str, bool],
) -> _Work:
    """A study with fits; its plan is made when its turn comes, so that an error is its own."""
    return lambda minutes: study(plan(), out, executor, budget_minutes=minutes, **options)[1]


def _judged(panel: MarketPanel, rule: str, out: Path, seed: int) -> _Work:
    def work(minutes: float | None) -> Outcome:
        begin = time.monotonic()
        found = judge_map(rule_map(panel, rule), panel, name=rule, seed=seed)
        # nothing is sampled, and what it wrote before is its own
        write_judgement(found, out, force=True)
        return Outcome(1, 0, 0, time.monotonic() - begin)

    return work


def _pooled(folders: list[Path], out: Path, seed: int) -> _Work:
    def work(minutes: float | None) -> Outcome:
        begin = time.monotonic()
        found = pool([read_backtest(folder) for folder in folders], seed)
        out.mkdir(parents=True, exist_ok=True)
        write_pool(found, out / "pool.json", force=True)
        return Outcome(1, 0, 0, time.monotonic() - begin)

    return work
