"""The linear change of coordinates that sampling begins with."""

import numpy as np
import pymc as pm
import pytest

from liqbayes.sampling.whiten import CENTRE, SCALE, Frame, mode, whitened

RANDOM = np.random.default_rng(8)
PRECISION = np.diag([1.0, 40.0, 900.0])
ROTATION = np.linalg.qr(RANDOM.standard_normal((3, 3)))[0]
CURVATURE = ROTATION @ PRECISION @ ROTATION.T
CENTRE_OF_IT = np.array([0.5, -2.0, 0.3])


def normal(z):
    """A normal law whose precisions lie far apart."""
    gradient = -CURVATURE @ (z - CENTRE_OF_IT)
    return 0.5 * float((z - CENTRE_OF_IT) @ gradient), gradient


def saddle(z):
    """Curved upwards along the second coordinate near zero, downwards farther away."""
    value = -0.5 * z[0] ** 2 + z[1] ** 2 - z[1] ** 4 / 4.0
    return float(value), np.array([-z[0], 2.0 * z[1] - z[1] ** 3])


def test_a_normal_law_becomes_standard():
    frame = Frame.at_mode(normal, np.zeros(3))
    np.testing.assert_allclose(frame.centre, CENTRE_OF_IT, atol=1e-4)
    np.testing.assert_allclose(frame.scale.T @ CURVATURE @ frame.scale, np.eye(3), atol=1e-6)


def test_coordinates_and_back():
    frame = Frame.at_mode(normal, np.ones(3))
    u = RANDOM.standard_normal((2, 5, 3))
    z = frame.original(u)
    assert z.shape == u.shape
    np.testing.assert_allclose(frame.white(z[1, 4]), u[1, 4], atol=1e-9)


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_the_nearest_mode_is_found(side):
    assert mode(saddle, np.array([1.0, 0.2 * side]))[1] == pytest.approx(side * np.sqrt(2.0), 1e-4)


def test_no_direction_is_longer_than_the_prior():
    """At zero the density curves upwards: the prior's length, no imaginary one."""
    frame = Frame.at_mode(saddle, np.zeros(2))
    np.testing.assert_allclose(frame.centre, 0.0, atol=1e-12)
    np.testing.assert_allclose(frame.scale @ frame.scale.T, np.eye(2), atol=1e-5)


def test_a_density_that_is_nowhere_leaves_coordinates_alone():
    frame = Frame.at_mode(lambda z: (-np.inf, np.full(z.size, np.nan)), np.ones(2))
    np.testing.assert_array_equal(frame.centre, np.ones(2))
    np.testing.assert_array_equal(frame.scale, np.eye(2))


def test_the_density_is_that_of_the_model():
    with pm.Model(coords={"parameter": ["a", "b", "c"]}) as model:
        seen = pm.Data("seen", np.array([0.3, 1.2]))
        z = pm.Normal("z", 0.0, 1.0, dims="parameter")
        pm.Normal("y", z[:2] * z[2], 0.7, observed=seen)
    frame = Frame.at_mode(normal, np.zeros(3))
    white = whitened(model)
    white.set_data(CENTRE, frame.centre)
    white.set_data(SCALE, frame.scale)
    u = RANDOM.standard_normal(3)
    density, plain = (each.compile_logp(mode="FAST_COMPILE") for each in (white, model))
    assert density({"u": u}) == pytest.approx(float(plain({"z": frame.original(u)})), rel=1e-12)
