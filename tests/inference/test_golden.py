"""A short run against the stored long run of the same model and market; a rule against itself."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from liqbayes.model import load_spec

ROOT = Path(__file__).parents[2]


def reference(name):
    """What is stored of a model, and the tool that stored it."""
    spec = load_spec(name)
    stored = json.loads((Path(spec.path).parent / "reference.json").read_text(encoding="utf-8"))
    assert stored["model"]["hash"] == spec.content_hash, "run tools/reference.py after a change"
    found = importlib.util.spec_from_file_location("reference", ROOT / "tools" / "reference.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return stored, module


def test_rule_agrees_with_its_reference():
    stored, module = reference("fixed-mix")
    now = module.values("fixed-mix")
    assert now.keys() == stored["values"].keys()
    for name, value in stored["values"].items():
        assert now[name] == pytest.approx(value, rel=1e-5, abs=1e-9), name


@pytest.mark.slow
def test_baseline_agrees_with_its_reference():
    stored, module = reference("baseline")
    now = module.summaries("baseline", 1000, 3)
    assert now.keys() == stored["summaries"].keys()
    off = {}
    for name, old in stored["summaries"].items():
        for figure, error in old["mcse"].items():
            both = np.hypot(error, now[name]["mcse"][figure])
            ours, theirs = (x.get(figure, x["quantiles"].get(figure)) for x in (now[name], old))
            if abs(ours - theirs) > 4 * both:
                off[name, figure] = (theirs, ours, both)
    assert not off
