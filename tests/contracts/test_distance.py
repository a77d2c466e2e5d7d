"""Effective leverage and the distance of its level."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqbayes.contracts import (
    bankruptcy_price,
    level_log_offset,
    leverage_from_level,
    load_contract,
)
from liqbayes.errors import InputError

KINDS, SIDES = ("linear", "inverse"), ("long", "short")
kind, side = st.sampled_from(KINDS), st.sampled_from(SIDES)


def test_stated_values():
    # 3x: 33 % linear, 25 % inverse long, 50 % inverse short.
    assert np.exp(level_log_offset("linear", "long", 3)) == pytest.approx(1 - 1 / 3)
    assert np.exp(level_log_offset("linear", "short", 3)) == pytest.approx(1 + 1 / 3)
    assert np.exp(level_log_offset("inverse", "long", 3)) == pytest.approx(0.75)
    assert np.exp(level_log_offset("inverse", "short", 3)) == pytest.approx(1.5)


def test_where_no_level_exists():
    low = np.array([0.2, 1.0])
    assert np.all(level_log_offset("linear", "long", low) == -np.inf)
    assert np.all(level_log_offset("inverse", "short", low) == np.inf)
    assert np.all(np.isfinite(level_log_offset("linear", "short", low)))
    assert np.all(np.isfinite(level_log_offset("inverse", "long", low)))
    assert np.all(level_log_offset("linear", "long", [np.inf]) == 0)


@given(kind=kind, side=side, lev=st.floats(1.001, 200))
def test_round_trip(kind, side, lev):
    ratio = np.exp(level_log_offset(kind, side, lev))
    assert float(leverage_from_level(kind, side, ratio)) == pytest.approx(lev, rel=1e-9)


@given(kind=kind, side=side, lev=st.floats(0.05, 200))
def test_is_the_bankruptcy_price(kind, side, lev):
    contract = load_contract("bybit:BTCUSDT" if kind == "linear" else "bybit:BTCUSD")
    price = bankruptcy_price(contract, side=side, entry_price=100.0, quantity=7.0, leverage=lev)
    assert 100 * np.exp(level_log_offset(kind, side, lev)) == pytest.approx(float(price), rel=1e-9)


@given(lev=st.floats(1.001, 200))
def test_mirror(lev):
    # An inverse contract in p is a linear one in 1/p with the sides exchanged.
    assert level_log_offset("inverse", "long", lev) == pytest.approx(
        -float(level_log_offset("linear", "short", lev))
    )
    assert level_log_offset("inverse", "short", lev) == pytest.approx(
        -float(level_log_offset("linear", "long", lev))
    )


@given(kind=kind, side=side, low=st.floats(0.05, 100), ratio=st.floats(1.001, 10))
def test_more_leverage_is_never_farther(kind, side, low, ratio):
    far, near = np.abs(level_log_offset(kind, side, [low, low * ratio]))
    assert near <= far
    assert near < far or np.isinf(near)


def test_levels_on_the_profit_side_have_no_leverage():
    for kind_ in KINDS:
        assert np.isnan(leverage_from_level(kind_, "long", 1.1))
        assert np.isnan(leverage_from_level(kind_, "short", 0.9))
        assert leverage_from_level(kind_, "long", 1.0) == np.inf
    assert leverage_from_level("linear", "long", 0.0) == 1.0
    assert leverage_from_level("inverse", "short", np.inf) == 1.0
    assert leverage_from_level("linear", "short", np.inf) == 0.0
    assert leverage_from_level("inverse", "long", 0.0) == 0.0


def test_shape_is_kept():
    assert level_log_offset("linear", "long", np.ones((2, 3))).shape == (2, 3)
    assert leverage_from_level("linear", "long", np.ones((4, 1)) * 0.5).shape == (4, 1)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan])
def test_bad_leverage(bad):
    with pytest.raises(InputError, match="above 0"):
        level_log_offset("linear", "long", [2.0, bad])


@pytest.mark.parametrize(
    "call",
    [
        lambda: level_log_offset("quanto", "long", 2.0),
        lambda: level_log_offset("linear", "buy", 2.0),
        lambda: leverage_from_level("linear", "both", 0.5),
        lambda: leverage_from_level("linear", "long", -0.5),
        lambda: leverage_from_level("linear", "long", np.nan),
    ],
)
def test_bad_arguments(call):
    with pytest.raises(InputError):
        call()
