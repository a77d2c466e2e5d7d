"""What a second worker gains: the same batch over one and two processes, local and Dask's."""

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from distributed import Client, LocalCluster

from liqbayes.batch import Rows, local_executor, run_batch

UNITS = {f"{i:02d}": 1.0 for i in range(12)}


def busy(seconds: float) -> dict[str, float]:
    """Compute for so many seconds of processor time."""
    begin = time.process_time()
    while time.process_time() - begin < seconds:
        pass
    return {"seconds": seconds}


@contextmanager
def dask_executor(workers: int) -> Iterator[Executor]:
    """Workers of a local Dask cluster, each a process of its own."""
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client.get_executor()


def batch_table() -> str:
    """Wall seconds by executor and number of workers; start-up apart."""
    lines = ["## Batches\n", f"{len(UNITS)} units of one second of processor time each.\n"]
    lines += ["| executor | one worker, s | two workers, s | ratio |", "| --- | --- | --- | --- |"]
    for name, executor in (("processes", local_executor), ("Dask cluster", dask_executor)):
        taken = []
        for workers in (1, 2):
            with tempfile.TemporaryDirectory() as directory, executor(workers) as pool:
                list(pool.map(busy, [0.01] * 2 * workers))
                rows = Rows.open(f"{directory}/run", {"schema": "benchmark"}, force=False)
                taken.append(run_batch(UNITS, busy, rows, pool, progress=False).seconds)
        one, two = taken
        lines.append(f"| {name} | {one:.1f} | {two:.1f} | {one / two:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(batch_table())
