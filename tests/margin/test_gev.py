"""The law itself, against SciPy, whose shape has the other sign."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import genextreme, gumbel_r

from liqbayes.errors import InputError
from liqbayes.margin import gev_exceedances, gev_quantile, predictive_level
from liqbayes.margin.gev import exceedances_of

SHAPES = st.floats(-0.49, 0.99).filter(lambda v: abs(v) > 1e-3)


@given(SHAPES, st.floats(1e-4, 0.3), st.floats(-0.1, 0.2), st.floats(1e-3, 0.2))
def test_quantiles_are_scipys_with_the_shape_negated(
    shape: float, p: float, location: float, scale: float
) -> None:
    ours = gev_quantile(exceedances_of(p), location, scale, shape)
    assert ours == pytest.approx(genextreme.isf(p, -shape, location, scale), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("shape", [0.0, 1e-12, -1e-12])
def test_shape_zero_is_gumbel(shape: float) -> None:
    ours = gev_quantile(exceedances_of(0.01), 0.1, 0.2, shape)
    assert ours == pytest.approx(gumbel_r.isf(0.01, 0.1, 0.2), rel=1e-9)


def test_a_heavy_tail_has_a_positive_shape() -> None:
    heavy, light = (float(gev_quantile(exceedances_of(1e-4), 0.0, 1.0, s)) for s in (0.5, -0.3))
    assert heavy > 100
    assert light < 1 / 0.3


@given(SHAPES, st.floats(1e-3, 5.0))
def test_exceedances_invert_quantiles(shape: float, e: float) -> None:
    level = gev_quantile(e, 0.03, 0.02, shape)
    assert gev_exceedances(level, 0.03, 0.02, shape) == pytest.approx(e, rel=1e-6)


def test_outside_the_support() -> None:
    assert gev_exceedances(-10.0, 0.0, 1.0, 0.3) == np.inf
    assert gev_exceedances(10.0, 0.0, 1.0, -0.3) == 0.0


@given(st.floats(1e-4, 0.2), st.integers(1, 60))
def test_a_block_of_periods(p: float, k: int) -> None:
    level = gev_quantile(exceedances_of(p, k), 0.03, 0.02, 0.2)
    below = genextreme.cdf(level, -0.2, 0.03, 0.02)
    assert below == pytest.approx((1 - p) ** k, rel=1e-9)


@pytest.mark.parametrize("p", [0.0, 1.0, -0.1, np.nan])
def test_probabilities_that_are_none(p: float) -> None:
    with pytest.raises(InputError, match="probability"):
        exceedances_of(p)


def test_the_predictive_level_has_the_mean_probability() -> None:
    rng = np.random.default_rng(1)
    draws = rng.normal(0.03, 0.003, 500), rng.gamma(50, 0.0004, 500), rng.normal(0.3, 0.1, 500)
    level = predictive_level(0.01, 7.0, *draws)
    assert np.mean(-np.expm1(-gev_exceedances(level, *draws) / 7)) == pytest.approx(0.01, rel=1e-4)
    each = gev_quantile(exceedances_of(0.01, 7.0), *draws)
    assert np.median(each) < level < each.max()
    same = (np.full(4, 0.03), np.full(4, 0.02), np.full(4, 0.3))
    assert predictive_level(0.01, 1.0, *same) == pytest.approx(
        genextreme.isf(0.01, -0.3, 0.03, 0.02)
    )
