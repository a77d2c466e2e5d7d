"""What is alive equals open interest on every side and bar, whatever volume and price do."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from liqbayes.engine.path import PricePath
from liqbayes.engine.recursion import (
    EXPECTED,
    FLOW,
    HAZARD,
    LOG_KEPT,
    OPENED,
    PREDICTED,
    TOUCHED,
    forward,
)
from liqbayes.engine.touches import build_touches
from tests.engine.markets import BOOK, FAR, NEAR, random_market, random_path, starts

N_BARS = 12
logs = st.floats(-12.0, 12.0)
volumes = st.one_of(
    st.just(0.0), st.floats(1e-9, 1e-3), st.floats(1e-3, 10.0), st.floats(10.0, 1e6)
)


def rebuilt(market, placed, by_run, by_class, living):
    """Living mass by class and cell from its parts: survivors and what each bar places."""
    n_bars, n_classes, n_cells = living.shape
    out = np.zeros_like(living)
    _, _, pointer, run_cell, *_ = market.touches.arrays
    for i in range(n_classes):
        for t in range(n_bars):
            if market.start[t] < 0:
                continue
            out[t, i] = placed[t, i]
            if market.start[t] == 1:
                continue
            touched = np.zeros(n_cells)
            touched[run_cell[pointer[t] : pointer[t + 1]]] = by_run[i, pointer[t] : pointer[t + 1]]
            kept = np.exp(by_class[LOG_KEPT, i, t] - by_class[LOG_KEPT, i, t - 1])
            out[t, i] += (living[t - 1, i] - touched) * kept
    return out


@given(
    changes=st.lists(logs, min_size=N_BARS, max_size=N_BARS),
    flow=st.lists(volumes, min_size=N_BARS, max_size=N_BARS),
    closed_share=st.floats(0.0, 1.0),
    renewal=st.floats(0.0, 2.0),
    n_classes=st.integers(1, 3),
    side=st.sampled_from(["long", "short"]),
    seed=st.integers(0, 10),
)
@example(
    changes=[0.0] * N_BARS, flow=[0.0] * N_BARS, closed_share=1.0, renewal=0.0, n_classes=2,
    side="long", seed=0,
)  # fmt: skip
@settings(max_examples=60)
def test_open_interest_is_conserved(changes, flow, closed_share, renewal, n_classes, side, seed):
    market = random_market(
        seed, side=side, n_bars=N_BARS, n_classes=n_classes, n_blocks=2,
        closed_share=closed_share, renewal=renewal,
    ).but(flow=np.array(flow), interest=np.exp(np.array(changes)))  # fmt: skip
    living, placed, by_run, by_class, by_bar = forward(*market.arguments)
    assert all(np.isfinite(tape).all() for tape in (living, placed, by_run, by_class, by_bar))
    np.testing.assert_allclose(living.sum(axis=(1, 2)), market.interest, rtol=1e-9)
    scale = np.maximum(market.interest, np.r_[market.interest[0], market.interest[:-1]])
    parts = rebuilt(market, placed, by_run, by_class, living)
    by_scale = scale[:, None, None]
    np.testing.assert_allclose(parts / by_scale, living / by_scale, atol=1e-9)
    assert (living / by_scale >= -1e-12).all()
    assert (placed / by_scale >= -1e-12).all()
    assert (by_class[[OPENED, TOUCHED]] / scale >= -1e-12).all()
    assert (by_bar[[EXPECTED, PREDICTED, HAZARD]] >= 0).all()


def test_closing_bar_closes_and_opening_bar_opens():
    market = random_market(3, n_bars=20, renewal=0.0)
    quiet = market.but(flow=np.zeros(20))
    *_, by_class, by_bar = forward(*quiet.arguments)
    x = by_bar[FLOW, 1:]
    opened = by_class[OPENED, 0, 1:]
    assert (opened[x < 0] == 0).all()
    assert (by_bar[HAZARD, 1:][x > 0] < 1e-14).all()
    assert (x < 0).any()
    assert (x > 0).any()


def test_voluntary_hazard_is_half_the_flow_when_interest_stands_still():
    market = random_market(4, n_bars=20, renewal=0.0)
    still = market.but(interest=np.full(20, 5.0), closed_share=0.0, flow=np.full(20, 0.3))
    *_, by_bar = forward(*still.arguments)
    np.testing.assert_allclose(by_bar[HAZARD, 1:], 0.15, rtol=1e-12)


def test_segments_are_independent():
    both = random_market(6, n_bars=60, n_classes=2, segments=((3, 30), (34, 60)), n_blocks=2)
    living, *_, by_bar = forward(*both.arguments)
    outside = both.start < 0
    assert (by_bar[:, outside] == 0).all()
    assert (living[outside] == 0).all()
    for segment in both.path.segments:
        inside = np.zeros(60, bool)
        inside[slice(*segment)] = True
        bars = (both.path.open, both.path.high, both.path.low, both.path.close)
        path = PricePath(*(np.where(inside, x, np.nan) for x in bars), segments=(segment,))
        touches = build_touches(path, "long", NEAR, FAR, book=BOOK, n_nodes=both.n_nodes)
        one = both.but(path=path, touches=touches, start=starts(path))
        *_, alone = forward(*one.arguments)
        np.testing.assert_array_equal(alone[:, inside], by_bar[:, inside])


def mirrored(path):
    return PricePath(1 / path.open, 1 / path.low, 1 / path.high, 1 / path.close, path.segments)


@given(seed=st.integers(0, 200))
@settings(max_examples=15)
def test_short_side_is_the_mirror_image(seed):
    path = random_path(seed, 40, segments=((0, 18), (20, 40)))
    long = build_touches(path, "long", NEAR, FAR, book=BOOK)
    short = build_touches(mirrored(path), "short", NEAR, FAR, book=BOOK)
    np.testing.assert_allclose(short.alive, long.alive, atol=1e-10)
    market = random_market(seed, n_bars=40, n_classes=2, segments=path.segments)
    one = forward(*market.but(path=path, touches=long).arguments)
    other = forward(*market.but(path=path, touches=short).arguments)
    for ours, theirs in zip(other, one, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)
