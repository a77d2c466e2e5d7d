"""Hand-written adjoints against finite differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liqbayes.engine import book, classes, interest, parameters, recursion, reports, shares
from liqbayes.engine.adjoint import reverse
from liqbayes.model.leverage import LeverageCells
from tests.engine.markets import random_market

GAPS = ((1, 16), (18, 40))


def slope(function, at, direction, step):
    """Fourth-order central difference of a scalar function along a direction."""
    f = [function(at + i * step * direction) for i in (-2, -1, 1, 2)]
    return (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * step)


def agree(function, at, gradient, rng, *, step=1e-4, rtol=1e-6, atol=1e-9, n_directions=3):
    """The gradient along random directions, relative to the size of the value."""
    at, gradient = np.asarray(at, float), np.asarray(gradient, float)
    size = max(1.0, abs(function(at)))
    for _ in range(n_directions):
        direction = rng.normal(size=at.shape) * np.maximum(np.abs(at), 1e-3)
        numeric = slope(function, at, direction, step)
        analytic = float(np.sum(gradient * direction))
        assert analytic == pytest.approx(numeric, rel=rtol, abs=atol * size)


NAMES = ("flow", "shares", "closed_share", "renewal", "entering", "speed", "initial")


def check_forward(market, rng, **tolerance):
    """All derivatives of a random functional of expected and predicted liquidation."""
    n = market.path.n_bars
    by_expected, by_predicted = rng.normal(size=(2, n))

    def target(name, value):
        value = float(value) if np.ndim(value) == 0 else np.ascontiguousarray(value)
        *_, bars = recursion.forward(*market.but(**{name: value}).arguments)
        return float(
            by_expected @ bars[recursion.EXPECTED] + by_predicted @ bars[recursion.PREDICTED]
        )

    tapes = recursion.forward(*market.arguments)
    gradients = reverse(by_expected, by_predicted, *tapes, *market.arguments)
    for name, gradient in zip(NAMES, gradients, strict=True):
        if market.entering.size == 1 and name in ("entering", "initial"):
            continue  # shares of one class sum to one; no other value has a meaning
        agree(lambda v, name=name: target(name, v), getattr(market, name), gradient, rng,
              **tolerance)  # fmt: skip
    return gradients


@given(
    seed=st.integers(0, 500),
    side=st.sampled_from(["long", "short"]),
    closed_share=st.sampled_from([1.0, 0.75, 0.5]),
    renewal=st.sampled_from([1e-4, 0.02, 0.05]),
    n_classes=st.integers(1, 3),
    n_blocks=st.integers(1, 3),
)
@settings(max_examples=25)
def test_recursion(seed, side, closed_share, renewal, n_classes, n_blocks):
    market = random_market(
        seed, side=side, n_bars=40, n_classes=n_classes, n_blocks=n_blocks, renewal=renewal,
        closed_share=closed_share, segments=GAPS,
    )  # fmt: skip
    check_forward(market, np.random.default_rng(seed), rtol=1e-5)


def test_speed_of_a_single_class_does_not_matter():
    market = random_market(1, n_bars=40)
    gradients = check_forward(market, np.random.default_rng(0))
    assert abs(gradients[NAMES.index("speed")][0]) < 1e-8


@pytest.mark.parametrize("n_classes", [1, 2, 3])
@pytest.mark.parametrize("renewal", [5.0, 12.0, 60.0, 900.0])
def test_recursion_over_several_rescalings(n_classes, renewal):
    market = random_market(
        2, n_bars=220, n_classes=n_classes, n_blocks=3, renewal=renewal, closed_share=0.7,
        flow_scale=2.0, segments=((0, 100), (101, 220)),
    )  # fmt: skip
    *_, by_class, _ = recursion.forward(*market.arguments)
    assert by_class[recursion.LOG_KEPT, 0].min() < np.log(recursion.RESCALE_AT)
    check_forward(market, np.random.default_rng(3), rtol=1e-5)


@given(
    flow=st.lists(
        st.one_of(st.just(0.0), st.floats(1e-9, 1e-2), st.floats(1e-2, 1e6)),
        min_size=20,
        max_size=20,
    ),
    renewal=st.sampled_from([0.0, 0.02, 1.0, 800.0]),
    speed=st.sampled_from([1.0, 2.0, 30.0, 1000.0]),
    spread=st.sampled_from([0.0, 0.01, 1.0, 5.0]),
)
@settings(max_examples=40)
def test_gradients_are_finite_in_extremes(flow, renewal, speed, spread):
    market = random_market(7, n_bars=20, n_classes=2, renewal=renewal, interest_spread=spread)
    market = market.but(flow=np.array(flow), speed=np.array([1.0, speed]))
    tapes = recursion.forward(*market.arguments)
    gradients = reverse(np.ones(20), np.ones(20), *tapes, *market.arguments)
    assert all(np.isfinite(g).all() for g in gradients)


ONE_CLASS = np.full(4, -1)


@pytest.mark.parametrize("classes_at", [ONE_CLASS, np.arange(5, 9)], ids=["one", "three"])
@pytest.mark.parametrize("walking", [True, False])
@pytest.mark.parametrize("scaled", [True, False])
def test_book_is_forward_at_its_parameters(scaled, walking, classes_at):
    market = random_market(9, n_bars=40, segments=GAPS, n_blocks=2)
    mirror = random_market(9, n_bars=40, segments=GAPS, n_blocks=2, side="short")
    rng = np.random.default_rng(4)
    p = np.array([9.0, 0.2, 0.3, 0.75, 1.7, 0.7, 20.0, 0.3, 0.05, 0.4, 1.0, -2.0])
    held = classes.holding_classes(p, classes_at)
    where = np.array([1, 2, 3, 4 if scaled else -1])
    days = 1.0 / 24.0
    turnover = rng.lognormal(size=40)
    both = rng.dirichlet(np.ones(market.shares.shape[2]), (2, 2 * held.shape[1]))
    walk = np.array([9, 10, 11]) if walking else np.zeros(0, np.int64)
    step = np.repeat([0, 1, 2], [10, 20, 10]) * walking
    data = (where, classes_at, days, turnover, *market.data[:3], walk, step,
            *market.touches.arrays, *mirror.touches.arrays)  # fmt: skip
    factor = np.exp(np.array([0.0, 0.4, -0.4]))[step]
    outputs = book.book(p, both, *data)
    for j, one in enumerate((market, mirror)):
        plain = market.but(
            flow=p[1] * (p[4] if scaled else 1.0) * factor * turnover, renewal=p[2] * days,
            closed_share=p[3], entering=held[0], initial=held[2], speed=held[1],
            touches=one.touches, shares=both[j].reshape(held.shape[1], 2, -1),
        )  # fmt: skip
        bars = recursion.forward(*plain.arguments)[-1]
        np.testing.assert_allclose(outputs[6 + 5 * j], bars, rtol=1e-12)
        np.testing.assert_allclose(outputs[0][j], bars[recursion.EXPECTED], rtol=1e-12)
        np.testing.assert_allclose(outputs[1][j], bars[recursion.PREDICTED], rtol=1e-12)
    by_expected, by_predicted = rng.normal(size=(2, 2, 40))

    def target(p, both):
        expected, predicted, *_ = book.book(p, both, *data)
        return float(np.sum(by_expected * expected + by_predicted * predicted))

    p_bar, shares_bar = book.book_reverse(by_expected, by_predicted, *outputs, p, both, *data)
    agree(lambda v: target(v, both), p, p_bar, rng)
    agree(lambda v: target(p, v), both, shares_bar, rng)
    assert p_bar[0] == 0.0
    assert (p_bar[4] != 0.0) == scaled
    assert (p_bar[5:9] != 0.0).all() == (held.shape[1] == 3)
    assert (p_bar[9:] != 0.0).all() == walking


def test_a_walk_that_stands_still_changes_nothing():
    """To the last bit: models without one keep their numbers."""
    market = random_market(9, n_bars=40, segments=GAPS, n_blocks=2)
    rng = np.random.default_rng(4)
    p = np.array([9.0, 0.2, 0.3, 0.75, 0.4, 0.0, 0.0])
    both = rng.dirichlet(np.ones(market.shares.shape[2]), (2, 2))
    head = (np.array([1, 2, 3, -1]), ONE_CLASS, 1.0 / 24.0, rng.lognormal(size=40))
    runs, gradients = [], []
    for walk, step in (
        (np.zeros(0, np.int64), np.zeros(40, np.int64)),
        (np.array([4, 5, 6]), np.repeat([0, 1, 2], [10, 20, 10])),
    ):
        data = (*head, *market.data[:3], walk, step, *(2 * market.touches.arrays))
        outputs = book.book(p, both, *data)
        runs.append(outputs)
        ones = np.ones((2, 40))
        gradients.append(book.book_reverse(ones, ones, *outputs, p, both, *data))
    for one, other in zip(*runs, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(gradients[0][1], gradients[1][1])


@given(
    chi=st.floats(0.05, 0.95), ratio=st.floats(1.0, 200.0), rest=st.floats(0.02, 0.9),
    speed=st.floats(1e-3, 1.0), seed=st.integers(0, 99),
)  # fmt: skip
def test_holding_classes(chi, ratio, rest, speed, seed):
    p, where = np.array([chi, ratio, rest, speed]), np.arange(4)
    entering, hazard, book_share = classes.holding_classes(p, where)
    assert entering.sum() == pytest.approx(1.0)
    assert book_share.sum() == pytest.approx(1.0)
    assert book_share[2] == pytest.approx(rest)
    # in balance every class loses what it gains
    leaves = hazard * book_share
    np.testing.assert_allclose(leaves / leaves.sum(), entering, rtol=1e-9)
    rng = np.random.default_rng(seed)
    cotangent = rng.normal(size=(3, 3))
    gradient = np.zeros(4)
    classes.holding_classes_reverse(*cotangent, p, where, gradient)
    agree(lambda v: float(np.sum(cotangent * classes.holding_classes(v, where))), p, gradient, rng)


def share_arguments(n_blocks, tilted, walking, leaning, capped):
    cells = LeverageCells.of(12)
    weight, factor = cells.tail_matrix()
    where = np.r_[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 if tilted else -1, 11, 12]
    score = np.linspace(-1.0, 2.0, n_blocks)
    walk = np.array([13, 14, 15]) if walking else np.zeros(0, np.int64)
    week = np.arange(n_blocks) if walking else np.zeros(n_blocks, np.int64)
    return (where.astype(np.int64), weight, factor, cells.low_fraction(), cells.is_high(),
            cells.basis(2), score, walk, week, 16 if leaning else -1,
            np.array([0.0, 1.0, -1.0] if leaning else [0.0]), 17 if capped else -1,
            np.linspace(0.0, 1.0, n_blocks) * capped)  # fmt: skip


@pytest.mark.parametrize("capped", [True, False])
@pytest.mark.parametrize("leaning", [True, False])
@pytest.mark.parametrize("walking", [True, False])
@pytest.mark.parametrize("tilted", [True, False])
def test_cell_shares(tilted, walking, leaning, capped):
    rng = np.random.default_rng(2)
    data = share_arguments(3, tilted, walking, leaning, capped)
    p = rng.normal(0, 0.7, 18)
    out = shares.cell_shares(p, *data)
    np.testing.assert_allclose(out.sum(axis=2), 1.0, rtol=1e-13)
    assert (out >= 0).all()
    cotangent = rng.normal(size=out.shape)
    gradient = shares.cell_shares_reverse(cotangent, out, p, *data)
    agree(lambda v: float(np.sum(cotangent * shares.cell_shares(v, *data))), p, gradient, rng,
          n_directions=8)  # fmt: skip
    assert (gradient[13:16] != 0.0).all() == walking
    assert (gradient[16] != 0.0) == leaning
    assert (gradient[17] != 0.0) == capped
    assert out.shape[1] == (9 if leaning else 3)
    if leaning:
        # churners open more above 8x than slow holders, the rest less, if the tilt is positive
        high = out[0].reshape(3, 3, 12)[:, :, :4].sum(axis=2) * np.sign(p[16])
        assert (high[1] > high[0]).all() and (high[0] > high[2]).all()
    if not tilted:
        assert gradient[10] == 0.0
        assert (out[:, 0] == out[:, 1]).all() != (walking or capped)


def test_a_cut_moves_the_steps_above_20x_and_50x_only():
    *data, _, _ = share_arguments(2, False, False, False, False)
    p = np.random.default_rng(3).normal(0, 0.5, 18)
    p[11:13] = 0.0  # no departures from the tail
    p[17] = -0.8
    before, after = shares.cell_shares(p, *data, 17, np.array([0.0, 1.0]))[0]
    edges = LeverageCells.of(12).edges

    def tail(row, leverage):
        """P(effective leverage above an edge)."""
        return row[: np.searchsorted(-edges, -leverage * 1.4, side="left")].sum()

    low = edges[edges < 8.0 / 1.4][0]
    assert before[edges <= low].sum() == pytest.approx(after[edges <= low].sum(), rel=1e-12)
    assert tail(after, 50.0) < tail(before, 50.0) < tail(before, 20.0)
    assert tail(after, 20.0) < tail(before, 20.0)
    p[17] = 0.0
    still = shares.cell_shares(p, *data, 17, np.array([0.0, 1.0]))
    np.testing.assert_array_equal(still, shares.cell_shares(p, *data, -1, np.zeros(2)))


def test_interest_moments():
    rng = np.random.default_rng(5)
    n = 30
    p = np.r_[0.5, 0.1, 0.8, 0.7, 0.2, -0.3, 0.4]
    predicted = rng.lognormal(0, 1, (2, n))
    first, last = np.array([1, 3, 7, 20]), np.array([2, 3, 12, 20])
    data = (np.arange(7), 0.004, rng.normal(size=(n, 3)), rng.normal(0, 0.5, n),
            rng.uniform(50, 100, n), first, last)  # fmt: skip
    location, scale = interest.interest_moments(p, predicted, *data)
    weights = rng.normal(size=(2, 4))

    def target(p, predicted):
        a, b = interest.interest_moments(p, predicted, *data)
        return float(1e3 * (weights[0] @ a + weights[1] @ b))

    p_bar, predicted_bar = interest.interest_moments_reverse(
        *(1e3 * weights), location, scale, p, predicted, *data
    )
    agree(lambda v: target(v, predicted), p, p_bar, rng, n_directions=8)
    agree(lambda v: target(p, v), predicted, predicted_bar, rng)


def test_a_term_over_a_gap_adds_locations_and_variances():
    n = 4
    p = np.r_[0.5, 0.3, 0.8, 1.0, 0.2]
    predicted = np.zeros((2, n))
    common = (np.arange(5), 0.004, np.ones((n, 1)), np.zeros(n), np.ones(n))
    one = interest.interest_moments(p, predicted, *common, np.array([1]), np.array([1]))
    all_three = interest.interest_moments(p, predicted, *common, np.array([1]), np.array([3]))
    np.testing.assert_allclose(all_three[0], 3 * one[0], rtol=1e-14)
    np.testing.assert_allclose(all_three[1], np.sqrt(3) * one[1], rtol=1e-14)


def report_arguments(rng, n, throttled):
    start = np.zeros(n, np.int64)
    start[:2] = -1
    start[2] = start[18] = 1
    log_past = np.where(rng.random((2, n)) < 0.3, -np.inf, rng.normal(-7, 1, (2, n)))
    capacity = np.full(n, 3600.0) if throttled else np.full(n, np.inf)
    where = np.array([np.arange(8), [0, 1, 2, 3, 4, 8, 6, 7]])
    return where, 1.0, rng.uniform(800, 1200, n), capacity, log_past, start


@pytest.mark.parametrize("throttled", [True, False])
def test_report_moments(throttled):
    rng = np.random.default_rng(6)
    n = 40
    p = np.array([0.5, 2e-4, 0.3, 6e-5, 0.7, 300.0, 30.0, 0.2, 90.0])
    expected = rng.lognormal(0, 1.5, (2, n))
    data = report_arguments(rng, n, throttled)
    outputs = reports.report_moments(p, expected, *data)
    by = rng.normal(size=(3, 2, n))

    def target(p, expected):
        return float(np.sum(by * np.stack(reports.report_moments(p, expected, *data)[:3])))

    p_bar, expected_bar = reports.report_moments_reverse(*by, *outputs, p, expected, *data)
    agree(lambda v: target(v, expected), p, p_bar, rng, n_directions=10)
    agree(lambda v: target(p, v), expected, expected_bar, rng, n_directions=10)
    for i in range(9):
        unit = np.zeros(9)
        unit[i] = p[i]
        numeric = slope(lambda v: target(v, expected), p, unit, 1e-4)
        assert p_bar[i] * p[i] == pytest.approx(numeric, rel=1e-6, abs=1e-7)


def test_natural():
    rng = np.random.default_rng(8)
    z = rng.normal(size=7)
    matrix = rng.normal(size=(7, 7))
    data = rng.normal(size=7), matrix, np.array([0, 1, 2, 0, 1, 2, 2])
    out = parameters.natural(z, *data)
    cotangent = rng.normal(size=7)
    gradient = parameters.natural_reverse(cotangent, out, z, *data)
    agree(lambda v: float(cotangent @ parameters.natural(v, *data)), z, gradient, rng,
          n_directions=8)  # fmt: skip
