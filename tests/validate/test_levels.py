"""Clusters and zones against the true book: the comparison itself, without sampling."""

import numpy as np
import pytest

from liqbayes.analysis.clusters import find_clusters
from liqbayes.errors import InputError
from liqbayes.outputs import liquidation_levels
from liqbayes.simulate import market_preset, simulate_market
from liqbayes.validate import LevelsPlan
from liqbayes.validate.levels.run import summarise_rows
from liqbayes.validate.levels.truth import entry_edges, true_entries, true_in_profit, true_levels
from liqbayes.validate.levels.unit import GROUPS, compare_clusters, compare_zones
from tests.model import markets
from tests.outputs.fits import fake_fit


@pytest.fixture(scope="module")
def market():
    return simulate_market(market_preset("default", bars=144), 3)


@pytest.fixture(scope="module")
def fit(market):
    return fake_fit(market.panel, markets.small_spec(), draws=20, prior_draws=60)


def test_true_book_is_that_of_the_positions(market, fit):
    levels = true_levels(market, liquidation_levels(fit, bins=400))
    held = market.positions.dropna(subset="liquidation_price")
    mark = market.truth["mark_price"]
    for side, low, high in (("long", 0.5, 1.0), ("short", 1.0, 2.0)):
        own = held[held["side"] == side]
        inside = own["liquidation_price"].between(low * mark, high * mark)
        total = float(levels["quantity"].sel(side=side).sum())
        assert total == pytest.approx(float(own.loc[inside, "size"].sum()), rel=1e-9)
        # the simulator's own share at risk, to what a bin holds
        risk = float(
            levels["quantity"]
            .sel(side=side)[0, 0]
            .where(abs(levels["price"] / levels.attrs["mark_price"] - 1) < 0.1, 0.0)
            .sum()
        ) / float(market.positions.loc[market.positions["side"] == side, "size"].sum())
        assert risk == pytest.approx(market.truth["at_risk"][side]["0.1"], abs=0.02)


def test_true_entries_leave_nothing_out(market):
    grid = float(market.truth["mark_price"]) * np.geomspace(0.2, 5.0, 501)
    edges = entry_edges(market.panel, grid, 8)
    assert edges.size == 9 and edges[0] == grid[0] and edges[-1] == grid[-1]
    total = market.positions.groupby("side")["size"].sum()
    entries = true_entries(market, edges)
    np.testing.assert_allclose(entries.sum(axis=1), total[["long", "short"]])
    profit = true_in_profit(market)
    assert 0 <= profit["long"] <= 1 and 0 <= profit["short"] <= 1


def test_a_posterior_that_is_the_truth_is_found_right(market, fit, monkeypatch):
    """With the true book in every draw all overlaps are whole and all probabilities one."""
    truth = true_levels(market, liquidation_levels(fit))
    copies = truth.isel(chain=[0, 0], draw=[0] * 10).assign_coords(
        chain=np.arange(2), draw=np.arange(10)
    )
    found = find_clusters(copies)
    assert (found["stability"] == 0).all()
    monkeypatch.setattr("liqbayes.validate.levels.unit.liquidation_levels", lambda *a, **k: copies)
    rows, sets = compare_clusters(fit, market, "posterior")
    for row in rows:
        assert row["interval"][0] == pytest.approx(row["truth"])
        assert row["p_top"] == float(row["top"])
    # pieces shorter than the bandwidth are left out of what the draws have in common
    assert all(s["apart"] < 0.35 and s["held"] > s["width"] for s in sets.values())


def test_rows_are_pooled_by_market(market, fit):
    row = {"clusters": {}, "sets": {}, "zones": {}}
    for group in GROUPS:
        row["clusters"][group], row["sets"][group] = compare_clusters(fit, market, group)
        row["zones"][group] = compare_zones(fit, market, group)
    names = [z["quantity"] for z in row["zones"]["posterior"]]
    assert names.count("cost basis") == names.count("in profit") == 2
    assert names.count("entries") == 2 * names.count("delta") > 8
    table = summarise_rows([row, row]).set_index(["group", "quantity"])
    hits = [c["interval"][0] <= c["truth"] <= c["interval"][2] for c in row["clusters"]["prior"]]
    assert table.loc[("prior", "cluster notional covered"), "value"] == pytest.approx(np.mean(hits))
    assert table.loc[("prior", "cluster notional covered"), "markets"] == 2
    shares = table["value"][[c.endswith("covered") for _, c in table.index]]
    assert shares.between(0, 1).all()


def test_markets_outside_the_table_are_refused():
    for markets_ in (0, 101):
        with pytest.raises(InputError, match="--markets"):
            LevelsPlan(markets=markets_)
    # those seen in development are not used
    assert list(LevelsPlan(markets=3).units()) == ["060", "061", "062"]
    assert min(LevelsPlan(markets=100).units()) == "060"
