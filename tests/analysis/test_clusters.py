"""Clusters: planted ones are found where they are, masses are those of the levels."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import liqbayes
from liqbayes.analysis.clusters import BANDWIDTH, cluster_ages, find_clusters, match_clusters
from liqbayes.analysis.clusters.topic import clusters_table
from liqbayes.errors import InputError
from liqbayes.outputs.context import open_fit
from tests.analysis import books
from tests.model import markets
from tests.outputs import fits

PER_DRAW = ("quantity", "quote", "in_top", "found", "rank", "found_low", "found_high")
SIDES = ("long", "short")


def test_planted_clusters_are_found_in_every_draw():
    book = books.planted(("long", 0.90, 0.93, 40.0), ("short", 1.10, 1.14, 60.0))
    found = find_clusters(book)
    assert found["side"].to_numpy().tolist() == ["short", "long"]
    for i, (low, high) in enumerate([(1.10, 1.14), (0.90, 0.93)]):
        one = found.isel(cluster=i)
        # the densest quarter of the side lies within the lump, less than two bandwidths outside
        assert np.log(one["price_low"] / books.MARK / low) > -2 * BANDWIDTH
        assert np.log(one["price_high"] / books.MARK / high) < 2 * BANDWIDTH
        assert low < one["price"] / books.MARK < high
        assert float(one["distance"]) == pytest.approx(abs(float(one["price"]) / books.MARK - 1))
        assert one["rank"].notnull().all() and one["in_top"].all()
        assert (one["found_low"] < one["found_high"]).all()
    assert not found["cut"].any()
    assert all(found[name].dims == ("chain", "draw", "cluster") for name in PER_DRAW)


def test_limits_of_a_planted_cluster_are_found():
    """With a share that is the lump's, the limits are the lump's, to the width of the kernel."""
    book = books.planted(("long", 0.85, 0.90, 200.0), noise=0.2)
    one = find_clusters(book, share=0.9).isel(cluster=0)
    assert abs(float(np.log(one["price_low"] / books.MARK / 0.85))) < 1.5 * BANDWIDTH
    assert abs(float(np.log(one["price_high"] / books.MARK / 0.90))) < 1.5 * BANDWIDTH
    spread = np.log(one["found_low"].quantile([0.05, 0.95]))
    assert float(spread[1] - spread[0]) < 2 * BANDWIDTH
    assert float(find_clusters(book, share=0.9)["stability"].sel(of_side="long")) < 0.3


def test_notional_is_that_of_the_draw_between_the_limits():
    book = books.planted(("long", 0.80, 0.84, 40.0), ("long", 0.93, 0.96, 40.0))
    found = find_clusters(book, share=0.5)
    assert found.sizes["cluster"] > 2
    for i in range(found.sizes["cluster"]):
        one = found.isel(cluster=i)
        here = (book["price_low"] >= one["price_low"]) & (book["price_high"] <= one["price_high"])
        for name in ("quote", "quantity"):
            mass = book[name].sel(side=str(one["side"].item())).where(here, 0.0).sum("price")
            np.testing.assert_allclose(one[name], mass)


def test_top_counts_the_ranges_of_a_draw_over_both_sides():
    book = books.planted(
        ("long", 0.90, 0.94, 90.0), ("short", 1.10, 1.12, 40.0), ("short", 1.20, 1.22, 40.0)
    )
    first = find_clusters(book, share=0.6, top=1)["in_top"].mean(("chain", "draw"))
    assert float(first[0]) == 1.0 and float(first[1:].max()) == 0.0
    # two of about one size share the second place
    second = find_clusters(book, share=0.6, top=2)["in_top"].mean(("chain", "draw"))
    assert (second[1:] > 0.01).all() and float(second[1:].sum()) == pytest.approx(1.0)
    ranks = find_clusters(book, share=0.6)["rank"]
    for value in (1, 2, 3):
        assert ((ranks == value).sum("cluster") <= 1).all()


def test_draws_that_disagree_are_said_to():
    rng = np.random.default_rng(3)
    quote = np.zeros((2, 100, 2, 400))
    for i in range(2):
        for j in range(100):
            at = rng.integers(120, 190)
            quote[i, j, 0, at : at + 8] = 100.0
    apart = find_clusters(books.levels(quote))
    assert float(apart["stability"].sel(of_side="long")) > 0.6
    # no draw has a level on the other side: no cluster, and unknown rather than agreed
    assert np.isnan(apart["stability"].sel(of_side="short"))
    assert set(apart["side"].to_numpy()) == {"long"}
    assert float(apart["rank"].notnull().mean()) < 0.7


@settings(max_examples=25)
@given(
    middle=st.floats(0.78, 0.95),
    width=st.floats(0.02, 0.06),
    amount=st.floats(5.0, 200.0),
    seed=st.integers(0, 2**31 - 1),
)
def test_mirrored_book_has_mirrored_clusters(middle, width, amount, seed):
    """Swapping sides and inverting prices swaps clusters: logarithmic bins mirror exactly."""
    place = ("long", middle - width / 2, min(middle + width / 2, 0.99), amount)
    book = books.planted(place, draws=20, seed=seed, floor=0.0)
    turned = books.levels(book["quote"].to_numpy()[:, :, ::-1, ::-1])
    one, other = (find_clusters(x, within=0.499) for x in (book, turned))
    assert set(one["side"].to_numpy()) == {"long"}
    assert set(other["side"].to_numpy()) == {"short"}
    lows = np.sort(one["price_low"].to_numpy())
    np.testing.assert_allclose(
        np.sort(books.MARK**2 / other["price_high"].to_numpy()), lows, rtol=1e-9
    )
    np.testing.assert_allclose(
        np.sort(one["quote"].to_numpy().ravel()), np.sort(other["quote"].to_numpy().ravel())
    )


@settings(max_examples=25)
@given(st.floats(1e-3, 1e6), st.permutations(range(6)))
def test_scale_and_order_of_draws_do_not_matter(factor, order):
    book = books.planted(("long", 0.88, 0.92, 20.0), draws=6, bins=200)
    quote = book["quote"].to_numpy().reshape(1, 6, 2, 200)
    one = find_clusters(books.levels(quote), bandwidth=0.02)
    other = find_clusters(books.levels(factor * quote[:, list(order)]), bandwidth=0.02)
    for name in ("side", "price_low", "price_high"):
        assert one[name].to_numpy().tolist() == other[name].to_numpy().tolist()
    np.testing.assert_allclose(other["quote"], factor * one["quote"].isel(draw=list(order)))


def test_single_draw_has_clusters_and_no_probability():
    book = books.planted(("long", 0.90, 0.93, 40.0), draws=2).isel(chain=[0])
    found = find_clusters(book)
    assert float(found["rank"][0, 0, 0]) == 1.0 and np.isnan(found["stability"]).all()
    table = clusters_table(found, book)
    assert table["p_found"].isna().all() and table["quote_low"].isna().all()
    assert table["quote_median"].gt(0).all()


def test_nothing_within_reach_is_no_cluster():
    found = find_clusters(books.levels(np.zeros((2, 5, 2, 400))))
    assert found.sizes["cluster"] == 0
    assert clusters_table(found, books.levels(np.zeros((2, 5, 2, 400)))).empty


def test_cluster_at_the_end_of_reach_is_marked():
    book = books.planted(("long", 0.6, 0.75, 50.0))
    assert find_clusters(book, within=0.3)["cut"].any()
    assert not find_clusters(book, within=0.45)["cut"].any()


@pytest.mark.parametrize(
    "options",
    [
        {"top": 0},
        {"limit": 0},
        {"share": 1.0},
        {"within": 0.0},
        {"within": 0.6},
        {"bandwidth": 1e-4},
        {"bandwidth": 0.5},
    ],
)
def test_impossible_settings_are_refused(options):
    with pytest.raises(InputError):
        find_clusters(books.planted(("long", 0.9, 0.93, 40.0), draws=4), **options)


def test_unknown_levels_are_refused():
    quote = np.ones((1, 4, 2, 400))
    quote[0, 1, 0, 100] = np.nan
    with pytest.raises(InputError, match="NaN"):
        find_clusters(books.levels(quote))


def ages_of(fit: xr.DataTree) -> tuple[xr.Dataset, xr.Dataset]:
    levels = liqbayes.liquidation_levels(fit)
    clusters = find_clusters(levels)
    return clusters, cluster_ages(open_fit(fit, "posterior", "realised"), clusters)


def test_ages_are_shares_that_grow_with_age(any_fit):
    clusters, ages = ages_of(any_fit)
    assert clusters.sizes["cluster"] > 0
    assert ages["age"].dims == ("chain", "draw", "cluster")
    young, old = (ages["younger"].sel(hours=h) for h in (24.0, 168.0))
    known = ages["before"].notnull()
    assert known.any()
    assert ((young <= old + 1e-12) | ~known).all() and ((old <= 1 + 1e-12) | ~known).all()
    assert ((old + ages["before"] <= 1 + 1e-9) | ~known).all()
    # what is older than the model has no age
    assert (ages["age"].isnull() | (ages["before"] <= 0.5)).all()


def test_a_bar_longer_than_an_age_tells_nothing_of_it():
    """Bars of three days hold levels younger and older than one."""
    panel = markets.panel(markets.bars(60, freq="72h"))
    clusters, ages = ages_of(fits.fake_fit(panel, markets.small_spec(), draws=5, prior_draws=20))
    assert clusters.sizes["cluster"] > 0
    assert ages["younger"].sel(hours=24.0).isnull().all()
    assert ages["younger"].sel(hours=168.0).notnull().any()


def test_rule_has_clusters_without_intervals():
    fit = liqbayes.fit("fixed-mix", fits.small_market())
    clusters, ages = ages_of(fit)
    assert clusters.sizes["cluster"] > 0
    assert (ages["before"] < 1e-12).all()


def test_clusters_are_looked_up_in_another_book():
    book = books.planted(("long", 0.90, 0.93, 40.0), ("short", 1.10, 1.14, 60.0))
    found = find_clusters(book, top=3)
    again = match_clusters(found, book)
    for name in PER_DRAW:
        xr.testing.assert_equal(again[name].drop_vars("of_side", errors="ignore"), found[name])
    moved = books.planted(("long", 0.80, 0.83, 40.0), seed=2, draws=2).isel(chain=[0])
    other = match_clusters(found, moved)
    assert other.sizes["draw"] == 1
    assert other["rank"].sel(cluster=1).isnull().all() and not other["in_top"].sel(cluster=1).any()
    with pytest.raises(InputError, match="grid"):
        match_clusters(found, books.planted(("long", 0.9, 0.93, 40.0), draws=2, bins=300))
