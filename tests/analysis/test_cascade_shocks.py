"""Shocks that are solved together rest where each would alone."""

import numpy as np

from liqbayes.analysis.cascade import kernels

ROOT = (np.array([0.5]), np.array([1.0]), np.array([np.nan]), -1.0, True)


def together(edges, cumulative, shocks, scale):
    return kernels.run(edges, cumulative[None, :], shocks, np.array([scale]), *ROOT)[0, 0]


def test_a_shock_within_the_reach_of_a_smaller_one_is_no_end():
    """A steep bin behind it made the flow at the second shock look like none."""
    edges, cumulative = np.array([0.0, 0.06, 0.1, 0.2]), np.array([0.0, 1.0, 12.0, 13.0])
    both = together(edges, cumulative, np.array([0.05, 0.055]), 0.0105)
    alone = together(edges, cumulative, np.array([0.055]), 0.0105)[0]
    np.testing.assert_allclose(both[1], alone)
    assert (both[:, :2] >= 0).all() and both[1, 0] > both[0, 0]


def test_random_lumpy_books():
    rng = np.random.default_rng(0)
    for _ in range(400):
        edges = np.concatenate([[0.0], np.sort(rng.uniform(0, 0.3, 12))])
        mass = rng.exponential(1.0, 12) * (rng.random(12) < 0.6) * 10 ** rng.uniform(-2, 2, 12)
        cumulative = np.concatenate([[0.0], np.cumsum(mass)])
        shocks = np.sort(rng.uniform(0, 0.25, 6))
        shocks, scale = shocks[shocks <= edges[-1]], 10 ** rng.uniform(-3, -1)
        if shocks.size:
            found = together(edges, cumulative, shocks, scale)[:, 0]
            one_by_one = kernels.rests(edges, cumulative[None, :], shocks[None, :], scale, 0.5)[0]
            np.testing.assert_allclose(found, one_by_one, atol=1e-9)
