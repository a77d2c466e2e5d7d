"""Leverage cells: limits, distances by contract and side, tail interpolation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqbayes.contracts import level_log_offset, leverage_from_level
from liqbayes.engine import shares
from liqbayes.errors import SpecError
from liqbayes.model.leverage import (
    BELOW_BOTTOM,
    BOTTOM,
    KNOTS,
    NO_LEVEL,
    ROUNDED,
    TOP,
    LeverageCells,
)

COMBINATIONS = [(k, s) for k in ("linear", "inverse") for s in ("long", "short")]


@given(n=st.integers(8, 60))
def test_edges(n):
    cells = LeverageCells.of(n)
    assert cells.n_cells == n
    assert (np.diff(cells.edges) < 0).all()
    assert cells.edges[0] == pytest.approx(TOP)
    assert cells.edges[-1] == pytest.approx(BOTTOM)
    assert np.isclose(cells.edges, NO_LEVEL, rtol=1e-12).sum() == 1
    np.testing.assert_array_equal(cells.low[:-1], cells.edges[1:])
    assert cells.low[-1] == 0.0
    middle = cells.middle()
    assert (middle < cells.edges).all()
    assert (middle > cells.low).all()


def test_too_few_cells():
    with pytest.raises(SpecError, match="cells is 7; use at least 8"):
        LeverageCells.of(7)


@pytest.mark.parametrize(("kind", "side"), COMBINATIONS)
@pytest.mark.parametrize("n", [8, 24, 48])
def test_distances_follow_the_contract(kind, side, n):
    cells = LeverageCells.of(n)
    near, far = cells.distances(kind, side)
    reachable = np.isfinite(near)
    m = int(reachable.sum())
    assert reachable[:m].all()
    assert not reachable[m:].any()
    assert np.isfinite(far[:m]).all()
    assert np.isinf(far[m:]).all()
    assert (near[:m] < far[:m]).all()
    np.testing.assert_array_equal(near[1:m], far[: m - 1])
    offsets = level_log_offset(kind, side, cells.edges[:m])
    assert (offsets < 0).all() if side == "long" else (offsets > 0).all()
    np.testing.assert_allclose(near[:m], np.abs(offsets))
    # the other way round: a level at the near limit has the leverage of the upper edge
    sign = -1.0 if side == "long" else 1.0
    back = [leverage_from_level(kind, side, np.exp(sign * d)) for d in near[:m]]
    np.testing.assert_allclose(back, cells.edges[:m], rtol=1e-9)


def test_which_cells_have_no_level():
    cells = LeverageCells.of(24)
    low = int((cells.edges <= NO_LEVEL * (1 + 1e-9)).sum())
    unreachable = {c: int(np.isinf(cells.distances(*c)[0]).sum()) for c in COMBINATIONS}
    assert unreachable[("linear", "long")] == low
    assert unreachable[("inverse", "short")] == low
    # only the open end: linear shorts beyond +500 %, inverse longs below a sixth
    assert unreachable[("linear", "short")] == 1
    assert unreachable[("inverse", "long")] == 1
    _, far = cells.distances("linear", "long")
    assert np.exp(-far[np.isfinite(far)].max()) == pytest.approx(0.05)
    _, far = cells.distances("linear", "short")
    assert np.exp(far[np.isfinite(far)].max()) == pytest.approx(6.0)


LOG_TAIL = np.array([-0.2, -0.9, -2.0, -3.3, -5.0])


def straight_tail(leverage):
    """The tail without rounded corners."""
    x, k = np.log(leverage), np.log(KNOTS)
    fall = np.clip((np.log(TOP) - x) / (np.log(TOP) - k[-1]), 0.0, 1.0)
    return np.exp(np.interp(x, k, LOG_TAIL)) * np.where(x > k[-1], fall, 1.0)


@pytest.mark.parametrize("n", [8, 13, 24, 60])
def test_tail_is_log_linear_between_knots(n):
    cells = LeverageCells.of(n)
    weight, factor = cells.tail_matrix()
    high = cells.edges >= NO_LEVEL * (1 - 1e-9)
    np.testing.assert_allclose(weight.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(cells.is_high(), high.astype(int))
    tail = np.exp(weight @ LOG_TAIL) * factor
    nearest = np.abs(np.log(cells.edges[:, None] / KNOTS[1:])).min(axis=1)
    straight = high & (nearest >= np.log(ROUNDED)) & (cells.edges < KNOTS[-1])
    assert straight.any() or n == 8
    np.testing.assert_allclose(tail[straight], straight_tail(cells.edges[straight]), rtol=1e-12)
    # a corner moves by a quarter of the change of slope times the half width at most
    k = np.log(KNOTS)
    bend = np.abs(np.diff(np.diff(LOG_TAIL) / np.diff(k))).max()
    corner = high & (nearest < np.log(ROUNDED)) & (cells.edges < KNOTS[-1] / ROUNDED)
    moved = np.log(tail[corner] / straight_tail(cells.edges[corner]))
    assert (np.abs(moved) <= 0.26 * bend * np.log(ROUNDED)).all()
    assert tail[0] == 0.0
    assert (np.diff(tail[high]) > 0).all()


def test_corners_are_rounded():
    """The density in log leverage changes by less than a tenth from one fine cell to the next."""
    cells = LeverageCells.of(240)
    weight, factor = cells.tail_matrix()
    tail = np.exp(weight @ LOG_TAIL) * factor
    inside = (cells.edges > 1.6) & (cells.edges < 130.0)
    density = np.diff(tail[inside]) / -np.diff(np.log(cells.edges[inside]))
    assert np.abs(np.diff(np.log(density))).max() < 0.1


def cell_shares(cells, p, score=0.0, n_terms=2):
    where = np.r_[np.arange(10), -1, 11 + np.arange(n_terms)].astype(np.int64)
    weight, factor = cells.tail_matrix()
    return shares.cell_shares(
        p, where, weight, factor, cells.low_fraction(), cells.is_high(), cells.basis(n_terms),
        np.array([score]), np.zeros(0, np.int64), np.zeros(1, np.int64), -1, np.zeros(1), -1,
        np.zeros(1),
    )  # fmt: skip


def test_shares_reproduce_the_tail():
    cells = LeverageCells(np.r_[TOP, KNOTS[::-1], 0.6, BOTTOM])
    weight, factor = cells.tail_matrix()
    rng = np.random.default_rng(0)
    p = np.zeros(13)
    p[:6] = rng.normal(size=6)
    p[6:10] = rng.normal(0, 0.5, 4)  # side tilts
    out = cell_shares(cells, p)
    for side, sign in ((0, 1.0), (1, -1.0)):
        step = 1 / (1 + np.exp(-np.r_[p[side], p[2:6] + 0.5 * sign * p[6:10]]))
        tail = np.cumprod(step)
        above = np.cumsum(out[side, 0])  # mass above the lower edge of each cell
        expected = np.exp(weight @ np.log(tail)) * factor
        np.testing.assert_allclose(above[:5], expected[1:6], rtol=1e-10)
        none = 1.0 - tail[0]
        assert out[side, 0, -1] == pytest.approx(BELOW_BOTTOM * none)


def test_deviations_tilt_smoothly_and_leave_the_low_end_alone():
    cells = LeverageCells.of(24)
    basis = cells.basis(4)
    high = cells.edges > NO_LEVEL * (1 + 1e-9)
    assert (basis[~high] == 0).all()
    np.testing.assert_allclose(basis[high].sum(axis=0), 0.0, atol=1e-12)
    gram = basis.T @ basis
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-12)
    flat, bent = np.zeros(13), np.zeros(13)
    bent[11] = 0.3
    a, b = cell_shares(cells, flat)[0, 0], cell_shares(cells, bent)[0, 0]
    ratio = b / a
    assert (np.diff(ratio[high]) < 0).all()
    np.testing.assert_allclose(ratio[~high], ratio[~high][0])
