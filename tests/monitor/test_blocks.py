"""Blocks cover whole stretches, and their test keeps its level."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqbayes.monitor.blocks import Blocks, shift
from liqbayes.monitor.limits import LEAST_BLOCKS, WINDOW_BLOCKS


@given(st.integers(1, 900), st.integers(1, 900), st.sampled_from([1 / 12, 1.0, 4.0, 24.0]))
def test_blocks_are_whole_and_disjoint(first, new, hours):
    blocks = Blocks.of(first, first + new, hours)
    for found, start, stop in (
        (blocks.inside(), 0, first),
        (blocks.later(), first, first + new),
        (blocks.window(), blocks.judged, first + new),
    ):
        assert all(b - a == blocks.length for a, b in found)
        assert [a for a, _ in found[1:]] == [b for _, b in found[:-1]]
        if found:
            assert found[0][0] >= start and found[-1][1] == stop
    assert len(blocks.window()) == min(new // blocks.length, WINDOW_BLOCKS)


def test_means_need_enough_known_values():
    blocks = Blocks(24, 48, 24)
    bars = np.arange(48)
    values = np.where(bars < 24, 2.0, np.nan)
    values[24:28] = 5.0
    found = blocks.means(bars, values, [(0, 24), (24, 48)])
    assert found[0] == 2.0 and np.isnan(found[1])


@pytest.mark.parametrize(("rho", "most"), [(0.0, 0.07), (0.4, 0.13)])
def test_level_under_no_change(rho, most):
    """Nominal 5 %; a correlation that has to be estimated costs something."""
    rng = np.random.default_rng(5)
    sounded, n = 0, 2000
    for _ in range(n):
        x = rng.standard_normal(28)
        for t in range(1, x.size):
            x[t] = rho * x[t - 1] + np.sqrt(1 - rho**2) * x[t]
        found = shift(x[:21], x[21:])
        sounded += found.p < 0.05
    assert 0.02 < sounded / n < most


def test_a_change_is_found_with_its_size():
    rng = np.random.default_rng(6)
    before, after = rng.standard_normal(30), 4.0 + rng.standard_normal(7)
    found = shift(before, after)
    assert found.change == pytest.approx(4.0, abs=1.2)
    assert found.p < 1e-4 and found.p_up < found.p
    assert found.low < found.after < found.high


def test_unknown_blocks_are_left_out_and_too_few_are_no_test():
    before = np.arange(10.0)
    before[3] = np.nan
    assert shift(before, np.array([np.nan, 4.0])).after == 4.0
    assert shift(before, np.full(3, np.nan)) is None
    assert shift(np.arange(LEAST_BLOCKS - 1.0), np.ones(3)) is None
    assert shift(np.ones(9), np.ones(3)) is None
