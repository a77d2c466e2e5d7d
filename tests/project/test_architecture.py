"""ARCHITECTURE.md says which part imports which; this holds it against the code."""

from pathlib import Path

import liqbayes
from tests.project.architecture import (
    Import,
    Rule,
    imports_of,
    parts_of,
    read_rules,
    unused,
    violations,
)

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "liqbayes"
RULES = read_rules((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))


def test_every_part_has_a_row_and_every_row_a_part() -> None:
    declared = [rule.part for rule in RULES]
    assert len(declared) == len(set(declared))
    assert set(declared) == parts_of(PACKAGE)


def test_rows_import_only_from_rows_above() -> None:
    above: set[str] = set()
    for rule in RULES:
        assert rule.own <= above, f"{rule.part} imports {sorted(rule.own - above)} from below"
        above.add(rule.part)


def test_simulator_shares_nothing_with_the_likelihood() -> None:
    rule = next(rule for rule in RULES if rule.part == "simulate")
    assert not rule.own & {"engine", "model", "sampling"}


def test_no_import_outside_the_table() -> None:
    found = list(imports_of(PACKAGE, liqbayes._HOMES))
    assert found
    assert violations(found, RULES) == []


def test_every_allowed_import_is_made() -> None:
    assert unused(list(imports_of(PACKAGE, liqbayes._HOMES)), RULES) == []


def test_public_names_live_in_declared_parts() -> None:
    assert set(liqbayes._HOMES.values()) <= {rule.part for rule in RULES}


def test_the_check_finds_what_it_should(tmp_path: Path) -> None:
    package = tmp_path / "liqbayes"
    (package / "panel").mkdir(parents=True)
    (package / "panel" / "__init__.py").write_text(
        "import os\n"
        "import numpy as np\n"
        "import matplotlib.pyplot as plt\n"
        "from liqbayes.errors import InputError\n"
        "from liqbayes import fit\n"
        "def late():\n"
        "    from liqbayes.model import build_model\n"
        "from . import readers\n"
    )
    rules = [Rule("panel", frozenset({"errors"}), frozenset({"numpy"}))]
    found = list(imports_of(package, {"fit": "sampling"}))
    complaints = violations(found, rules)
    assert complaints == [
        "liqbayes/panel/__init__.py:3: panel may not import matplotlib",
        "liqbayes/panel/__init__.py:5: panel may not import liqbayes.sampling",
        "liqbayes/panel/__init__.py:8: panel may not import liqbayes.<relative import>",
        "liqbayes/panel/__init__.py:7: panel may not import liqbayes.model",
    ]
    wide = Rule("panel", frozenset({"errors", "contracts"}), frozenset({"numpy", "scipy"}))
    assert unused(found, rules) == []
    assert unused(found, [wide]) == [
        "panel does not import liqbayes.contracts",
        "panel does not import scipy",
    ]
    assert violations([Import("cli", "typer", "cli.py:1")], rules) == [
        "cli.py:1: cli has no row in the table"
    ]
