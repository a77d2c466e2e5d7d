"""The wheel, built from the sdist and installed elsewhere, works from another directory."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import liqbayes

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run without this checkout's influence and show everything if it fails."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "LIQBAYES"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    # Without isolation: the build backend of the test environment, nothing fetched. Makes the
    # sdist, then the wheel from it, so a file that the sdist forgets is missing in the wheel too.
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (built,) = out.glob("liqbayes-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scripts of a fresh environment with the wheel, borrowing our installed dependencies."""
    home = tmp_path_factory.mktemp("elsewhere")
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    run(
        *(sys.executable, "-m", "pip", "--python", python),
        *("install", "--quiet", "--no-deps", "--no-index", wheel),
        cwd=home,
    )
    # A path line adds the directory but does not read the .pth files in it, so that our own
    # editable installation stays invisible.
    borrowed = sysconfig.get_path("purelib")
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    purelib = Path(run(python, "-c", code, cwd=home).stdout.strip())
    (purelib / "borrowed.pth").write_text(f"{borrowed}\n")
    return home / "bin"


def test_wheel_holds_code_data_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"liqbayes", f"liqbayes-{liqbayes.__version__}.dist-info"}
    expected = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "liqbayes").rglob("*")
        if path.is_file()
        and path.suffix
        in {".py", ".toml", ".parquet", ".json", ".typed", ".csv", ".css", ".js", ".j2"}
    }
    expected |= {
        f"liqbayes/_models/{path.relative_to(ROOT / 'models')}"
        for path in (ROOT / "models").rglob("*")
        if path.is_file()
    }
    assert "liqbayes/_models/baseline/spec.toml" in expected
    expected |= {"liqbayes/_about/CHANGELOG.md", "liqbayes/_about/CITATION.cff"}
    assert expected <= set(names), sorted(expected - set(names))
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_installed_package_is_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = "import liqbayes; print(liqbayes.__file__, liqbayes.__version__)"
    file, version = run(installed / "python", "-c", code, cwd=tmp_path).stdout.split()
    assert Path(file).is_relative_to(installed.parent)
    assert version == liqbayes.__version__


def test_models_are_listed_from_another_directory(installed: Path, tmp_path: Path) -> None:
    assert "baseline" in run(installed / "liqbayes", "models", cwd=tmp_path).stdout


def test_citations_and_documents_work_without_the_source_tree(
    installed: Path, tmp_path: Path
) -> None:
    assert (
        "@software{liqbayes," in run(installed / "liqbayes", "cite", "dynamic", cwd=tmp_path).stdout
    )
    done = run(installed / "liqbayes", "validate", "report", "--out", "doc", cwd=tmp_path)
    assert "published results: none in this installation" in done.stderr
    assert "carries no published results" in (tmp_path / "doc" / "validation.md").read_text()


def test_demo_runs_from_another_directory(installed: Path, tmp_path: Path) -> None:
    run(installed / "liqbayes", "demo", cwd=tmp_path, timeout=900)
    summary = json.loads((tmp_path / "liqbayes-demo" / "summary.json").read_text())
    assert summary["converged"] is True, summary["reasons"]
