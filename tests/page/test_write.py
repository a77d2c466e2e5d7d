"""The file of a page is whole, and only a page is replaced, and only by --force."""

import os
from pathlib import Path

import pytest

from liqbayes.errors import InputError
from liqbayes.page import check_page, write_page
from liqbayes.page.write import MARK


def test_written_and_replaced_only_by_force(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.html"
    write_page(f"{MARK}one", path)
    with pytest.raises(InputError, match="--force"):
        write_page(f"{MARK}two", path)
    assert path.read_text() == f"{MARK}one"
    write_page(f"{MARK}two", path, force=True)
    assert path.read_text() == f"{MARK}two"
    assert [p.name for p in path.parent.iterdir()] == ["report.html"], "nothing is left beside it"


def test_what_is_no_page_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "letters.html"
    path.write_text("mine")
    with pytest.raises(InputError, match="no page"):
        check_page(path, force=True)
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="no file"):
        check_page(tmp_path / "folder", force=True)
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(InputError, match="no file"):
        check_page(tmp_path / "link", force=True)
    with pytest.raises(InputError, match="cannot be written"):
        check_page(path / "below.html", force=False)


def test_a_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.html"
    write_page(f"{MARK}one", path)

    def fail(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        write_page(f"{MARK}two", path, force=True)
    assert path.read_text() == f"{MARK}one"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
