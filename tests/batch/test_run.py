"""Batches: errors are rows, finished units are not repeated, budgets and interruptions hold."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from liqbayes.batch import Rows, local_executor, run_batch
from liqbayes.errors import InputError

UNITS = {f"{i}": i for i in range(6)}


def square(x):
    if x == 3:
        raise ValueError("three is not liked")
    return {"square": x * x, "process": os.getpid()}


def run(rows, work=square, units=UNITS, **options):
    with ThreadPoolExecutor(2) as pool:
        return run_batch(units, work, rows, pool, progress=False, **options)


@pytest.fixture
def rows(tmp_path):
    return Rows.open(tmp_path / "run", {"schema": "test-1"}, force=False)


def test_one_failure_is_reported_and_the_rest_goes_on(rows):
    outcome = run(rows)
    assert (outcome.done, outcome.failed, outcome.left) == (6, 1, 0)
    by_key = {row["key"]: row for row in rows.read()}
    assert by_key["3"] == {"key": "3", "error": "ValueError: three is not liked"}
    assert by_key["5"]["square"] == 25


def test_finished_units_are_not_repeated(rows):
    run(rows, units={"0": 0, "3": 3})
    seen = []

    def note(x):
        seen.append(x)
        return {}

    outcome = run(rows, note)
    assert sorted(seen) == [1, 2, 4, 5]
    assert (outcome.done, outcome.failed, outcome.left) == (6, 1, 0)


def test_after_the_budget_nothing_begins(rows):
    def slow(x):
        time.sleep(0.3)
        return {}

    outcome = run(rows, slow, {f"{i}": i for i in range(40)}, budget_minutes=0.4 / 60)
    assert 2 <= outcome.done < 12
    assert outcome.left == 40 - outcome.done
    assert len(rows.read()) == outcome.done


def test_an_interruption_keeps_what_is_finished(rows):
    first = threading.Event()

    def work(x):
        if x == 1:
            first.wait(5)
            raise KeyboardInterrupt
        return {}

    def release():
        while not rows.read():
            time.sleep(0.01)
        first.set()

    threading.Thread(target=release).start()
    with pytest.raises(KeyboardInterrupt):
        run(rows, work)
    assert {"0"} <= {row["key"] for row in rows.read()} <= {"0", "2", "3", "4", "5"}
    assert run(rows, square).done == 6


def test_processes_share_the_work(rows):
    with local_executor(2) as pool:
        outcome = run_batch(UNITS, square, rows, pool, progress=False)
    assert (outcome.done, outcome.failed) == (6, 1)
    assert os.getpid() not in {row.get("process") for row in rows.read()}


def test_processes_do_not_fight_for_the_cores(monkeypatch):
    """Each has its share of them for linear algebra, unless the user has said how many."""
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "5")
    with local_executor(2) as pool:
        told = [
            pool.submit(os.getenv, name).result()
            for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        ]
    assert told == ["3", "5"]
    assert "OMP_NUM_THREADS" not in os.environ and os.environ["OPENBLAS_NUM_THREADS"] == "5"


def test_what_makes_no_sense_is_refused(rows):
    with pytest.raises(InputError, match="budget"):
        run(rows, budget_minutes=0)
    with pytest.raises(InputError, match="workers"), local_executor(0):
        pass
