"""Weighting between refits, on a normal mean with predictive densities in closed form."""

from itertools import pairwise

import numpy as np
import pytest
import xarray as xr
from arviz_stats import SamplingWrapper, lfo_cv
from scipy import stats

from liqbayes.validate.lfo.scores import (
    Refit,
    Scores,
    k_limit,
    score_windows,
    smoothed_weights,
)

N, FIRST, DRAWS = 60, 30, 4000


def series(jump=0.0):
    """Standard normal values around 0.3, from bar 45 on around 0.3 + jump."""
    y = np.random.default_rng(7).normal(0.3, 1.0, N)
    y[45:] += jump
    return y


def posterior(y):
    """Mean and standard deviation of a mean with prior N(0, 2^2) and unit noise."""
    precision = 0.25 + y.size
    return y.sum() / precision, precision**-0.5


def exact(y, start, stop):
    """Log density of ``y[start:stop]`` together, given all values before."""
    total = 0.0
    for t in range(start, stop):
        mean, sd = posterior(y[:t])
        total += stats.norm.logpdf(y[t], mean, np.hypot(sd, 1.0))
    return total


def fitter(y, fitted, channels=None):
    """Fits by exact draws; ``fitted`` remembers where."""

    def fit_at(origin):
        fitted.append(origin)
        mean, sd = posterior(y[:origin])
        mu = np.random.default_rng([3, origin]).normal(mean, sd, DRAWS)
        total = stats.norm.logpdf(y[origin:], mu[:, None])
        terms = {"all": total} if channels is None else channels(total)
        return Refit(origin, total, terms, 1.0, {"origin": origin})

    return fit_at


def windows(length):
    edges = [*range(FIRST, N, length), N]
    return list(pairwise(edges))


@pytest.mark.parametrize("length", [1, 5, 12])
def test_scores_are_the_predictive_densities(length):
    y = series()
    found = score_windows(windows(length), fitter(y, fitted := []))
    assert fitted == [FIRST]
    expected = np.array([exact(y, t, t + 1) for t in range(FIRST, N)])
    # Monte Carlo error of 4000 draws, reweighted by up to as much data as they were made from
    np.testing.assert_allclose(found.elpd["all"], expected, atol=0.06)
    error = found.elpd["all"].sum() - expected.sum()
    assert abs(error) < 4 * found.mcse["all"] < 0.3


def test_the_sum_is_that_of_the_windows():
    """A window's bars together have the joint density, whatever the length of windows."""
    y = series()
    long, short = (score_windows(windows(n), fitter(y, [])) for n in (10, 2))
    assert long.elpd["all"].sum() == pytest.approx(short.elpd["all"].sum(), abs=0.05)
    first = long.elpd["all"][:10].sum()
    assert first == pytest.approx(exact(y, FIRST, FIRST + 10), abs=0.02)


def test_a_break_makes_it_fit_again():
    y = series(jump=3.0)
    found = score_windows(windows(1), fitter(y, fitted := []))
    assert fitted[0] == FIRST and len(fitted) > 1
    assert min(fitted[1:]) > 45
    assert [r.origin for r in found.refits] == fitted
    used = [k for k in found.k if k is not None]
    assert max(used) <= k_limit(DRAWS)
    for (start, _), k in zip(windows(1), found.k, strict=True):
        assert (k is None) == (start in fitted)
    expected = np.array([exact(y, t, t + 1) for t in range(FIRST, N)])
    np.testing.assert_allclose(found.elpd["all"], expected, atol=0.12)


