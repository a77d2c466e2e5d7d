"""Run units of work over an executor and keep a row of each."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from liqbayes.batch.rows import Rows
from liqbayes.errors import InputError

# seconds between looks at the clock while units run
_PATIENCE = 0.5
# where libraries of linear algebra look for their number of threads
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Outcome:
    """How far a batch came.

    Attributes
    ----------
    done, failed, left : int
        Units with a row, those among them whose row is an error, and units not yet begun.
    seconds : float
        Wall time of this call.
    """

    done: int
    failed: int
    left: int
    seconds: float


def run_batch[T](
    units: Mapping[str, T],
    work: Callable[[T], Mapping[str, Any]],
    rows: Rows,
    executor: Executor,
    *,
    budget_minutes: float | None = None,
    progress: bool = True,
    title: str = "",
) -> Outcome:
    """Work off what has no row yet.

    Parameters
    ----------
    units : mapping of str to T
        Units of work by key; keys that already have a row are left out.
    work : callable
        Turns a unit into a row of plain JSON values. It and the units must be picklable where the
        executor runs in other processes.
    rows : Rows
        Written to as units finish, by this process alone.
    executor : concurrent.futures.Executor
        Any, such as `local_executor`, or that of a Dask cluster,
        ``client.get_executor(pure=False)``.
    budget_minutes : float, optional
        No unit begins after that; those that run are waited for.
    progress : bool
        Show a progress bar on standard error.
    title : str

    Returns
    -------
    Outcome

    Notes
    -----
    A unit that raises leaves a row with ``error``, and the batch goes on. An interruption leaves
    the rows of what was finished; the same call goes on from there.
    """
    if budget_minutes is not None and not budget_minutes > 0:
        raise InputError(f"--budget is {budget_minutes}; give a positive number of minutes.")
    begin = time.monotonic()
    finished = {row["key"]: row for row in rows.read() if row["key"] in units}
    futures: dict[Future[Mapping[str, Any]], str] = {}
    with _bar(progress, title, len(units), len(finished)) as advance:
        try:
            for key, unit in units.items():
                if key not in finished:
                    futures[executor.submit(work, unit)] = key
            waiting = set(futures)
            while waiting:
                ready, waiting = wait(waiting, _PATIENCE, FIRST_COMPLETED)
                for future in ready:
                    key = futures[future]
                    row = _row(key, future)
                    rows.append(row)
                    finished[key] = row
                    advance()
                if budget_minutes is not None and time.monotonic() - begin > 60 * budget_minutes:
                    waiting = {future for future in waiting if not future.cancel()}
        except BaseException:
            for future in futures:
                future.cancel()
            raise
    return Outcome(
        done=len(finished),
        failed=sum("error" in row for row in finished.values()),
        left=len(units) - len(finished),
        seconds=time.monotonic() - begin,
    )


def _row(key: str, future: Future[Mapping[str, Any]]) -> dict[str, Any]:
    try:
        return {"key": key, **future.result()}
    except Exception as error:
        return {"key": key, "error": f"{type(error).__name__}: {error}"}


@contextmanager
def local_executor(workers: int) -> Iterator[Executor]:
    """Processes on this machine; an interruption stops them at once.

    Each has its share of the cores for the threads of its linear algebra: two processes of as many
    threads as there are cores spend most of their time waiting for each other. Where the user has
    set a number of threads (``OMP_NUM_THREADS`` and the like), it is left as it is.

    Parameters
    ----------
    workers : int

    Raises
    ------
    InputError
        If it is less than one.
    """
    if workers < 1:
        raise InputError(f"--workers is {workers}; use at least 1.")
    # a forked process inherits locks of the compiler's threads
    context = multiprocessing.get_context("spawn")
    with _threads(max(1, (os.cpu_count() or 1) // workers)):
        pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_quiet_worker)
        try:
            yield pool
        except BaseException:
            processes = list((pool._processes or {}).values())
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.terminate()
            raise
        pool.shutdown()


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """Environment of processes that begin meanwhile; their libraries read it when they load."""
    unset = [name for name in _THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(unset, str(number)))
    try:
        yield
    finally:
        for name in unset:
            os.environ.pop(name, None)


def _quiet_worker() -> None:
    """Leave Ctrl-C to the parent, which decides what to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _bar(show: bool, title: str, total: int, done: int) -> Iterator[Callable[[], None]]:
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=Console(stderr=True),
        transient=True,
        disable=not show,
    ) as bar:
        task = bar.add_task(title, total=total, completed=done)
        yield lambda: bar.advance(task)
