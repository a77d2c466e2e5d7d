"""What a second worker gains: the same batch over one and two processes, local and Dask's."""

import tempfile
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from distributed import Client, LocalCluster

from liqbayes.batch import Rows, local_executor, run_batch
from liqbayes.events.planted import Planted
from liqbayes.events.planted_run import Unit, examine

# Markets of `liqbayes validate planted`, every one another argument.
UNITS = {f"{seed:02d}": Unit(Planted(), seed) for seed in range(96)}


@contextmanager
def dask_executor(workers: int) -> Iterator[Executor]:
    """Workers of a local Dask cluster, each a process of its own."""
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        # a batch counts on each call being made: Dask would answer equal ones from memory
        yield client.get_executor(pure=False)


def batch_table() -> str:
    """Wall seconds by executor and number of workers; start-up apart."""
    lines = ["## Batches\n", f"{len(UNITS)} markets of `liqbayes validate planted`.\n"]
    lines += ["| executor | one worker, s | two workers, s | ratio |", "| --- | --- | --- | --- |"]
    for name, executor in (("processes", local_executor), ("Dask cluster", dask_executor)):
        taken = []
        for workers in (1, 2):
            with tempfile.TemporaryDirectory() as directory, executor(workers) as pool:
                # every worker has imported and compiled before the clock starts
                list(pool.map(examine, [Unit(Planted(), 900 + i) for i in range(2 * workers)]))
                rows = Rows.open(f"{directory}/run", {"schema": "benchmark"}, force=False)
                taken.append(run_batch(UNITS, examine, rows, pool, progress=False).seconds)
        one, two = taken
        lines.append(f"| {name} | {one:.1f} | {two:.1f} | {one / two:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(batch_table())
