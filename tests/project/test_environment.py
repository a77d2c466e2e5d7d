"""Choosing an interpreter: one on PATH may point to nothing, be too old, or lack venv."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

DEAD = "echo 'no such version' >&2; exit 127"
OLD = 'case "$2" in *%d*) echo 3.11.9;; *version_info*) exit 1;; esac'
NO_VENV = 'case "$2" in *%d*) echo 3.13.1;; *ensurepip*) exit 1;; esac'
GOOD = (
    """case "$*" in "-V") echo Python 3.12.4;; *"-m venv"*) echo "venv made by $0"; exit 9;; esac"""
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "project" / "tools").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    for name in ("pyproject.toml", "constraints.txt", "tools/environment.sh"):
        shutil.copy(ROOT / name, tmp_path / "project" / name)
    for name in ("sh", "dirname", "cksum", "cat", "tail"):
        found = shutil.which(name)
        assert found
        (tmp_path / "bin" / name).symlink_to(found)
    return tmp_path


def set_up(tree: Path, interpreters: dict[str, str], **variables: str) -> str:
    """Run the set-up with only these interpreters on PATH; it must fail, returns its messages."""
    for name, body in interpreters.items():
        script = tree / "bin" / name
        script.write_text(f"#!/bin/sh\n{body}\n")
        script.chmod(0o755)
    environment = {"PATH": str(tree / "bin"), "HOME": os.environ.get("HOME", "/"), **variables}
    done = subprocess.run(
        [tree / "project" / "tools" / "environment.sh", "run"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr


def test_no_python_at_all_names_every_candidate(tree: Path) -> None:
    said = set_up(tree, {})
    for name in ("python3", "python3.13", "python3.12", "python3.14"):
        assert f"{name} does not run or is not installed" in said
    assert "Install Python 3.12 or newer" in said


def test_each_reason_is_told(tree: Path) -> None:
    said = set_up(tree, {"python3": OLD, "python3.13": NO_VENV, "python3.12": DEAD})
    assert "python3 is 3.11.9, 3.12 is the oldest supported" in said
    assert "python3.13 is 3.13.1 but cannot make virtual environments" in said
    assert "install python3.13-venv" in said
    assert "python3.12 does not run" in said


def test_first_that_works_is_taken(tree: Path) -> None:
    said = set_up(
        tree, {"python3": OLD, "python3.13": DEAD, "python3.12": GOOD, "python3.14": GOOD}
    )
    assert "making .venv with python3.12 (Python 3.12.4)" in said
    assert "could not make .venv" in said
    assert "venv made by" in said


def test_named_interpreter_is_taken_or_refused_but_never_replaced(tree: Path) -> None:
    said = set_up(tree, {"python3": GOOD, "mine": OLD}, PYTHON="mine")
    assert "PYTHON=mine cannot be used: it is 3.11.9" in said
    assert "making" not in said
    said = set_up(tree, {"python3": GOOD, "mine": GOOD}, PYTHON="mine")
    assert "making .venv with mine" in said
