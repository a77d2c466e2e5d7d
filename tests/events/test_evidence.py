"""Volatility, bands and what counts as dense: known values and no look ahead."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqbayes.events.definitions import BAND_EDGES, BAND_MIDDLES, DENSITY_FLOOR, SIZE_EDGES
from liqbayes.events.evidence import (
    band_distances,
    change,
    dense_bands,
    horizons,
    log_densities,
    spans,
    volatility,
)
from liqbayes.events.packed import pack, unpack


def test_definitions_fit_together():
    assert len(BAND_MIDDLES) == len(BAND_EDGES) - 1
    middles = 0.5 * (np.array(BAND_EDGES[1:]) + np.array(BAND_EDGES[:-1]))
    assert np.allclose(middles, BAND_MIDDLES)
    assert (np.diff(SIZE_EDGES) > 0).all()


def test_horizons_are_whole_bars():
    assert horizons(1.0) == {1.0: 1, 4.0: 4, 24.0: 24}
    assert horizons(24.0) == {24.0: 1}
    assert horizons(5 / 60) == {1.0: 12, 4.0: 48, 24.0: 288}
    assert horizons(36.0) == {}
    assert spans(1.0) == (1, 4, 24) and spans(0.5) == (1, 2, 8, 48)


def test_volatility_of_constant_moves_is_the_move_and_skips_gaps():
    close = 100.0 * np.exp(0.01 * (np.arange(200) % 2))
    close[100:103] = np.nan
    sigma = volatility(close, 1.0)
    assert np.isnan(sigma[:48]).all() and np.isnan(sigma[100:104]).all()
    assert np.allclose(sigma[48:100], 0.01) and np.allclose(sigma[104:], 0.01)


@given(st.integers(60, 150))
def test_volatility_knows_nothing_of_later_bars(cut):
    rng = np.random.default_rng(0)
    close = np.exp(np.cumsum(rng.normal(0, 0.01, 160)))
    later = close.copy()
    later[cut:] *= 1.5
    assert np.array_equal(
        volatility(close, 1.0)[:cut], volatility(later, 1.0)[:cut], equal_nan=True
    )


def test_change_over_bars():
    close = np.array([1.0, 2.0, 4.0])
    assert np.allclose(change(close, 2)[2], np.log(4.0)) and np.isnan(change(close, 2)[:2]).all()


def test_density_is_share_over_width_and_an_empty_band_is_floored():
    distances = band_distances(np.array([0.01]), (1, 4))[0]
    assert np.allclose(distances[0], 0.01 * np.array(BAND_EDGES))
    assert np.allclose(distances[1], 2 * distances[0])
    # two per unit of log price up to the third edge, nothing beyond
    share = 2.0 * np.minimum(distances[0], distances[0, 2])
    found = log_densities(share, distances[0])
    assert np.allclose(found[:2], np.log(2.0 + DENSITY_FLOOR), atol=1e-6)
    assert np.allclose(found[2:], np.log(DENSITY_FLOOR), atol=1e-6)


def test_dense_is_above_the_past_of_the_same_band_only():
    rng = np.random.default_rng(1)
    values = rng.standard_normal((2, 2, 400, 3)).astype(np.float32)
    found = dense_bands(values, 1.0)
    assert not found[:, :, :84].any(), "too little past"
    assert found[:, :, 168:].mean() == pytest.approx(0.2, abs=0.03)
    for t in (200, 399):
        past = np.sort(values[1, 0, t - 168 : t, 2])
        assert found[1, 0, t, 2] == (values[1, 0, t, 2] > past[int(0.8 * 167)])
    later = values.copy()
    later[:, :, 250:] += 10
    assert np.array_equal(dense_bands(later, 1.0)[:, :, :250], found[:, :, :250])
    values[:, :, 300] = np.nan
    assert not dense_bands(values, 1.0)[:, :, 300].any()


def test_packed_arrays_come_back():
    rng = np.random.default_rng(2)
    for values in (
        rng.standard_normal((2, 3, 4)).astype(np.float16),
        rng.random((5, 2)) > 0.5,
        np.array([[np.nan, -np.inf, 1.0]], np.float32),
    ):
        back = unpack(pack(values))
        assert back.dtype == values.dtype
        assert np.array_equal(back, values, equal_nan=values.dtype.kind == "f")
