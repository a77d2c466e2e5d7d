"""A rule with a fixed mix: its specification, its cells, its book behind a model's interface."""

import copy
import tomllib

import numpy as np
import pytest

from liqbayes.contracts import level_log_offset
from liqbayes.errors import SpecError
from liqbayes.model import build_model, load_spec, prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.leverage import FixedLeverages
from liqbayes.model.rule import evaluator_of
from liqbayes.model.spec import ModelSpec
from liqbayes.resources import find_resource
from tests.model import markets

LEVERAGES = (100.0, 50.0, 25.0, 10.0)
SIDES = ("long", "short")


def rule_table():
    text = (find_resource("models") / "fixed-mix" / "spec.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def refused(match, **changes):
    table = copy.deepcopy(rule_table())
    for name, value in changes.items():
        section, _, key = name.partition("__")
        if value is None:
            table[section].pop(key) if key else table.pop(section)
        elif key:
            table[section][key] = value
        else:
            table[section] = value
    with pytest.raises(SpecError, match=match):
        ModelSpec.from_mapping(table)


def test_shipped_rule():
    spec = load_spec("fixed-mix")
    assert spec.rule is not None
    assert spec.rule.leverage == LEVERAGES, "descending, whatever the order of the file"
    assert spec.rule.share == (0.10, 0.25, 0.35, 0.30)
    assert (spec.priors, spec.channels, spec.cells) == ({}, (), 4)
    again = ModelSpec.from_json(spec.to_json())
    assert again == spec and again.content_hash == spec.content_hash
    assert load_spec("baseline").rule is None


@pytest.mark.parametrize(
    ("match", "changes"),
    [
        (r"rule\.leverage.*give each leverage once", {"rule__leverage": [10, 10, 25, 50]}),
        (r"rule\.leverage.*give each leverage once", {"rule__leverage": []}),
        (r"rule\.leverage.*allowed are 1\.1 to 1000", {"rule__leverage": [1, 10, 25, 50]}),
        (r"rule\.leverage.*give a list of numbers", {"rule__leverage": "10x"}),
        (r"rule\.leverage.*give a list of numbers", {"rule__leverage": [True, 10, 25, 50]}),
        (r"rule\.share.*give 4 positive shares", {"rule__share": [0.5, 0.5]}),
        (r"rule\.share.*give 4 positive shares", {"rule__share": [0.5, 0.6, 0.1, -0.2]}),
        (r"rule\.share.*sums to 1\.1", {"rule__share": [0.4, 0.35, 0.25, 0.1]}),
        (r"rule\.share.*give 4 positive", {"rule__share": [float("nan"), 0.3, 0.3, 0.4]}),
        (r"rule\.source.*give a text", {"rule__source": ""}),
        (r"section rule.*unknown \['side'\]", {"rule__side": "candle"}),
        (r"section rule.*missing \['share'\]", {"rule__share": None}),
        (r"section rule is 3", {"rule": 3}),
        (r"of a rule: unknown sections \['priors'\]", {"priors": {}}),
        (r"of a rule: unknown sections \['channels'\]", {"channels": {}}),
        (r"of a rule.*missing \['book'\]", {"book": None}),
        (r"section resolution.*unknown \['cells'\]", {"resolution__cells": 24}),
    ],
)
def test_malformed_rule(match, changes):
    refused(match, **changes)


@pytest.mark.parametrize("kind", ["linear", "inverse"])
@pytest.mark.parametrize("side", SIDES)
def test_cells_are_levels_of_the_contracts_rule(kind, side):
    cells = FixedLeverages.at(LEVERAGES)
    np.testing.assert_allclose(cells.middle(), LEVERAGES, rtol=1e-12)
    np.testing.assert_allclose(cells.inverse(kind, side), 1 / np.array(LEVERAGES), rtol=1e-12)
    near, far = cells.distances(kind, side)
    exact = np.abs(level_log_offset(kind, side, LEVERAGES))
    assert (near < exact).all() and (exact < far).all()
    np.testing.assert_allclose(far, near, rtol=3e-6)
    assert (np.diff(near) > 0).all() and (near[1:] > far[:-1]).all()


def points(panel, spec):
    """The rule as a plain list of (level, mass): consumed by bar, and what is left, by side."""
    bars = {c: panel.values(c) for c in ("open", "high", "low", "close", "open_interest")}
    n = spec.entry_nodes
    books = {side: [] for side in SIDES}
    consumed = {side: np.zeros(panel.n_bars) for side in SIDES}
    for t in range(1, panel.n_bars):
        o, h, low, c = (bars[x][t] for x in ("open", "high", "low", "close"))
        for side in SIDES:
            hit = [x >= low if side == "long" else x <= h for x, _ in books[side]]
            gone = sum(m for (_, m), y in zip(books[side], hit, strict=True) if y)
            consumed[side][t] = gone
            books[side] = [z for z, y in zip(books[side], hit, strict=True) if not y]
        change = bars["open_interest"][t] / bars["open_interest"][t - 1] - 1.0
        if change < 0:
            books = {s: [(x, m * (1 + change)) for x, m in books[s]] for s in SIDES}
            continue
        side = "long" if c >= o else "short"
        walk = np.log([o, low, h, c] if c >= o else [o, h, low, c])
        length = np.append(0.0, np.cumsum(np.abs(np.diff(walk))))
        for j in range(n):
            at = length[-1] * (j + 0.5) / n
            entry = np.interp(at, length, walk)
            rest = np.append(walk[length > at], entry)
            for leverage, share in zip(spec.rule.leverage, spec.rule.share, strict=True):
                mass = change * bars["open_interest"][t - 1] * share / n
                level = np.exp(entry) * (1 - 1 / leverage if side == "long" else 1 + 1 / leverage)
                reached = np.exp(rest.min() if side == "long" else rest.max())
                if (reached <= level) if side == "long" else (reached >= level):
                    consumed[side][t] += mass
                else:
                    books[side].append((level, mass))
    return consumed, books


@pytest.mark.parametrize("seed", [0, 3])
def test_book_is_that_of_a_list_of_levels(seed):
    spec = load_spec("fixed-mix")
    panel = markets.panel(markets.bars(150, seed=seed))
    data = prepare(spec, panel)
    evaluator = evaluator_of(spec, data)
    runs = evaluator.books(np.zeros(0), evaluator.shares(np.zeros(0)))
    consumed, books = points(panel, spec)
    scale = panel.values("open_interest").max()
    for side in SIDES:
        run = runs["linear", side]
        np.testing.assert_allclose(run.expected / scale, consumed[side] / scale, atol=1e-7)
        held = sum(m for _, m in books[side])
        assert run.living[-1].sum() / scale == pytest.approx(held / scale, abs=1e-7)
        assert held > 0.01 * scale and consumed[side].sum() > 0.01 * scale


def test_a_rule_has_no_parameters():
    spec = load_spec("fixed-mix")
    panel = markets.panel(markets.bars(funding=True))
    data = prepare(spec, panel)
    assert data.feeds == {} and data.block_funding.size == 1
    evaluator = evaluator_of(spec, data)
    none = np.zeros(0)
    assert evaluator.layout.n == 0 and evaluator.natural(none).size == 0
    np.testing.assert_allclose(evaluator.shares(none).sum(axis=-1), 1.0)
    for use in (lambda: Evaluator.of(spec, data), lambda: build_model(spec, panel)):
        with pytest.raises(SpecError, match=r"fixed-mix is a rule.*Use liqbayes\.fit"):
            use()


def test_sampled_specifications_keep_their_evaluator():
    spec = markets.small_spec()
    assert type(evaluator_of(spec, prepare(spec, markets.panel()))) is Evaluator
