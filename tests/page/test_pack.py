"""Quantised arrays say what they were made of, within the error that is promised."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from liqbayes.page.pack import (
    FLOOR,
    PARTS,
    STEP,
    pack_amounts,
    pack_floats,
    pack_probabilities,
    unpack,
)

AMOUNTS = st.one_of(st.just(0.0), st.just(float("nan")), st.floats(1e-6, 1e12))


@given(arrays(np.float64, array_shapes(max_dims=3, max_side=6), elements=AMOUNTS))
def test_amounts_come_back_within_half_a_step(values: np.ndarray) -> None:
    back = unpack(pack_amounts(values))
    assert back.shape == values.shape
    np.testing.assert_array_equal(np.isnan(back), np.isnan(values))
    top = np.nanmax(values, initial=0.0)
    kept = values > 1.01 * FLOOR * top
    error = np.abs(np.log(back[kept] / values[kept]))
    assert (error <= 0.501 * STEP).all()
    below = ~np.isnan(values) & (values < 0.99 * FLOOR * top)
    assert (back[below] == 0).all()
    assert (back[values == 0] == 0).all()


@given(arrays(np.float64, (3, 7), elements=st.one_of(st.just(float("nan")), st.floats(0, 1))))
def test_probabilities_come_back_within_half_a_part(values: np.ndarray) -> None:
    back = unpack(pack_probabilities(values))
    np.testing.assert_array_equal(np.isnan(back), np.isnan(values))
    assert (np.abs(back - values)[~np.isnan(values)] <= 0.5001 / PARTS).all()


def test_all_unknown_and_all_none() -> None:
    assert np.isnan(unpack(pack_amounts(np.full((2, 3), np.nan)))).all()
    assert (unpack(pack_amounts(np.zeros((2, 3)))) == 0).all()


def test_same_values_give_the_same_text() -> None:
    values = np.linspace(1, 9, 20).reshape(4, 5)
    assert pack_amounts(values) == pack_amounts(values.copy())


def test_floats_are_exact() -> None:
    import base64

    values = np.array([1.5, np.nan, -3.0])
    raw = np.frombuffer(base64.b64decode(pack_floats(values)), "<f8")
    np.testing.assert_array_equal(raw, values)


@pytest.mark.parametrize("shape", [(1,), (2, 1, 3)])
def test_one_column(shape: tuple[int, ...]) -> None:
    values = np.full(shape, 7.0)
    np.testing.assert_allclose(unpack(pack_amounts(values)), values, rtol=STEP)
