"""The posterior of a tail: against a grid, and calibrated on laws drawn from its priors."""

import numpy as np
import pytest
from scipy.stats import beta, binom, genextreme

from liqbayes.errors import InputError
from liqbayes.margin import SHAPE_PRIORS, GevFit, block_maxima, fit_gev
from liqbayes.margin.model import LEAST_BLOCKS
from liqbayes.margin.priors import LOCATION, LOCATION_SD, SCALE, shape_prior
from liqbayes.sampling import SamplerConfig

SHORT = SamplerConfig(draws=500, tune=400, chains=2, cores=1, target_accept=0.9)


def on_a_grid(x: np.ndarray, prior: str, fit: GevFit) -> np.ndarray:
    """5, 50 and 95 % points of the shape by summing the posterior over a grid around a fit."""
    about = SHAPE_PRIORS[prior]
    location, scale, _ = fit.draws
    mu = location.mean() + location.std() * np.linspace(-6, 6, 41)
    log_scale = np.log(scale).mean() + np.log(scale).std() * np.linspace(-6, 6, 41)
    xi = np.linspace(-0.495, 0.995, 150)
    m, s, k = np.meshgrid(mu, log_scale, xi, indexing="ij")
    with np.errstate(invalid="ignore", divide="ignore"):
        y = (x[:, None, None, None] - m) / np.exp(s)
        t = np.log(np.where(1 + k * y > 0, 1 + k * y, np.nan)) / k
        value = (-s - (1 + k) * t - np.exp(-t)).sum(axis=0)
    value = np.where(np.isnan(value), -np.inf, value)
    value += -0.5 * ((m - LOCATION) / LOCATION_SD) ** 2 - 0.5 * (s - np.log(SCALE)) ** 2
    value += beta.logpdf((k + 0.5) / 1.5, about.a, about.b)
    weight = np.exp(value - value.max()).sum(axis=(0, 1))
    return np.interp([0.05, 0.5, 0.95], weight.cumsum() / weight.sum(), xi)


@pytest.mark.slow
@pytest.mark.parametrize("prior", ["flat", "returns"])
def test_posteriors_are_those_of_a_grid(prior: str) -> None:
    # several data sets through one compiled density: nothing of the one before may stay behind
    for seed, (n, shape) in enumerate(((60, 0.4), (120, -0.2), (40, 0.1))):
        x = genextreme.rvs(-shape, 0.05, 0.03, size=n, random_state=seed)
        fit = fit_gev(x, prior=prior)
        assert fit.reasons == ()
        found, wanted = np.quantile(fit.draws[2], [0.05, 0.5, 0.95]), on_a_grid(x, prior, fit)
        # Monte Carlo error of a 5 % point with 1500 effective draws, and cells of the grid
        assert np.abs(found - wanted).max() < 0.12 * (wanted[2] - wanted[0]) + 0.01


@pytest.mark.slow
def test_intervals_cover_laws_drawn_from_the_prior() -> None:
    rng = np.random.default_rng(11)
    about, n = SHAPE_PRIORS["flat"], 80
    held, ranks = {"shape": 0, "level": 0}, []
    for _ in range(n):
        shape = 1.5 * rng.beta(about.a, about.b) - 0.5
        scale = SCALE * np.exp(rng.normal())
        location = rng.normal(LOCATION, LOCATION_SD)
        x = genextreme.rvs(-shape, location, scale, size=60, random_state=rng)
        fit = fit_gev(x, config=SHORT)
        truth = {"shape": shape, "level": genextreme.isf(0.01, -shape, location, scale)}
        draws = {"shape": fit.draws[2], "level": fit.level(0.01).to_numpy().ravel()}
        for name, values in draws.items():
            low, high = np.quantile(values, [0.05, 0.95])
            held[name] += low <= truth[name] <= high
        ranks.append((draws["level"] < truth["level"]).mean())
    least, most = binom.ppf([0.001, 0.999], n, 0.9)
    assert least <= held["shape"] <= most
    assert least <= held["level"] <= most
    # neither side is missed more often than the other
    assert abs(np.mean(ranks) - 0.5) < 3.3 / np.sqrt(12 * n)


@pytest.mark.slow
def test_intervals_on_days_that_are_no_such_law() -> None:
    """Walks of 24 steps with Student t returns; docs/explanation/margin.md has more blocks."""
    truth, n, held, ratio = 0.16128, 40, 0, []  # of two million days
    for seed in range(n):
        steps = 0.01 * np.random.default_rng(seed).standard_t(4, (1500, 24))
        moves = 1 - np.exp(np.minimum(steps.cumsum(axis=1).min(axis=1), 0))
        fit = fit_gev(block_maxima(moves, 30)[0], config=SHORT)
        low, median, high = np.quantile(fit.level(0.01, 30), [0.05, 0.5, 0.95])
        held += low <= truth <= high
        ratio.append(median / truth)
    # 0.87 over 60 series: somewhat below 0.9, and not as far below as with shorter blocks
    assert held >= binom.ppf(0.001, n, 0.85)
    assert np.mean(ratio) == pytest.approx(1.0, abs=0.04)


def test_the_prior_of_returns_is_what_it_says() -> None:
    about = SHAPE_PRIORS["returns"]
    ends = 1.5 * beta.ppf([0.05, 0.95], about.a, about.b) - 0.5
    assert ends == pytest.approx([0.2, 0.5], abs=0.001)


@pytest.mark.parametrize(
    ("maxima", "words"),
    [
        (np.ones(LEAST_BLOCKS - 1) * np.arange(LEAST_BLOCKS - 1), "too few"),
        (np.full(50, 0.1), "the same"),
        (np.append(np.random.default_rng(0).random(50), np.nan), "finite"),
        (np.append(np.random.default_rng(0).random(50), np.inf), "finite"),
        (np.ones((5, 20)), "one row"),
        (np.array([]), "too few"),
    ],
)
def test_maxima_that_have_no_tail(maxima: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        fit_gev(maxima)


def test_other_arguments() -> None:
    x = np.random.default_rng(0).random(50)
    with pytest.raises(InputError, match="flat, returns"):
        fit_gev(x, prior="cauchy")
    with pytest.raises(InputError, match="days"):
        fit_gev(x, days=0.0)
    with pytest.raises(InputError, match="flat, returns"):
        shape_prior("")
