"""Stored studies: found by schema, quoted as their files say, and never invented."""

import json
import re
import shutil
from pathlib import Path, PurePosixPath

import pandas as pd
import pytest
from typer.testing import CliRunner

from liqbayes.cli.app import app
from liqbayes.errors import InputError
from liqbayes.validate.studies import KINDS, read_studies
from liqbayes.validate.studies.page import MARK, results_page, write_results_page

ROOT = Path(__file__).parents[2]
STORED = ROOT / "docs" / "results"


def page_of(directory):
    return results_page(read_studies(directory), prefix=PurePosixPath(), docs="..")


def test_the_published_page_is_the_one_that_the_command_writes():
    assert (STORED / "index.md").read_text(encoding="utf-8") == page_of(STORED), (
        "run: liqbayes validate results --out docs/results/index.md --docs .."
    )


def test_every_folder_is_on_the_page_or_said_to_be_unread():
    studies = read_studies(STORED)
    known = {study.folder for study in studies.found}
    known |= {words.split(" (")[0].rpartition(".json")[0] or words.split(" (")[0]
              for words in studies.unread}  # fmt: skip
    folders = {p.parent.relative_to(STORED).as_posix() for p in STORED.rglob("*.csv")} | {
        p.parent.relative_to(STORED).as_posix() for p in STORED.rglob("*.json")
    }
    assert folders == known


@pytest.mark.parametrize("study", read_studies(STORED).found, ids=lambda s: s.folder)
def test_a_study_has_a_verdict_a_table_and_a_page_that_explains_it(study):
    header, rows = study.table
    assert study.verdict and rows and all(len(row) == len(header) for row in rows)
    assert all(isinstance(words, str) and words for words in study.missed)
    assert (ROOT / "docs" / f"{study.kind.page}.md").is_file()
    name, *_ = study.kind.command.split(" --")[0].removeprefix("liqbayes ").split()
    assert name in {"validate", "compare", "backtest", "pool", "events", "judge", "census",
                    "margin", "replicate"}  # fmt: skip


def test_figures_follow_the_files(tmp_path):
    """Another number in a file is another number on the page, and a failure is counted."""
    shutil.copytree(STORED / "backtest-pool", tmp_path / "pool")
    shutil.copytree(STORED / "sbc-times-1.3", tmp_path / "sbc")
    before = page_of(tmp_path)
    path = tmp_path / "pool" / "pool.json"
    values = json.loads(path.read_text())
    values["ablation"]["conditional"]["pooled"] = [1.111, 1.222, 1.333]
    for target in values["targets"]:
        target["met"] = False
    # of the exceptions of the upper quantiles one level passes and one does not
    test = values["risk"]["long"]["0.95"]
    values["risk"] = {"long": {"0.95": test | {"verdict": "passed"},
                               "0.99": test | {"verdict": "failed"}}}  # fmt: skip
    path.write_text(json.dumps(values))
    after = page_of(tmp_path)
    assert "1.222 (1.111 to 1.333) with the map over without it" in after
    assert "1.222 (1.111 to 1.333)" not in before
    assert f"Not reached ({len(values['targets']) + 1}):" in after
    (pooled,) = [study for study in read_studies(tmp_path).found if study.folder == "pool"]
    assert "long, 0.99 quantile: failed" in pooled.missed[-1]
    assert not [words for words in pooled.missed if "0.95 quantile" in words]
    # a fault that was planted and not found is a failure of the study
    sbc = tmp_path / "sbc" / "sbc.json"
    sbc.write_text(json.dumps(json.loads(sbc.read_text()) | {"rejected": []}))
    assert "the planted fault was not found" in page_of(tmp_path)


