"""A backtest: blocks of bars over an executor, then tables, per-bar quantiles and a picture."""

from concurrent.futures import Executor
from pathlib import Path

from liqbayes.backtest.picture import PICTURE, draw_backtest
from liqbayes.backtest.plan import BacktestPlan
from liqbayes.backtest.tables import BacktestResult, judge, write_result
from liqbayes.backtest.unit import forecast_unit
from liqbayes.batch import Outcome, Rows, run_batch


def backtest(
    plan: BacktestPlan,
    out: str | Path,
    executor: Executor,
    *,
    budget_minutes: float | None = None,
    force: bool = False,
    progress: bool = True,
) -> tuple[BacktestResult, Outcome]:
    """Forecast liquidations from rolling origins and score them against baselines.

    Parameters
    ----------
    plan : BacktestPlan
    out : str or Path
        Directory: ``run.json`` and ``rows.jsonl`` grow as blocks finish; ``backtest.json``,
        ``backtest.csv``, ``bars.parquet`` and ``backtest.png`` are written at the end of each call.
        The same plan goes on where it was.
    executor : concurrent.futures.Executor
        Any; each worker compiles the model once.
    budget_minutes : float, optional
        No block begins after that.
    force : bool
        Throw away the rows of another plan in the same directory.
    progress : bool

    Returns
    -------
    BacktestResult, Outcome

    Raises
    ------
    InputError
        If the directory does not fit, or no block of the test has been forecast.
    """
    rows = Rows.open(out, plan.identity(), force=force)
    outcome = run_batch(
        plan.units(),
        forecast_unit,
        rows,
        executor,
        budget_minutes=budget_minutes,
        progress=progress,
        title=plan.spec.name,
    )
    finished = sorted(rows.read(), key=lambda row: str(row["key"]))
    # a unit that failed has an error in the place of its blocks
    done = [block for row in finished for block in row.get("blocks", [row])]
    result = judge(done, plan.table, plan.blocks(), plan.seed)
    write_result(result, plan.identity(), rows.directory)
    draw_backtest(result, plan.panel.contract.name, rows.directory / PICTURE)
    return result, outcome
