"""Coordinates in which a posterior is about round, so that a sampler need not learn its shape.

A sampler that begins with an unknown shape spends much of its tuning on scales; some hundred
gradients find a mode, and two a parameter the curvature there. The change of coordinates is linear:
the posterior is the same, whatever mode was found.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pymc as pm
from numpy.typing import NDArray
from pytensor.graph.replace import graph_replace
from scipy.linalg import solve
from scipy.optimize import minimize

FloatArray = NDArray[np.float64]

CENTRE, SCALE, WHITE = "whitening_centre", "whitening_scale", "u"
# of the finite differences of the gradient; coordinates have a prior standard deviation of one
_STEP = 1e-3
_DOUBLES = ctypes.POINTER(ctypes.c_double)

type Density = Callable[[FloatArray], tuple[float, FloatArray]]


@dataclass(frozen=True)
class Frame:
    """A linear change of coordinates, ``z = centre + scale @ u``.

    Attributes
    ----------
    centre : ndarray (parameter,)
        The mode, or where its search ended.
    scale : ndarray (parameter, parameter)
        A root of the inverse curvature there, no longer than 1 in any direction: coordinates have
        standard normal priors, and where the density curves less, or upwards, the prior's is used.
    """

    centre: FloatArray
    scale: FloatArray

    @classmethod
    def identity(cls, n: int) -> "Frame":
        """The coordinates as they are."""
        return cls(np.zeros(n), np.eye(n))

    @classmethod
    def at_mode(cls, density: Density, start: FloatArray) -> "Frame":
        """The frame of the mode that is found from `start`."""
        centre = mode(density, start)
        steps = _STEP * np.eye(centre.size)
        curvature = np.array(
            [(density(centre - h)[1] - density(centre + h)[1]) / (2.0 * _STEP) for h in steps]
        )
        if not np.isfinite(curvature).all():
            return cls(centre, np.eye(centre.size))
        values, vectors = np.linalg.eigh((curvature + curvature.T) / 2.0)
        return cls(centre, vectors / np.sqrt(np.maximum(values, 1.0)))

    def white(self, z: FloatArray) -> FloatArray:
        """`z` (parameter,) in the frame's coordinates."""
        u: FloatArray = solve(self.scale, z - self.centre)
        return u

    def original(self, u: FloatArray) -> FloatArray:
        """`u` (..., parameter) in the model's coordinates."""
        return self.centre + u @ self.scale.T


def mode(density: Density, start: FloatArray) -> FloatArray:
    """The nearest mode uphill from `start`, by L-BFGS.

    Liu and Nocedal (1989), doi 10.1007/bf01589116.
    """

    def negative(z: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = density(z)
        return -value, -gradient

    found = minimize(
        negative, start, jac=True, method="L-BFGS-B", options={"maxiter": 500, "maxcor": 30}
    )
    return np.asarray(found.x) if np.isfinite(found.fun) else start


def whitened(model: pm.Model) -> pm.Model:
    """A model whose free variable is ``u`` and whose density is that of `model` in ``z``.

    Parameters
    ----------
    model : pymc.Model
        With one free variable, ``z`` (parameter).

    Returns
    -------
    pymc.Model
        With the data of a ``Frame``, of which the identity is compiled in.
    """
    (variable,) = model.free_RVs
    value = model.rvs_to_values[variable]
    labels = model.coords["parameter"]
    frame = Frame.identity(len(labels))
    with pm.Model(coords={"parameter": labels}) as white:
        centre, scale = pm.Data(CENTRE, frame.centre), pm.Data(SCALE, frame.scale)
        u = pm.Flat(WHITE, dims="parameter")
        (density,) = graph_replace([model.logp()], {value: centre + scale @ u}, strict=True)
        pm.Potential("density", density)
    return white


def framed(compiled: Any, seed: int) -> tuple[Any, Frame]:
    """A compiled whitened model in the frame of its mode, and the frame.

    Every chain begins at the mode that is nearest to a point of its own about the prior's centre,
    a draw from the frame's normal law away: modes far from each other stay visible in R-hat.
    """
    n: int = compiled.n_dim
    density = density_of(compiled.with_data(**_data(Frame.identity(n))))

    def dispersed(random: np.random.Generator) -> FloatArray:
        return random.uniform(-1.0, 1.0, n)

    frame = Frame.at_mode(density, dispersed(np.random.default_rng(seed)))

    def first(seed: int) -> FloatArray:
        random = np.random.default_rng(seed)
        return frame.white(mode(density, dispersed(random))) + random.standard_normal(n)

    return replace(compiled.with_data(**_data(frame)), initial_point_func=first), frame


def _data(frame: Frame) -> dict[str, FloatArray]:
    return {CENTRE: frame.centre, SCALE: frame.scale}


def density_of(compiled: Any) -> Density:
    """Logarithm of the density of a compiled nutpie model, and its gradient.

    Minus infinity, with a gradient of zeros, where the model has none.
    """
    function = compiled.compiled_logp_func.ctypes

    def density(x: FloatArray) -> tuple[float, FloatArray]:
        point = np.ascontiguousarray(x, dtype=np.float64)
        gradient, value = np.zeros(point.size), np.zeros(1)
        failed = function(
            point.size,
            *(array.ctypes.data_as(_DOUBLES) for array in (point, gradient, value)),
            # addresses of arrays that live as long as `compiled` does
            compiled.user_data.ctypes.data,
        )
        return (-np.inf, np.zeros(point.size)) if failed else (float(value[0]), gradient)

    return density
