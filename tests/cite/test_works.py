"""The bibliography holds every work that models and explanation name, and nothing made up."""

import re
from pathlib import Path

import pytest
import yaml

from liqbayes import __version__
from liqbayes.cite import Entry, cite, identifiers, load_works, works_of
from liqbayes.cite.cite import package_entry
from liqbayes.cite.works import BASES, bases_of
from liqbayes.errors import SpecError
from liqbayes.model import list_models, load_spec

ROOT = Path(__file__).parents[2]
TEXTS = [
    *sorted((ROOT / "models").rglob("*.toml")),
    *sorted((ROOT / "models").rglob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "liqbayes").rglob("*.py")),
]


def test_identifiers_in_a_sentence():
    text = (
        "(Mullahy 1986, doi 10.1016/0304-4076(86)90002-3). See doi\n10.1093/biomet/62.2.269), or "
        "arXiv 1804.06788; https://doi.org/10.1214/AOS/1176342360."
    )
    assert identifiers(text) == {
        "10.1016/0304-4076(86)90002-3",
        "10.1093/biomet/62.2.269",
        "10.1214/aos/1176342360",
        "arxiv 1804.06788",
    }


def test_every_identifier_has_an_entry():
    have = frozenset().union(*(work.identifiers for work in load_works()))
    lacking = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in TEXTS
        if "_build" not in path.parts
        for name in identifiers(path.read_text(encoding="utf-8")) - have
    }
    assert not lacking, "add to liqbayes/cite/works.toml:\n" + "\n".join(sorted(lacking))


def test_entries_are_whole_and_distinct():
    works = load_works()
    keys = [work.entry.key for work in works]
    assert len(set(keys)) == len(keys)
    ids = [i for work in works for i in work.identifiers]
    assert len(set(ids)) == len(ids)
    for work in works:
        fields = work.entry.fields
        assert all(value.strip() == value and value for value in fields.values())
        assert re.fullmatch(r"\d{4}", fields.get("year", "2000"))
        # something by which a text can be told to name it, or a part of a model that rests on it
        assert work.identifiers or work.cited_as or work.basis
        if "doi" in fields:
            assert identifiers(fields["doi"]) == {fields["doi"].lower()}
        assert set(work.basis) <= set(BASES)


def test_bibtex_has_balanced_braces_and_one_field_a_line():
    for name in list_models():
        for entry in cite(load_spec(name)):
            text = entry.text()
            assert text.count("{") == text.count("}")
            head, *fields, end = text.split("\n")
            assert head == f"@{entry.kind}{{{entry.key}," and end == "}"
            assert all(re.fullmatch(r"  [a-z]+ = \{.*\},", line) for line in fields)


def test_package_is_what_the_citation_file_says():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    package = cite(load_spec("baseline"))[0]
    preferred = citation["preferred-citation"]
    assert package.fields["title"] == preferred["title"]
    assert package.fields["year"] == str(preferred["year"])
    assert package.fields["version"] == str(preferred["version"]) == __version__
    assert package.fields["author"] == "{The liqbayes developers}"
    person = {"family-names": "Doe", "given-names": "Jo"}
    assert package_entry({"authors": [person], "title": "T"}) == Entry(
        "liqbayes", "software", {"author": "Doe, Jo", "title": "T"}
    )


def test_specification_by_version_and_hash():
    spec = load_spec("standard")
    entry = cite(spec)[1]
    assert entry.key == "liqbayes-standard"
    assert entry.fields["version"] == spec.version
    assert spec.content_hash in entry.fields["note"]


def test_works_of_a_model_are_those_that_it_names_and_uses():
    def keys(name):
        return {work.entry.key for work in works_of(load_spec(name))}

    assert {"cheng2021", "soska2021", "alexander2023", "schmeling2023"} <= keys("baseline")
    assert {"mullahy1986", "greenwood1920"} <= keys("baseline")
    assert "cox1972" in keys("standard") - keys("baseline")
    assert "osler2005" in keys("standard")
    assert "syring2019" in keys("standard") - keys("baseline")
    assert {"binance2021", "cointelegraph2021"} <= keys("dynamic")
    assert "betancourt2015" in keys("hierarchical") - keys("standard")
    # without a feed nothing of it is used
    assert "mullahy1986" not in keys("oi-only")
    assert keys("fixed-mix") == {"cryptoliquidationmap", "pyliquidationmap", "gptprojectmanager"}
    assert bases_of(load_spec("fixed-mix")) == frozenset()


def test_a_specification_without_a_card(tmp_path):
    (tmp_path / "spec.toml").write_text((ROOT / "models/baseline/spec.toml").read_text())
    assert works_of(load_spec(tmp_path))
    with pytest.raises(SpecError):
        load_spec("no-such-model")
