"""Timing helpers."""

import os
import time
from collections.abc import Callable
from importlib.metadata import version
from statistics import median
from typing import Any

import numpy as np


def seconds(
    function: Callable[..., Any], *args: Any, repeats: int = 7, budget: float = 2.0
) -> float:
    """Median seconds of one call, after a warm-up."""
    function(*args)
    begin = time.perf_counter()
    function(*args)
    once = time.perf_counter() - begin
    inner = max(1, int(budget / repeats / max(once, 1e-7)))
    taken = []
    for _ in range(repeats):
        begin = time.perf_counter()
        for _ in range(inner):
            function(*args)
        taken.append((time.perf_counter() - begin) / inner)
    return median(taken)


def memory_bandwidth() -> float:
    """Bytes a second of reading one large array: the floor of any kernel that streams touches."""
    array = np.ones(16_000_000)
    return array.nbytes / seconds(array.sum, repeats=5, budget=1.0)


def environment(processor: str) -> str:
    """Versions and machine in one line."""
    names = ("numpy", "numba", "pymc", "nutpie", "pytensor")
    versions = ", ".join(f"{n} {version(n)}" for n in names)
    return (
        f"{os.cpu_count()} cores ({processor or 'unknown'}), {versions}; reads "
        f"{memory_bandwidth() / 1e9:.1f} GB/s on one core."
    )
