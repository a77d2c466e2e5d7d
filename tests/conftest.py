"""Settings that hold for every test."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Fixed examples, so that a failure means a change of the code; no deadline, because compiled
# functions are slow once.
settings.register_profile("liqbayes", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("liqbayes")

DEV_DATA = "LIQBAYES_DEV_DATA"


def _drop_stale_kernels() -> None:
    """Remove compiled kernels older than any engine source.

    numba looks only at the file of the function itself, not at what it inlines from others.
    """
    engine = Path(__file__).parents[1] / "liqbayes" / "engine"
    newest = max(source.stat().st_mtime for source in engine.glob("*.py"))
    for kernel in engine.glob("__pycache__/*.nb[ic]"):
        if kernel.stat().st_mtime < newest:
            kernel.unlink(missing_ok=True)


if "PYTEST_XDIST_WORKER" not in os.environ:
    _drop_stale_kernels()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests that need real market data where there is none, saying so."""
    directory = os.environ.get(DEV_DATA)
    if directory and Path(directory).is_dir():
        return
    why = f"{DEV_DATA} names no directory of real market data (it is {directory!r})"
    for item in items:
        if item.get_closest_marker("devdata"):
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def dev_data() -> Path:
    """Directory of the real market data; only for tests marked devdata."""
    return Path(os.environ[DEV_DATA])
