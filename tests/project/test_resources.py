"""Shipped files are found in a source tree and in a wheel's layout."""

from pathlib import Path

import pytest

import liqbayes.resources
from liqbayes.errors import LiqbayesError
from liqbayes.resources import find_resource

ROOT = Path(__file__).parents[2]


def test_source_tree_uses_the_directory_beside_the_package() -> None:
    assert find_resource("models") == ROOT / "models"
    assert find_resource("data") == ROOT / "liqbayes" / "data"
    assert find_resource("py.typed").is_file()


def fake_package(parent: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = parent / "liqbayes"
    (package / "_models" / "inside").mkdir(parents=True)
    monkeypatch.setattr(liqbayes.resources, "files", lambda name: package)
    return package


def test_wheel_uses_the_directory_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = fake_package(tmp_path, monkeypatch)
    assert find_resource("models", "inside") == package / "_models" / "inside"


def test_change_log_and_results_of_a_source_tree_and_of_a_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_resource("about", "CITATION.cff") == ROOT / "CITATION.cff"
    assert find_resource("results") == ROOT / "docs" / "results"
    package = fake_package(tmp_path, monkeypatch)
    (package / "_about").mkdir()
    assert find_resource("about") == package / "_about"
    with pytest.raises(LiqbayesError, match="'results'"):
        find_resource("results")


def test_foreign_models_package_in_site_packages_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = fake_package(tmp_path, monkeypatch)
    (tmp_path / "models").mkdir()
    assert find_resource("models") == package / "_models"


def test_missing_resource_says_what_and_where() -> None:
    with pytest.raises(LiqbayesError, match=r"'models/none-such/spec.toml'.*is not there"):
        find_resource("models", "none-such", "spec.toml")


def test_package_that_is_no_directory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liqbayes.resources, "files", lambda name: object())
    with pytest.raises(LiqbayesError, match="unpacked installation"):
        find_resource("data")
