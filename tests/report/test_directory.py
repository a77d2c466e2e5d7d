"""The output directory is complete or absent, and nothing of others is ever replaced."""

import json
from pathlib import Path

import pandas as pd
import pytest

import liqbayes.report.write as write
from liqbayes.errors import InputError
from liqbayes.report import FILES, check_target, read_summary, write_directory, write_report
from tests.report import invented

KNOWN = ("a.txt", "summary.json")


def fill(directory: Path) -> None:
    (directory / "a.txt").write_text("new")


def test_writes_and_leaves_nothing_beside(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    write_directory(out, fill, force=False, known=KNOWN)
    assert (out / "a.txt").read_text() == "new"
    assert [p.name for p in out.parent.iterdir()] == ["out"]


def test_failure_leaves_the_old_directory_untouched(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.txt").write_text("old")

    def broken(directory: Path) -> None:
        fill(directory)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_directory(out, broken, force=True, known=KNOWN)
    assert (out / "a.txt").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_force_replaces_as_a_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "summary.json").write_text("{}")
    write_directory(out, fill, force=True, known=KNOWN)
    assert [p.name for p in out.iterdir()] == ["a.txt"]


def test_existing_directory_needs_force(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"exists; choose another --out, or replace .* --force"):
        check_target(tmp_path, force=False, known=KNOWN)


def test_foreign_files_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(InputError, match=r"thesis\.tex.* did not write"):
        check_target(tmp_path, force=True, known=KNOWN)


@pytest.mark.parametrize("force", [False, True])
def test_files_and_links_are_refused(tmp_path: Path, force: bool) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        with pytest.raises(InputError, match="is no directory"):
            check_target(tmp_path / name, force=force, known=KNOWN)
    with pytest.raises(InputError, match="cannot be written to"):
        check_target(tmp_path / "file" / "out", force=force, known=KNOWN)


def test_summaries_are_read_back_or_explained(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no summary\.json"):
        read_summary(tmp_path)
    (tmp_path / "summary.json").write_text("{")
    with pytest.raises(InputError, match="no valid JSON"):
        read_summary(tmp_path)
    (tmp_path / "summary.json").write_text("[1]")
    with pytest.raises(InputError, match="no summary of liqbayes"):
        read_summary(tmp_path)


@pytest.fixture
def invented_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports of any fit hold the invented results; `fit.nc` is a stand-in."""
    import liqbayes.sampling

    monkeypatch.setattr(write, "compute_results", lambda fit, **_: invented.results())
    monkeypatch.setattr(
        liqbayes.sampling, "save_fit", lambda fit, path: Path(path).write_bytes(b"draws")
    )


@pytest.mark.usefixtures("invented_report")
def test_report_holds_the_promised_files(tmp_path: Path) -> None:
    said: list[str] = []
    summary = write_report(None, tmp_path / "out", marks={"demo": True}, step=said.append)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(FILES)
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == summary
    assert summary["demo"] is True
    assert said == ["tables", "figures"]
    for name in FILES:
        if name.endswith(".png"):
            assert (tmp_path / "out" / name).stat().st_size > 20_000
    text = (tmp_path / "out" / "levels.csv").read_text()
    assert "nan" not in text.lower()
    levels = pd.read_csv(tmp_path / "out" / "levels.csv")
    assert levels["visited"].dtype == bool
    delta = pd.read_csv(tmp_path / "out" / "delta.csv", parse_dates=["start", "end"])
    assert delta["delta_quote"].isna().tolist() == [False] * 6 + [True]
    assert delta["end"][0] == pd.Timestamp("2024-03-11")
