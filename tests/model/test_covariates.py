"""Moves that voluntary changes of open interest may follow."""

import numpy as np
import pytest

from liqbayes.engine.path import PricePath
from liqbayes.errors import SpecError
from liqbayes.model.covariates import EXTREME_HOURS, NAMES, covariates

N = 80


def path(seed=3, gap=None):
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0, 0.01, N)))
    open_ = np.concatenate([[100.0], close[:-1]])
    high = np.maximum(open_, close) * np.exp(rng.uniform(0, 0.01, N))
    low = np.minimum(open_, close) * np.exp(-rng.uniform(0, 0.01, N))
    segments = [(0, N)]
    if gap:
        for x in (open_, high, low, close):
            x[gap[0] : gap[1]] = np.nan
        segments = [(0, gap[0]), (gap[1], N)]
    return PricePath(open_, high, low, close, segments=tuple(segments))


def uncentred(z):
    return z - z.min(axis=0)


def test_new_extremes_are_what_a_bar_adds_to_the_day_before():
    p, day = path(), int(EXTREME_HOURS)
    z = uncentred(covariates(p, 1.0, NAMES))
    for t in (1, 7, 30, 79):
        before = slice(max(t - day, 0), t)
        new_low = max(np.log(np.min(p.low[before]) / p.low[t]), 0.0)
        new_high = max(np.log(p.high[t] / np.max(p.high[before])), 0.0)
        np.testing.assert_allclose(z[t, 3:], [new_low / 0.01, new_high / 0.01], atol=1e-9)
    assert (z[0, 3:] == 0.0).all() and (z[:, 3:] > 0).any(axis=0).all()


def test_mirrored_prices_swap_the_extremes():
    p = path()
    mirrored = PricePath(1 / p.open, 1 / p.low, 1 / p.high, 1 / p.close, segments=p.segments)
    one, other = covariates(p, 1.0, NAMES), covariates(mirrored, 1.0, NAMES)
    np.testing.assert_allclose(one[:, 0], -other[:, 0], atol=1e-9)
    np.testing.assert_allclose(one[:, 1:3], other[:, 1:3], atol=1e-9)
    np.testing.assert_allclose(one[:, [3, 4]], other[:, [4, 3]], atol=1e-9)


def test_only_what_is_named_comes_and_gaps_are_zero():
    p = path(gap=(30, 36))
    some = covariates(p, 1.0, ("return", "new_high", "log_range"))
    np.testing.assert_array_equal(some, covariates(p, 1.0, NAMES)[:, [0, 4, 2]])
    assert np.isfinite(some).all() and (some[30:36] == 0.0).all()
    np.testing.assert_allclose(
        np.delete(some, np.s_[30:36], axis=0)[:, 1:].mean(axis=0), 0.0, atol=1e-9
    )


def test_a_rule_has_none():
    assert covariates(path(), 1.0, ()).shape == (N, 0)


@pytest.mark.parametrize("names", [("log_range", "return"), ("return", "vol")])
def test_other_names_are_refused(names):
    with pytest.raises(SpecError, match="give 'return' first"):
        covariates(path(), 1.0, names)
