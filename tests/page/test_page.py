"""The page as text: whole, of the files' numbers, without addresses, and nothing injected."""

import base64
import hashlib
import itertools
import json
import re
import shlex
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from liqbayes.errors import InputError
from liqbayes.page import Facts, gather, render
from liqbayes.page.gather import _commands
from liqbayes.page.pack import STEP, Packed, unpack
from liqbayes.page.render import json_text, markdown
from liqbayes.sampling import load_fit
from tests.page.conftest import BINS, HOSTILE, hostile


class Elements(HTMLParser):
    """Every start tag with its attributes, and the text of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.inside = True
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside &= tag != "script"

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.scripts[-1] += data


def test_last_bar_is_that_of_the_files(facts: Facts, directory: Path) -> None:
    levels = pd.read_csv(directory / "levels.csv")
    packed = facts.figures["map"]
    for name, column in (("levels", "quote"), ("cumulative", "cumulative_quote")):
        values = unpack(Packed(**packed[name]))
        assert values.shape[2:] == (2, BINS)
        for j, side in enumerate(("long", "short")):
            rows = levels[levels["side"] == side]
            for q, end in enumerate(("_lo", "", "_hi")):
                want = rows[column + end].to_numpy()
                np.testing.assert_allclose(
                    values[q, -1, j], want, rtol=STEP, atol=2e-7 * np.nanmax(values)
                )


def test_cumulative_amounts_grow_outward(facts: Facts) -> None:
    values = unpack(Packed(**facts.figures["map"]["cumulative"]))
    slack = 1 + 2 * STEP
    assert (values[:, :, 0, :-1] * slack >= values[:, :, 0, 1:]).all(), "longs, downwards"
    assert (values[:, :, 1, 1:] * slack >= values[:, :, 1, :-1]).all(), "shorts, upwards"
    assert (values[2] * slack >= values[1]).all()
    assert (values[1] * slack >= values[0]).all()


def test_scripts_are_those_that_the_policy_names(page: Path) -> None:
    found = Elements(page.read_text(encoding="utf-8"))
    (policy,) = (a["content"] for t, a in found.tags if a.get("http-equiv"))
    assert policy and "default-src 'none'" in policy and "unsafe-eval" not in policy
    hashes = [
        "sha256-" + base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()
        for s in found.scripts
    ]
    assert re.findall(r"sha256-[^']+", policy) == hashes[1:], "the first holds data"
    assert json.loads(found.scripts[0])["contract"]


def test_nothing_is_loaded_from_elsewhere(page: Path) -> None:
    for tag, attributes in Elements(page.read_text(encoding="utf-8")).tags:
        assert "src" not in attributes, tag
        if "href" in attributes:
            assert str(attributes["href"]).startswith("#"), attributes
        assert not [name for name in attributes if name.startswith("on")]


def test_a_fit_that_did_not_converge_says_so_before_any_number(facts: Facts) -> None:
    assert facts.summary["converged"] is False
    text = render(facts)
    assert text.index("This fit did not converge") < text.index("At a glance</h2>")
    fine = render(replace(facts, summary={**facts.summary, "converged": True}))
    assert "This fit did not converge" not in fine


def test_every_topic_is_set(facts: Facts) -> None:
    text = render(facts)
    assert "The largest cluster holds 50M USDT" in text
    assert "<strong>Convention, not a result.</strong> Clusters attract price." in text
    assert "1M to 200M" in text


def test_numbers_are_those_of_the_summary(facts: Facts) -> None:
    text = render(facts)
    for value in (v for side in ("long", "short") for v in facts.summary["at_risk"][side].values()):
        assert f'data-v="{value[1]!r}"' in text


def test_hostile_names_stay_words(facts: Facts) -> None:
    calm, text = Elements(render(facts)), render(hostile(facts))
    found = Elements(text)
    assert len(found.scripts) == len(calm.scripts) == 3
    assert not [t for t, _ in found.tags if t in ("img", "iframe", "object", "link", "base")]
    assert not [a for _, a in found.tags if any(n.startswith("on") for n in a)]
    assert found.scripts[1:] == calm.scripts[1:], "only data differ"
    assert json.loads(found.scripts[0])["contract"] == HOSTILE
    assert "\u2028" not in found.scripts[0]
    assert "{{7*7}}" in text, "no template in the data runs"
    assert "javascript:" not in "".join(str(a.get("href")) for _, a in found.tags)


def test_json_survives_any_text() -> None:
    for text in (HOSTILE, "<!--", "]]>", "\u2029"):
        made = json_text({"a": text})
        assert json.loads(made) == {"a": text}
        assert not set(made) & {"<", ">", "&", "\u2028", "\u2029"}
    with pytest.raises(ValueError, match="JSON"):
        json_text({"a": float("nan")})


def test_markdown_is_shown_and_not_run() -> None:
    body = markdown("# Top\n\n<b>x</b> [w](http://a.b)\n\n| a |\n| --- |\n| 1 |\n")
    assert "<h3>Top</h3>" in body
    assert "&lt;b&gt;" in body
    assert "<a" not in body and "w" in body
    assert 'tabindex="0"' in body


def test_bad_directories(directory: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"summary\.json"):
        gather(tmp_path)
    with pytest.raises(InputError, match="draws is 0"):
        gather(directory, draws=0)
    (tmp_path / "summary.json").write_text((directory / "summary.json").read_text())
    with pytest.raises(InputError, match=r"levels\.csv is missing"):
        gather(tmp_path, sections=())


def test_the_demo_stands_beside_its_truth(facts: Facts) -> None:
    from liqbayes.page.gather import _truth

    truth = _truth({**facts.summary, "demo": True})
    assert truth is not None
    assert _truth(facts.summary) is None
    text = render(replace(facts, truth=truth))
    assert "Posterior beside the truth of the simulation" in text
    assert text.count("longs at risk within 5 %") == 2, "as text and as the key it is sorted by"


def test_the_command_has_everything_that_the_numbers_depend_on(facts: Facts) -> None:
    words = shlex.split(facts.commands[0])
    pairs = dict(itertools.pairwise(words))
    assert words[:2] == ["liqbayes", "fit"]
    assert (pairs["--bins"], pairs["--price-range"]) == (str(BINS), "0.5:2")
    assert "--column" not in words


def test_the_command_maps_columns_as_the_fit_did(facts: Facts, directory: Path) -> None:
    fit = load_fit(directory / "fit.nc")
    meta = json.loads(fit.attrs["panel_meta"])
    meta["provenance"]["columns"] = {"volume": "proxy volume:base", "open_interest": "oi:quote"}
    fit.attrs["panel_meta"] = json.dumps(meta)
    words = shlex.split(_commands(directory, facts.summary, fit)[0])
    given = [b for a, b in itertools.pairwise(words) if a == "--column"]
    assert given == ["volume=proxy volume:base", "open_interest=oi:quote"]