def test_recovery_row_by_hand(tmp_path):
    shutil.copytree(STORED / "recovery-standard", tmp_path / "r")
    (study,) = read_studies(tmp_path).found
    frame = pd.read_csv(tmp_path / "r" / "recovery.csv")
    row = frame[
        (frame["regime"] == "all markets") & (frame["arm"] == "none") & (frame["output"] == "total")
    ].iloc[0]
    _, rows = study.table
    (found,) = [r for r in rows if r[0] == "without" and r[1] == "totals"]
    assert found[3] == f"{row['coverage']:.3g} ({row['low']:.3g} to {row['high']:.3g})"
    assert len(study.missed) == study.values["targets_missed"]


def test_models_of_other_versions_are_said_to_be(tmp_path):
    shutil.copytree(STORED / "sbc-baseline", tmp_path / "sbc")
    path = tmp_path / "sbc" / "sbc.json"
    values = json.loads(path.read_text())
    assert "baseline 1.0.0 (not today's)" not in page_of(tmp_path)
    values["model"]["hash"] = "0" * 64
    path.write_text(json.dumps(values))
    assert "baseline 1.0.0 (not today's)" in page_of(tmp_path)
    values["model"]["name"] = "of mine"
    path.write_text(json.dumps(values))
    assert "of mine 1.0.0 (not shipped)" in page_of(tmp_path)


def test_damaged_unknown_and_undescribed_files_are_named(tmp_path):
    for name, text in (("a", "{"), ("b", '{"schema": "liqbayes-novel-1"}'), ("c", "[1]")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.json").write_text(text)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "t.csv").write_text("a\n1\n")
    found = read_studies(tmp_path)
    assert found.found == ()
    assert found.unread == (
        "a/x.json (damaged)",
        "b/x.json (schema liqbayes-novel-1)",
        "c/x.json (schema none)",
        "d (tables without the description of their run)",
    )
    with pytest.raises(InputError, match="no stored study"):
        write_results_page(tmp_path / "page.md", results=tmp_path)


def test_a_run_describes_itself_only_where_nothing_else_does(tmp_path):
    shutil.copytree(STORED / "alarms-standard", tmp_path / "alarms")
    shutil.copytree(STORED / "cascades", tmp_path / "cascades")
    assert [study.where for study in read_studies(tmp_path).found] == [
        "alarms/alarms.json",
        "cascades/run.json",
    ]


def test_a_study_without_its_table_is_an_error_that_names_it(tmp_path):
    shutil.copytree(STORED / "recovery-standard", tmp_path / "r")
    (tmp_path / "r" / "recovery.csv").unlink()
    with pytest.raises(InputError, match=r"recovery\.csv cannot be read"):
        page_of(tmp_path)


def test_names_cannot_break_the_page(tmp_path):
    shutil.copytree(STORED / "sbc-baseline", tmp_path / "sbc")
    path = tmp_path / "sbc" / "sbc.json"
    values = json.loads(path.read_text())
    values["model"]["name"] = "<script>alert(1)</script> | x"
    values["rejected"] = ["<img src=x>"]
    path.write_text(json.dumps(values))
    text = page_of(tmp_path)
    assert not re.search(r"(?<!\\)<(script|img)", text)


def test_nothing_of_the_users_is_replaced(tmp_path):
    out = tmp_path / "page.md"
    run = CliRunner()
    command = ["validate", "results", "--out", str(out)]
    assert run.invoke(app, command).exit_code == 0
    assert out.read_text(encoding="utf-8").startswith(MARK)
    assert run.invoke(app, command).exit_code == 0, "its own page is replaced"
    out.write_text("mine")
    refused = run.invoke(app, command)
    assert refused.exit_code == 2 and out.read_text() == "mine"
    assert run.invoke(app, [*command, "--force"]).exit_code == 0


def test_links_lead_somewhere():
    text = (STORED / "index.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert len(links) > 60
    assert [link for link in links if not (STORED / link).exists()] == []
    headings = {re.sub(r"[^\w -]", "", h.lower()) for h in re.findall(r"^### (.*)$", text, re.M)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) == headings


def test_every_kind_has_a_schema_that_something_writes():
    written = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "liqbayes").rglob("*.py"))
    for schema in KINDS:
        assert re.search(rf'"{schema}-\d+"', written), schema
