"""The validation document: whole, honest about what is missing, and self-contained."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from liqbayes.errors import InputError
from liqbayes.model import list_models, load_spec
from liqbayes.resources import find_resource
from liqbayes.validate.document import write_document
from liqbayes.validate.document.lineage import lineage, origins
from liqbayes.validate.document.model import assumptions, in_words
from liqbayes.validate.document.results import judging, read_results
from liqbayes.validate.document.write import FILES
from liqbayes.validate.markdown import as_html, sunk, table
from liqbayes.validate.studies import KINDS
from tests.model.markets import bars, panel, small_spec
from tests.outputs.fits import fake_fit

ROOT = Path(__file__).parents[2]
SECTIONS = (
    "Purpose and uses not intended",
    "Data lineage",
    "Theory and assumptions",
    "Parameters and their sources",
    "Alternatives",
    "Outcomes analysis",
    "Sensitivity",
    "Limitations and controls",
    "Monitoring",
    "Changes",
    "References",
)


def written(spec, tmp_path, **options):
    lacking = write_document(spec, tmp_path / "doc", **options)
    return (tmp_path / "doc" / "validation.md").read_text(encoding="utf-8"), lacking


def section(text, name):
    return re.search(rf"^## \d+\. {re.escape(name)}\n(.*?)(?=^## \d|\Z)", text, re.M | re.S)[1]


@pytest.mark.parametrize("name", list_models())
def test_every_model_has_a_whole_document(name, tmp_path):
    spec = load_spec(name)
    text, _ = written(spec, tmp_path)
    assert re.findall(r"^## \d+\. (.*)$", text, re.M) == list(SECTIONS)
    assert spec.content_hash in text
    parameters = section(text, "Parameters and their sources")
    for prior in spec.priors.values():
        assert f"`{prior.name}`" in parameters
        assert prior.source in parameters
    for ancestor in lineage(spec):
        assert ancestor.spec.content_hash in parameters
    assert "SR 26-2" in text and "claims no compliance" in text
    assert sorted(p.name for p in (tmp_path / "doc").iterdir()) == sorted(FILES)


def test_what_is_not_published_is_said_and_never_invented(tmp_path):
    empty = tmp_path / "nothing"
    empty.mkdir()
    spec = load_spec("baseline")
    text, lacking = written(spec, tmp_path, results=empty)
    outcome = section(text, "Outcomes analysis")
    kinds = len(judging(spec))
    assert kinds == sum(kind.of_model for kind in KINDS.values()) > 8
    assert outcome.count("> **Missing.** No result of baseline 1.0.0 is published") == kinds
    assert len([words for words in lacking if "nothing published" in words]) == kinds
    assert "--fit DIR" in section(text, "Sensitivity")
    assert "not published for this version" in section(text, "Theory and assumptions")


def test_published_results_are_quoted_as_their_files_say(tmp_path):
    text, _ = written(load_spec("baseline"), tmp_path)
    outcome = section(text, "Outcomes analysis")
    sbc = json.loads((ROOT / "docs/results/sbc-baseline/sbc.json").read_text())
    assert f"{sbc['panels']} panels" in outcome and "no quantity rejected" in outcome
    assert sbc["smallest_p"]["quantity"] in outcome
    fault = json.loads((ROOT / "docs/results/sbc-times-1.3/sbc.json").read_text())
    assert f"with the fault {fault['fault']} planted" in outcome
    # a planted fault is no outcome of the model itself
    assert "rejected for" not in section(text, "Theory and assumptions")


def result(place, name, **values):
    (place / name).mkdir(parents=True)
    (place / name / "r.json").write_text(json.dumps(values))


def test_results_of_other_versions_models_and_schemas(tmp_path):
    place = tmp_path / "results"
    spec = load_spec("baseline")
    now = {"name": "baseline", "version": spec.version, "hash": spec.content_hash}
    old = {**now, "version": "0.9.0", "hash": "0" * 64}
    counts = {"panels": 7, "failed": 0, "rejected": [], "smallest_p": {"p": 0.5, "quantity": "q"}}
    result(place, "a", schema="liqbayes-sbc-1", model=old, **counts)
    result(place, "b", schema="liqbayes-sbc-1", model={**now, "name": "standard"}, **counts)
    result(place, "c", schema="liqbayes-novel-3", model=now)
    ratio = {"conditional": {"pooled": [0.8, 0.9, 0.99]}}
    scores = {"conditional": {"model": {"long": {"crps_log": 0.5, "coverage90": 0.9, "n": 100}}}}
    result(place, "d", schema="liqbayes-backtest-1", model=now, ratio=ratio, scores=scores)
    (place / "e").mkdir()
    (place / "e" / "broken.json").write_text("{")
    found = read_results(spec, place)
    assert [r.study.where for r in found.found] == ["a/r.json", "d/r.json"]
    assert [r.current for r in found.found] == [False, True]
    assert found.unread == ("c/r.json (schema liqbayes-novel-3)", "e/broken.json (damaged)")
    text, lacking = written(spec, tmp_path, results=place)
    outcome = section(text, "Outcomes analysis")
    assert "0.900 (0.800 to 0.990) of the best baseline's score" in outcome
    assert "`a/r.json`: baseline 0.9.0: 7 panels" in outcome
    assert "simulation-based calibration: nothing published of this version" in lacking
    assert "backtest: nothing published of this version" not in lacking


def test_a_wheel_has_no_results_and_says_so(tmp_path, monkeypatch):
    from liqbayes.errors import LiqbayesError
    from liqbayes.validate.studies import read

    def absent(*parts):
        raise LiqbayesError("not there")

    monkeypatch.setattr(read, "find_resource", absent)
    text, lacking = written(load_spec("baseline"), tmp_path)
    assert "carries no published results" in section(text, "Outcomes analysis")
    assert "published results: none in this installation; see --results" in lacking


def test_sensitivity_and_lineage_of_a_fit(tmp_path):
    spec = small_spec()
    fit = fake_fit(panel(bars(100)), spec, draws=60, prior_draws=100)
    text, lacking = written(spec, tmp_path, fit=fit)
    assert "`at_risk[long, 0.05]`" in section(text, "Sensitivity")
    assert fit.attrs["panel_hash"] in section(text, "Data lineage")
    assert not [words for words in lacking if "--fit" in words]
    with pytest.raises(InputError, match="fit of the model that is documented"):
        write_document(load_spec("baseline"), tmp_path / "other", fit=fit)


def test_nothing_is_replaced_without_force(tmp_path):
    spec = load_spec("fixed-mix")
    written(spec, tmp_path)
    with pytest.raises(InputError, match="exists"):
        written(spec, tmp_path)
    written(spec, tmp_path, force=True)
    with pytest.raises(InputError, match="no directory"):
        written(spec, tmp_path, results=tmp_path / "none", force=True)


def test_every_test_that_the_document_names_exists():
    for name in list_models():
        for entry in assumptions(load_spec(name)):
            assert (ROOT / entry["explained"]).is_file()
            for place in entry["tests"]:
                path, _, test = place.partition("::")
                text = (ROOT / path).read_text(encoding="utf-8")
                assert not test or f"def {test}(" in text, place
    kinds = {e.get("outcome") for n in list_models() for e in assumptions(load_spec(n))}
    assert kinds <= {None, *KINDS}
    assert find_resource("validate", "document", "assumptions.toml").is_file()


def test_priors_come_from_the_nearest_file_that_gives_them():
    found = origins(load_spec("dynamic"))
    assert found["cap_effect"].name == "dynamic"
    assert found["fast_share"].name == "standard"
    assert found["feed_noise"].name == "baseline"
    assert set(found) == set(load_spec("dynamic").priors)


def test_priors_in_words():
    prior = load_spec("baseline").prior("reported_share")
    assert in_words(prior) == "logitnormal, median [90 %]: 0.5 [0.162, 0.838]"


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen, self.sources = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.sources += [v for k, v in attrs if k in ("src", "href")]


def test_html_needs_nothing_else_and_runs_nothing(tmp_path):
    written(load_spec("standard"), tmp_path)
    tags = Tags()
    tags.feed((tmp_path / "doc" / "validation.html").read_text(encoding="utf-8"))
    assert {"table", "h2", "blockquote"} <= set(tags.seen)
    assert not {"script", "link", "iframe", "img"} & set(tags.seen)
    assert not [s for s in tags.sources if not s.startswith("http")]
    evil = as_html("<script>alert(1)</script>\n\n" + table(("a",), [("x | <b>",)]), "<t>")
    assert "<script>" not in evil and "<b>" not in evil
    assert "<td>x | &lt;b&gt;</td>" in evil and "<title>&lt;t&gt;</title>" in evil


def test_headings_sink_outside_code():
    assert sunk("# a\n```\n# b\n```\n## c") == "## a\n```\n# b\n```\n### c"
