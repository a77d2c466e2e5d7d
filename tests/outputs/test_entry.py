"""Entry prices of the living open interest."""

import numpy as np
import pytest

from liqbayes.model.spec import ModelSpec, load_spec
from liqbayes.outputs import entry, entry_price_distribution
from liqbayes.outputs.entry import _paid_and_held
from tests.model import markets
from tests.outputs.fits import fake_fit

PARTS = ("share", "below", "above")


@pytest.mark.parametrize("price_range", [(0.5, 2.0), (0.99, 1.01)])
def test_shares_sum_to_one(any_fit, price_range):
    found = entry_price_distribution(any_fit, bins=40, price_range=price_range)
    total = found["share"].sum("price") + found["below"] + found["above"]
    np.testing.assert_allclose(total, 1.0, rtol=1e-9)
    assert all((found[name] >= -1e-12).all() for name in PARTS)
    assert found["share"].dims == ("chain", "draw", "side", "price")
    assert found["vwap"].dims == ("chain", "draw", "side")
    assert found.sizes["price"] == 40
    if price_range == (0.99, 1.01):
        assert float(found["below"].max() + found["above"].max()) > 0.01


def test_prior_book_is_a_share(any_fit):
    book = entry_price_distribution(any_fit)["prior_book"]
    assert (book > 0).all() and (book < 1).all()


def rising(n=100):
    """Price climbs by a third; the book before the first bar lies around the first price."""
    table = markets.bars(n, seed=3)
    ramp = np.linspace(1.0, 1.33, n)
    for name in ("open", "high", "low", "close"):
        table[name] *= ramp
    table["open"] = table["close"].shift(1, fill_value=float(table["open"].iloc[0]))
    table["high"] = table[["open", "high", "close"]].max(axis=1)
    table["low"] = table[["open", "low", "close"]].min(axis=1)
    return table


def test_average_entry_lies_in_the_prices_of_book_and_panel():
    table = rising()
    fit = fake_fit(markets.panel(table), markets.small_spec(), draws=20)
    found = entry_price_distribution(fit, bins=400)
    low, high = float(table["low"].min()), float(table["high"].max())
    # the book before the first bar is spread around the first close
    assert (found["vwap"] > 0.9 * low).all() and (found["vwap"] < high).all()
    middle = (found["share"] * found["price"]).sum("price")
    np.testing.assert_allclose(found["vwap"], middle, rtol=5e-3)


def test_more_turnover_means_later_entries():
    """With the price rising, a book that turns over faster has higher entries."""
    panel, spec = markets.panel(rising()), markets.small_spec()
    fit = fake_fit(panel, spec, draws=200, scale=1.0)
    found = entry_price_distribution(fit)
    turnover = fit["posterior"]["opening_share_of_volume"].to_numpy().ravel()
    for side in ("long", "short"):
        chosen = found.sel(side=side)
        for name, sign in (("vwap", 1.0), ("prior_book", -1.0)):
            value = chosen[name].transpose("chain", "draw").to_numpy().ravel()
            assert sign * np.corrcoef(np.log(turnover), value)[0, 1] > 0.5, (side, name)


def test_quote_over_base_of_either_kind_of_leg():
    """Equal coins at 30k and 60k cost 45k on average; equal dollars 40k."""
    price = np.array([30_000.0, 60_000.0])
    for kind, average in (("linear", 45_000.0), ("inverse", 40_000.0)):
        paid, held = _paid_and_held(np.array([2.0, 2.0]), price, kind)
        assert paid / held == pytest.approx(average)


def test_average_entry_of_an_aggregate_lies_between_its_legs(monkeypatch):
    """Coins of the linear leg and dollars of the inverse one are added as coins and dollars."""
    table = markets.aggregate(100)
    fit = fake_fit(markets.panel(table, markets.AGGREGATE), markets.small_spec(), draws=6)
    both = entry_price_distribution(fit)["vwap"].to_numpy()
    alone = {}
    for kind in ("linear", "inverse"):
        monkeypatch.setattr(
            entry,
            "_paid_and_held",
            lambda q, p, k, kind=kind: _paid_and_held(q, p, k) if k == kind else (0.0, 0.0),
        )
        alone[kind] = entry_price_distribution(fit)["vwap"].to_numpy()
    low = np.minimum(alone["linear"], alone["inverse"])
    high = np.maximum(alone["linear"], alone["inverse"])
    assert ((both >= low) & (both <= high)).all() and (high > low).all()


def test_level_of_earlier_entries_is_uncertain():
    """With next to no turnover the cost basis is the prior book's, whose level is a path's mean."""
    panel, spec = markets.panel(markets.bars(60)), markets.small_spec()
    fit = fake_fit(panel, spec, draws=300, scale=0.01)
    found = entry_price_distribution(fit, bins=400, price_range=(0.2, 5.0))
    path_sd = float(np.diff(np.log(panel.values("close"))).std())
    level_sd = path_sd * np.sqrt(0.5 * spec.book_age_hours)
    held = float(found["prior_book"].mean())
    spread = np.log(found["vwap"].sel(side="long")).std()
    assert float(spread) == pytest.approx(held * level_sd, rel=0.2)
    # the same path for both sides
    sides = [found["vwap"].sel(side=s).to_numpy().ravel() for s in ("long", "short")]
    assert np.corrcoef(*sides)[0, 1] > 0.9


def test_the_rest_keeps_the_book_before_the_first_bar():
    """After weeks slow holders and churners are gone; with one class next to nothing is left."""
    panel = markets.panel(markets.bars(24 * 20, seed=6))
    left = {}
    for name in ("baseline", "standard"):
        source = load_spec(name).source
        spec = ModelSpec.from_mapping(
            {**source, "resolution": {"cells": 10, "entry_nodes": 2, "funding_blocks": 3}}
        )
        found = entry_price_distribution(fake_fit(panel, spec, draws=20, scale=0.1))
        total = found["share"].sum("price") + found["below"] + found["above"]
        np.testing.assert_allclose(total, 1.0, rtol=1e-9)
        left[name] = float(found["prior_book"].mean())
    assert left["baseline"] < 0.05
    # a third of the book, of which a tenth leaves in three weeks
    assert 0.2 < left["standard"] < 0.35
