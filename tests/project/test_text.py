"""The text speaks of the product: no paths of one machine, registry hosts, private documents."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def words(*parts: str) -> str:
    """Join the pieces of a forbidden word, which this file must not contain itself."""
    return "".join(parts)


FORBIDDEN = {
    "machine path": [
        words("/", "work", "/"),
        words("/", "root", "/"),
        words("/", "home", "/", r"\w"),
        words("/", "Users", "/", r"\w"),
        words("/", "tmp", "/", r"\w"),
    ],
    "registry host": [
        words("py", "pi", r"\.org"),
        words("python", "hosted", r"\.org"),
        words("registry", r"\.", "npmjs"),
        words("deb", r"\.", "debian"),
        words(r"\bfile:", "//"),
    ],
    "private document": [
        words(r"\bdesign", r"\.md"),
        words(r"\bexemplars", r"\.md"),
        words("shared", "/research"),
        words("statistics", r"_notes\.md"),
        words("pymc6", r"_facts\.md"),
        words("data", r"_formats\.md"),
        words("exchange", r"_rules\.md"),
        words("market", r"_mechanics\.md"),
        words("replication", r"_targets\.csv"),
        words("liq", r"_vectors\.csv"),
        words(r"\bsealed", r"\.bin"),
    ],
    "word about how the text was made": [
        words("cl", "aude"),
        words("anth", "ropic"),
        words("chat", "gpt"),
        words("co", "pilot"),
        words("language ", "model"),
        words(r"\bAI", r"[ -]", "(assistant|helper|agent)"),
        words("sub", "agent"),
        words(r"\bthis ", "session"),
        words(r"\bthe ", "lead ", "(adapts|adds|draws|decides|will)"),
    ],
    "unfinished work": [
        words("TO", "DO"),
        words("FIX", "ME"),
        words(r"\bXX", r"X\b"),
        words("Not", "ImplementedError"),
    ],
}
# The one place that may name a neighbouring directory: where make looks for real market data.
NEIGHBOUR = words("shared", "/")
MAY_NAME_THE_NEIGHBOUR = {"Makefile"}


def text_files() -> list[Path]:
    """Files under version control or about to be, without binary ones."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"needs a git checkout to know which files belong to the project: {error}")
    paths = [ROOT / name for name in listed.decode().split("\0") if name]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:8192]]


def complaints(name: str, text: str) -> list[str]:
    """Every forbidden pattern in a text, with its line."""
    found = []
    patterns = [(kind, pattern) for kind, group in FORBIDDEN.items() for pattern in group]
    if name not in MAY_NAME_THE_NEIGHBOUR:
        patterns.append(("neighbouring directory", rf"\.\./{NEIGHBOUR}"))
    for kind, pattern in patterns:
        flags = 0 if kind == "unfinished work" else re.IGNORECASE
        for match in re.finditer(pattern, text, flags):
            line = text.count("\n", 0, match.start()) + 1
            found.append(f"{name}:{line}: {kind}: {match.group()!r}")
    return found


def test_no_forbidden_text() -> None:
    files = text_files()
    assert files
    found = [
        line
        for path in files
        for line in complaints(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
    ]
    assert not found, "\n".join(found)


def test_the_check_finds_what_it_should() -> None:
    text = words("see /", "work", "/x\nand py", "pi.org\n../", "shared", "/data\n")
    assert [line.split(": ")[1] for line in complaints("a.md", text)] == [
        "machine path",
        "registry host",
        "neighbouring directory",
    ]
    assert complaints("Makefile", words("../", "shared", "/data")) == []


def test_constraints_are_exact_and_without_addresses() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins
    wrong = [line for line in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+", line)]
    assert wrong == []


def test_every_dependency_is_pinned_and_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = {
        normal(line.split("==")[0])
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    explained = (ROOT / "docs" / "explanation" / "dependencies.md").read_text()
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    names = {
        normal(re.match(r"[A-Za-z0-9._-]+", item).group()) for group in groups for item in group
    }
    assert names <= pins
    assert [name for name in sorted(names) if f"`{name}`" not in explained] == []


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_display_formulas_are_paragraphs_of_their_own() -> None:
    """Otherwise Markdown takes both dollar signs for one, and the page shows source."""
    wrong = []
    for path in sorted((ROOT / "docs").rglob("*.md")):
        if "_build" in path.parts:
            continue
        inside = False
        lines = ["", *path.read_text(encoding="utf-8").split("\n"), ""]
        for i, line in enumerate(lines):
            if "$$" not in line or line.strip().count("$$") == 2:
                alone = not line.strip().startswith("$$") or not (lines[i - 1] or lines[i + 1])
                wrong += [] if alone else [f"{path.name}:{i}"]
                continue
            beside = lines[i + 1] if inside else lines[i - 1]
            if line.strip() != "$$" or beside.strip():
                wrong.append(f"{path.name}:{i}")
            inside = not inside
    assert wrong == []
