"""A batch over a Dask cluster of two real worker processes."""

import os
import time

import pytest

from liqbayes.batch import Rows, run_batch


def work(x):
    begin = time.process_time()
    while time.process_time() - begin < 0.3:
        pass
    if x == 2:
        raise ValueError("two is not liked")
    return {"worker": os.getpid(), "double": 2 * x}


@pytest.mark.filterwarnings("ignore")
def test_both_workers_take_part(tmp_path):
    distributed = pytest.importorskip("distributed")
    rows = Rows.open(tmp_path / "run", {"schema": "test-1"}, force=False)
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        units = {f"{i}": i for i in range(8)}
        outcome = run_batch(units, work, rows, client.get_executor(pure=False), progress=False)
    assert (outcome.done, outcome.failed, outcome.left) == (8, 1, 0)
    by_key = {row["key"]: row for row in rows.read()}
    assert by_key["2"]["error"] == "ValueError: two is not liked"
    assert by_key["7"]["double"] == 14
    assert len({row["worker"] for row in by_key.values() if "worker" in row}) == 2
