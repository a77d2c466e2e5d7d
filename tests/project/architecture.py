"""Reading the table of ARCHITECTURE.md and the imports of the source code."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "liqbayes"
HEADER = ("part", "imports from liqbayes", "other packages")


@dataclass(frozen=True)
class Rule:
    """What one part may import."""

    part: str
    own: frozenset[str]
    others: frozenset[str]


@dataclass(frozen=True)
class Import:
    """One import found in the source: the importing part, what it imports, and where."""

    part: str
    target: str
    where: str


def read_rules(text: str) -> list[Rule]:
    """Rows of the allowed-imports table, in the order of the document."""
    rows = [
        [cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines()
    ]
    start = rows.index(list(HEADER)) + 2
    rules = []
    for row in rows[start:]:
        if len(row) != len(HEADER):
            break
        rules.append(Rule(row[0], _names(row[1]), _names(row[2])))
    return rules


def _names(cell: str) -> frozenset[str]:
    return frozenset(() if cell == "-" else (name.strip() for name in cell.split(",")))


def parts_of(package: Path) -> set[str]:
    """Top-level modules and subpackages; `_models` and `data` hold no code."""
    modules = {path.stem for path in package.glob("*.py")} - {"__init__", "__main__"}
    return modules | {path.parent.name for path in package.glob("*/__init__.py")}


def part_of(path: Path, package: Path) -> str:
    return path.relative_to(package).with_suffix("").parts[0]


def imports_of(package: Path, homes: dict[str, str]) -> Iterator[Import]:
    """Every import of the parts, wherever it stands; `homes` maps public names to parts."""
    for path in sorted(package.rglob("*.py")):
        part = part_of(path, package)
        if part == "__init__":  # holds the public names, imports nothing at run time
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for dotted in _modules(node):
                where = f"{path.relative_to(package.parent)}:{node.lineno}"  # type: ignore[attr-defined]
                yield Import(part, _target(dotted, homes), where)


def _modules(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        if node.level:
            yield f"{PACKAGE}.<relative import>"
        elif node.module == PACKAGE:
            yield from (f"{PACKAGE}.{alias.name}" for alias in node.names)
        elif node.module:
            yield node.module


def _target(dotted: str, homes: dict[str, str]) -> str:
    """`liqbayes.part` for our own code, the top-level name for the rest."""
    top, *rest = dotted.split(".")
    if top != PACKAGE:
        return top
    name = rest[0] if rest else "<root>"
    return f"{PACKAGE}.{homes.get(name, name)}"


def violations(found: list[Import], rules: list[Rule]) -> list[str]:
    """Sentences about every import that the table does not allow."""
    allowed = {rule.part: rule for rule in rules}
    out = []
    for item in found:
        rule = allowed.get(item.part)
        if rule is None:
            out.append(f"{item.where}: {item.part} has no row in the table")
        elif item.target.startswith(f"{PACKAGE}."):
            name = item.target.removeprefix(f"{PACKAGE}.")
            if name not in {item.part, "__version__"} and name not in rule.own:
                out.append(f"{item.where}: {item.part} may not import {item.target}")
        elif item.target not in sys.stdlib_module_names and item.target not in rule.others:
            out.append(f"{item.where}: {item.part} may not import {item.target}")
    return out


def unused(found: list[Import], rules: list[Rule]) -> list[str]:
    """Sentences about every import that the table allows and no module makes."""
    made = {(item.part, item.target) for item in found}
    out = []
    for rule in rules:
        names = [f"{PACKAGE}.{name}" for name in sorted(rule.own)] + sorted(rule.others)
        out += [
            f"{rule.part} does not import {name}" for name in names if (rule.part, name) not in made
        ]
    return out
