"""Parameter order and the rotation that leaves the prior as it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liqbayes.engine import parameters
from liqbayes.errors import SpecError
from liqbayes.model.priors import ParameterLayout, Prior
from liqbayes.model.scale import data_axis_rotation
from tests.model.markets import spec_table

NAMES = ("touch_to_close_share", "tail_logit", "high_leverage_logit", "reported_share", "oi_scale")
ROTATED = ("high_leverage_logit", "reported_share", "oi_scale")


def layout(rotate=ROTATED):
    table = spec_table()["priors"]
    return ParameterLayout.of(tuple(Prior.parse(n, table[n]) for n in NAMES), rotate)


@given(scale=st.lists(st.floats(0.05, 5.0), min_size=1, max_size=6))
def test_rotation_is_orthogonal_and_starts_at_the_scales(scale):
    scale = np.array(scale)
    rotation = data_axis_rotation(scale)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(scale.size), atol=1e-12)
    np.testing.assert_allclose(rotation[:, 0], scale / np.linalg.norm(scale), atol=1e-12)


def test_rotation_leaves_the_prior_unchanged():
    rotated, plain = layout(), layout(())
    sigma = np.diag(plain.matrix)
    np.testing.assert_allclose(rotated.matrix @ rotated.matrix.T, np.diag(sigma**2), atol=1e-12)
    np.testing.assert_array_equal(rotated.location, plain.location)
    at = [rotated.index(n) for n in ROTATED]
    outside = np.setdiff1d(np.arange(rotated.n), at)
    np.testing.assert_array_equal(rotated.matrix[outside], plain.matrix[outside])
    # the sum of the rotated, unconstrained parameters depends on one coordinate only
    gradient = rotated.matrix[at].sum(axis=0)
    assert gradient[at[0]] == pytest.approx(np.linalg.norm(sigma[at]))
    np.testing.assert_allclose(np.delete(gradient, at[0]), 0.0, atol=1e-12)


def test_correlated_priors_keep_their_own_spread():
    table = spec_table()["priors"]
    priors = tuple(Prior.parse(n, table[n]) for n in NAMES)
    among = ("tail_logit", "high_leverage_logit")
    out = ParameterLayout.of(priors, ROTATED, among, 0.6)
    sigma = np.diag(layout(()).matrix)
    np.testing.assert_allclose(out.rotation @ out.rotation.T, np.eye(out.n), atol=1e-12)
    expected = np.eye(out.n)
    at = out.where(*among)
    expected[np.ix_(at, at)] = 0.6 + 0.4 * np.eye(at.size)
    found = out.matrix @ out.matrix.T / np.outer(sigma, sigma)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_order_and_labels():
    out = layout()
    assert out.labels == [
        "touch_to_close_share", "tail_logit[3]", "tail_logit[8]", "tail_logit[50]",
        "high_leverage_logit", "reported_share", "oi_scale",
    ]  # fmt: skip
    assert out.n == len(out.labels) == out.location.size == out.kind.size
    assert out.index("tail_logit", "8") == 2
    np.testing.assert_array_equal(out.where("oi_scale", "tail_logit"), [6, 1, 2, 3])
    assert out.has("oi_scale")
    assert not out.has("oi_drift")
    with pytest.raises(SpecError, match="no prior 'x'"):
        layout(("x",))


@settings(max_examples=5)
@given(seed=st.integers(0, 100))
def test_prior_medians_and_quantiles(seed):
    """z = 0 is the median; draws of z have the quantiles that the specification states."""
    out = layout()
    table = spec_table()["priors"]
    middle = parameters.natural(np.zeros(out.n), out.location, out.matrix, out.kind)
    assert middle[0] == pytest.approx(table["touch_to_close_share"]["median"])
    assert middle[6] == pytest.approx(table["oi_scale"]["median"])
    np.testing.assert_allclose(middle[1:4], table["tail_logit"]["mu"])
    z = np.random.default_rng(seed).normal(size=(4000, out.n))
    draws = np.log([parameters.natural(x, out.location, out.matrix, out.kind)[6] for x in z])
    assert draws.mean() == pytest.approx(np.log(table["oi_scale"]["median"]), abs=0.06)
    assert draws.std() == pytest.approx(table["oi_scale"]["sigma"], rel=0.06)
