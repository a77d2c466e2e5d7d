"""Daily refits of a backtest: sixty days of hours, draws sampled once a week and reweighted."""

import tempfile
import time

from liqbayes.backtest import BacktestPlan, backtest
from liqbayes.batch import local_executor
from liqbayes.resources import DEFAULT_MODEL
from liqbayes.simulate import market_preset, simulate_market

DAYS, WORKERS = 60, 2


def backtest_table() -> str:
    """Wall time of the last eighteen days of sixty, compilation in each worker included."""
    panel = simulate_market(market_preset("default", bars=24 * DAYS), 5).panel
    plan = BacktestPlan(DEFAULT_MODEL, panel, sample="7D", tasks=("conditional",))
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as directory, local_executor(WORKERS) as pool:
        result, _ = backtest(plan, f"{directory}/run", pool, progress=False)
    minutes = (time.perf_counter() - begin) / 60
    fits = result.summary["fits"]
    reweighted = [fit["k"] for fit in fits if fit.get("k") is not None]
    sampled = sum("k" not in fit for fit in fits)
    return (
        f"## Backtest: {len(fits)} daily refits of {DAYS} days of hours, {DEFAULT_MODEL}\n\n"
        f"Sampled weekly, reweighted in between, {WORKERS} workers, baselines and placebos "
        f"included.\n\n| minutes | sampled fits | reweighted | largest Pareto k |\n"
        f"| --- | --- | --- | --- |\n"
        f"| {minutes:.1f} | {sampled} | {len(fits) - sampled} | {max(reweighted, default=0):.2f} |"
    )


if __name__ == "__main__":
    print(backtest_table())
