"""A short run against the stored long run of the same model and market."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from liqbayes.model import load_spec

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_baseline_agrees_with_its_reference():
    spec = load_spec("baseline")
    stored = json.loads((Path(spec.path).parent / "reference.json").read_text(encoding="utf-8"))
    assert stored["model"]["hash"] == spec.content_hash, "run tools/reference.py after a change"
    path = ROOT / "tools" / "reference.py"
    found = importlib.util.spec_from_file_location("reference", path)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    now = module.summaries("baseline", 500, 3, chains=2)
    assert now.keys() == stored["summaries"].keys()
    off = {}
    for name, old in stored["summaries"].items():
        error = np.hypot(old["mcse_mean"], now[name]["mcse_mean"])
        if abs(old["mean"] - now[name]["mean"]) > 4 * error:
            off[name] = (old["mean"], now[name]["mean"], error)
    assert not off
