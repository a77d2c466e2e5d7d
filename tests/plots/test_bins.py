"""Arithmetic of the figures: merging keeps amounts, densities integrate, unknown is not zero."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from liqbayes.plots.bins import (
    bands,
    merge_price,
    outward,
    percent_widths,
    price_edges,
    time_edges,
)
from liqbayes.plots.densities import _per_doubling
from liqbayes.plots.reports import coverage
from liqbayes.plots.style import compact, price_text
from tests.plots import synthetic


@given(st.integers(1, 60), st.integers(1, 80))
def test_merging_bins_keeps_every_draws_total(n: int, to: int) -> None:
    rng = np.random.default_rng(n * 100 + to)
    data = xr.DataArray(rng.random((2, 3, n)), dims=("chain", "draw", "price"))
    edges = np.geomspace(1.0, 3.0, n + 1)
    merged, kept = merge_price(data, edges, to)
    np.testing.assert_allclose(merged.sum("price"), data.sum("price"))
    assert kept[0] == edges[0] and kept[-1] == edges[-1]
    assert len(kept) == merged.sizes["price"] + 1
    assert set(kept) <= set(edges)
    assert to <= merged.sizes["price"] < 2 * to + 1 or n <= to


def test_merged_bins_hold_their_neighbours() -> None:
    data = xr.DataArray([[[1.0, 2.0, 4.0, 8.0, 16.0]]], dims=("chain", "draw", "price"))
    merged, edges = merge_price(data, np.arange(1.0, 7.0), 2)
    np.testing.assert_array_equal(merged.to_numpy().ravel(), [3.0, 12.0, 16.0])
    np.testing.assert_array_equal(edges, [1.0, 3.0, 5.0, 6.0])


def test_density_per_percent_integrates_to_the_total() -> None:
    levels = synthetic.levels(chains=1, draws=2)
    edges = price_edges(levels)
    widths = percent_widths(edges)
    assert len(edges) == levels.sizes["price"] + 1
    density = levels["quantity"] / xr.DataArray(widths, dims="price")
    np.testing.assert_allclose(
        (density * xr.DataArray(widths, dims="price")).sum("price"), levels["quantity"].sum("price")
    )
    np.testing.assert_allclose(widths.sum(), 100 * np.log(edges[-1] / edges[0]))


def test_leverage_density_integrates_to_the_closed_share() -> None:
    share = synthetic.leverage().sel(side="long")
    _, median, _, edges, words = _per_doubling(share)
    area = (median * np.log2(edges[1:] / edges[:-1])).sum()
    medians = np.sort(share.median(("chain", "draw")).to_numpy()[:-1])
    assert area == pytest.approx(medians.sum())
    assert (np.diff(edges) > 0).all()
    assert words.startswith("below 0.2x:")


def test_cumulative_runs_outward_from_the_mark() -> None:
    data = xr.DataArray([1.0, 2.0, 4.0], dims="price")
    np.testing.assert_array_equal(outward(data, "long"), [7.0, 6.0, 4.0])
    np.testing.assert_array_equal(outward(data, "short"), [1.0, 3.0, 7.0])


def test_bands_are_quantiles_over_chain_and_draw() -> None:
    data = xr.DataArray(np.arange(200.0).reshape(2, 100, 1), dims=("chain", "draw", "price"))
    low, middle, high = (float(v.squeeze()) for v in bands(data))
    assert (low, middle, high) == pytest.approx(
        tuple(np.quantile(np.arange(200.0), [0.05, 0.5, 0.95]))
    )


def test_time_edges_end_one_bar_after_the_last_stamp() -> None:
    time = np.array(["2024-01-01T00", "2024-01-01T01", "2024-01-01T02"], dtype="datetime64[ns]")
    edges = time_edges(time)
    assert edges[-1] == np.datetime64("2024-01-01T03")
    np.testing.assert_array_equal(edges[:-1], time)
    assert time_edges(time[:1]).size == 2


def test_coverage_leaves_unknown_reports_out() -> None:
    values = np.array([1.0, np.nan, 5.0, 3.0])
    assert coverage(values, np.zeros(4), np.full(4, 3.0)) == pytest.approx(2 / 3)
    assert np.isnan(coverage(np.array([np.nan]), np.zeros(1), np.ones(1)))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (999.99, "1k"), (1234567.0, "1.23M"), (-5e9, "-5B"), (np.nan, "unknown")],
)
def test_compact(value: float, text: str) -> None:
    assert compact(value) == text


def test_prices_keep_the_digits_they_need() -> None:
    assert price_text(61234.5) == "61,234"
    assert price_text(0.12345) == "0.1235"