class Conjugate(SamplingWrapper):
    """The same fits for ArviZ."""

    def __init__(self, y, fit_at):
        super().__init__(model=None)
        self.y, self.fit_at = y, fit_at

    def sel_observations(self, idx):
        return int(idx[0]), np.asarray(idx)

    def sample(self, modified_observed_data):
        return self.fit_at(modified_observed_data)

    def get_inference_data(self, fitted_model):
        # one chain: draws count as independent
        posterior = xr.Dataset({"mu": (("chain", "draw"), np.zeros((1, DRAWS)))})
        tree = xr.DataTree.from_dict({"posterior": posterior})
        tree.attrs["refit"] = fitted_model
        return tree

    def log_likelihood__i(self, excluded_obs, idata__i):
        total = idata__i.attrs["refit"].total
        return xr.DataArray(total[None], dims=("chain", "draw", "time"))


@pytest.mark.parametrize("jump", [0.0, 3.0])
def test_one_channel_is_what_arviz_computes(jump):
    """Score by score and refit by refit; its sum over two overlapping bars is ours over two."""
    y = series(jump)
    ours = score_windows(windows(1), fitter(y, fitted := []))
    full = xr.DataArray(
        stats.norm.logpdf(y, np.zeros((1, DRAWS, 1))),
        dims=("chain", "draw", "time"),
        coords={"time": np.arange(N)},
    )
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"mu": (("chain", "draw"), np.zeros((1, DRAWS)))}),
            "log_likelihood": xr.Dataset({"y": full}),
        }
    )
    theirs = lfo_cv(
        tree,
        Conjugate(y, fitter(y, [])),
        FIRST,
        1,
        pointwise=True,
        k_threshold=k_limit(DRAWS),
    )
    assert list(theirs.refits) == fitted[1:]
    np.testing.assert_allclose(theirs.elpd_i.to_numpy(), ours.elpd["all"], atol=1e-10)
    k = np.array([np.nan if k is None else k for k in ours.k])
    np.testing.assert_allclose(theirs.pareto_k.to_numpy(), k, atol=1e-10)


def test_channels_share_the_weights_of_everything():
    """Weights come from all data, a channel's score from its own terms."""
    y = series()
    parts = fitter(y, [], lambda total: {"half": 0.5 * total, "all": total})
    found = score_windows(windows(6), parts)
    alone = score_windows(windows(6), fitter(y, []))
    np.testing.assert_array_equal(found.elpd["all"], alone.elpd["all"])
    refit = fitter(y, [])(FIRST)
    log_weights, _ = smoothed_weights(refit.total[:, :6].sum(axis=1), 1.0)
    second = np.exp(log_weights) * np.exp(0.5 * refit.total[:, 6:12].sum(axis=1))
    assert found.elpd["half"][6:12].sum() == pytest.approx(np.log(second.sum()), abs=1e-12)


def test_monte_carlo_error_is_the_spread_over_repetitions():
    y = series()

    def once(seed):
        def fit_at(origin):
            mean, sd = posterior(y[:origin])
            mu = np.random.default_rng([seed, 11]).normal(mean, sd, 500)
            total = stats.norm.logpdf(y[origin:], mu[:, None])
            return Refit(origin, total, {"all": total}, 1.0)

        return score_windows(windows(10), fit_at)

    found: list[Scores] = [once(seed) for seed in range(120)]
    spread = np.std([f.elpd["all"].sum() for f in found], ddof=1)
    assert np.mean([f.mcse["all"] for f in found]) == pytest.approx(spread, rel=0.25)


def test_weights_at_the_edges():
    even, k = smoothed_weights(np.zeros(200), 1.0)
    assert k is None and np.exp(even).sum() == pytest.approx(1.0)
    ratios = np.random.default_rng(1).normal(0, 0.1, 200)
    weights, k = smoothed_weights(ratios, 1.0)
    assert k is not None and k < 0.5 and np.exp(weights).sum() == pytest.approx(1.0)
    assert np.corrcoef(weights, ratios)[0, 1] > 0.9
    ratios[3] = np.nan
    assert smoothed_weights(ratios, 1.0)[1] == np.inf
    assert k_limit(10_000) == 0.7 and k_limit(600) == pytest.approx(0.64, abs=0.001)
