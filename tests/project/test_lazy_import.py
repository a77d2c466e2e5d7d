"""`import liqbayes` and `liqbayes --help` load nothing heavy: modules are counted, not seconds."""

import subprocess
import sys

import pytest

HEAVY = (
    "arviz",
    "arviz_base",
    "arviz_plots",
    "arviz_stats",
    "h5py",
    "jax",
    "matplotlib",
    "numba",
    "nutpie",
    "pandas",
    "pyarrow",
    "pymc",
    "pytensor",
    "scipy",
    "xarray",
)

PROBE = """
import sys
{statement}
print("LOADED", *(name for name in {heavy!r} if name in sys.modules))
"""


def loaded_after(statement: str) -> list[str]:
    """Heavy packages in sys.modules of a fresh interpreter that ran the statement."""
    code = PROBE.format(statement=statement, heavy=HEAVY)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    last = run.stdout.splitlines()[-1].split()
    assert last[0] == "LOADED"
    return last[1:]


def test_the_probe_sees_a_heavy_import() -> None:
    assert "pandas" in loaded_after("import pandas")


def test_import_liqbayes_is_light() -> None:
    assert loaded_after("import liqbayes; liqbayes.__version__; dir(liqbayes)") == []


def test_help_is_light() -> None:
    statement = """
sys.argv = ["liqbayes", "--help"]
from liqbayes.cli import main
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
"""
    assert loaded_after(statement) == []


@pytest.mark.parametrize("home", ["errors", "resources", "conventions"])
def test_foundations_are_light(home: str) -> None:
    assert loaded_after(f"import liqbayes.{home}") == []


def test_public_name_loads_its_home() -> None:
    code = "import sys, liqbayes; liqbayes.Contract; print('liqbayes.contracts' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "True"
