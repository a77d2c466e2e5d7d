"""Priors as data, and the standard normal coordinates that are sampled.

Every prior is normal on an unconstrained scale (identity, log or logit), so that the joint prior
is one standard normal vector and ridges between parameters are straight lines.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liqbayes.errors import SpecError
from liqbayes.model.scale import data_axis_rotation

FloatArray = NDArray[np.float64]

# distribution -> (name of the location argument, kind code of engine.parameters)
_DISTRIBUTIONS = {"normal": ("mu", 0), "lognormal": ("median", 1), "logitnormal": ("median", 2)}


@dataclass(frozen=True)
class Prior:
    """One prior of a specification, scalar or one value a label.

    Attributes
    ----------
    distribution : {"normal", "lognormal", "logitnormal"}
    location : tuple of float
        On the unconstrained scale: the mean, log median or logit median.
    sigma : tuple of float
        Standard deviation on the unconstrained scale.
    labels : tuple of str
        Empty for a scalar.
    dim : str
        Name of the labels' dimension.
    unit, description, source : str
    """

    name: str
    distribution: str
    location: tuple[float, ...]
    sigma: tuple[float, ...]
    labels: tuple[str, ...]
    dim: str
    unit: str
    description: str
    source: str

    @classmethod
    def parse(cls, name: str, table: Mapping[str, Any]) -> "Prior":
        """Read one prior of a specification and say what is wrong with it."""
        if not isinstance(table, Mapping):
            raise SpecError(f"prior {name!r} is {table!r}; give a table.")
        distribution = table.get("distribution")
        if distribution not in _DISTRIBUTIONS:
            raise SpecError(
                f"prior {name!r}: distribution is {distribution!r}; "
                f"use one of {', '.join(_DISTRIBUTIONS)}."
            )
        argument, kind = _DISTRIBUTIONS[distribution]
        needed = {"distribution", argument, "sigma", "unit", "description", "source"}
        missing = sorted(k for k in needed if k not in table)
        unknown = sorted(set(table) - needed - {"labels", "dim"})
        if missing or unknown:
            raise SpecError(f"prior {name!r}: missing {missing}, unknown {unknown}.")
        labels = tuple(str(x) for x in table.get("labels", []))
        if bool(labels) != ("dim" in table):
            raise SpecError(f"prior {name!r}: give labels and dim together, or neither.")
        size = max(1, len(labels))
        centre = _numbers(name, argument, table[argument], size)
        sigma = _numbers(name, "sigma", table["sigma"], size)
        if (sigma <= 0).any():
            raise SpecError(f"prior {name!r}: sigma must be positive.")
        if kind == 1:
            if (centre <= 0).any():
                raise SpecError(f"prior {name!r}: median must be positive.")
            centre = np.log(centre)
        if kind == 2:
            if ((centre <= 0) | (centre >= 1)).any():
                raise SpecError(f"prior {name!r}: median must lie between 0 and 1.")
            centre = np.log(centre / (1 - centre))
        return cls(
            name,
            str(distribution),
            tuple(centre.tolist()),
            tuple(sigma.tolist()),
            labels,
            str(table.get("dim", "")),
            str(table["unit"]),
            str(table["description"]),
            str(table["source"]),
        )

    def repeated(self, dim: str, times: int) -> "Prior":
        """The same scalar prior for each of several labels 1, 2, ..."""
        return replace(
            self,
            location=self.location * times,
            sigma=self.sigma * times,
            labels=tuple(str(i + 1) for i in range(times)),
            dim=dim,
        )

    @property
    def kind(self) -> int:
        """Code of ``engine.parameters``."""
        return _DISTRIBUTIONS[self.distribution][1]


def _numbers(name: str, argument: str, value: Any, size: int) -> FloatArray:
    try:
        out = np.atleast_1d(np.asarray(value, float))
    except (TypeError, ValueError):
        out = np.full(1, np.nan)
    if out.size not in (1, size) or not np.isfinite(out).all():
        raise SpecError(f"prior {name!r}: {argument} must be one number or {size} numbers.")
    return np.broadcast_to(out, (size,)).copy()


@dataclass(frozen=True)
class ParameterLayout:
    """Order of the parameters of one model and their map from standard normal coordinates."""

    priors: tuple[Prior, ...]
    location: FloatArray
    # coordinates to independent prior standard deviations: orthogonal
    rotation: FloatArray
    # coordinates to parameters on their unconstrained scales, about their locations
    matrix: FloatArray
    kind: NDArray[np.int64]
    rotated: tuple[str, ...]

    @classmethod
    def of(
        cls,
        priors: tuple[Prior, ...],
        rotate: tuple[str, ...] = (),
        correlated: tuple[str, ...] = (),
        correlation: float = 0.0,
    ) -> "ParameterLayout":
        """Lay parameters out in order.

        Parameters
        ----------
        priors : tuple of Prior
        rotate : tuple of str
            Scalars that act as a product.
        correlated : tuple of str
            Priors whose values, each in its own standard deviations, have one correlation.
        correlation : float
        """
        location = np.concatenate([p.location for p in priors])
        sigma = np.concatenate([p.sigma for p in priors])
        kind = np.concatenate([np.full(len(p.location), p.kind) for p in priors])
        rotation = np.eye(sigma.size)
        if rotate:
            at = np.array([_offset(priors, name) for name in rotate])
            rotation[np.ix_(at, at)] = data_axis_rotation(sigma[at])
        mixed = rotation
        if correlated:
            at = np.concatenate([_places(priors, name) for name in correlated])
            same = np.full((at.size, at.size), correlation)
            np.fill_diagonal(same, 1.0)
            mixed = rotation.copy()
            mixed[at] = np.linalg.cholesky(same) @ rotation[at]
        return cls(
            priors, location, rotation, sigma[:, None] * mixed, kind.astype(np.int64), rotate
        )

    @property
    def n(self) -> int:
        """Number of free parameters."""
        return int(self.location.size)

    @property
    def labels(self) -> list[str]:
        """One label a coordinate, such as ``tail_logit[3]``."""
        out = []
        for p in self.priors:
            out += [f"{p.name}[{x}]" for x in p.labels] or [p.name]
        return out

    def index(self, name: str, label: str | None = None) -> int:
        """Position of a parameter."""
        prior = next(p for p in self.priors if p.name == name)
        return _offset(self.priors, name) + (prior.labels.index(label) if label else 0)

    def has(self, name: str) -> bool:
        """Whether the model has the parameter."""
        return any(p.name == name for p in self.priors)

    def where(self, *names: str) -> NDArray[np.int64]:
        """Positions of parameters, all labels of each in order."""
        out: list[int] = []
        for name in names:
            out += _places(self.priors, name)
        return np.array(out, np.int64)


def _places(priors: tuple[Prior, ...], name: str) -> range:
    first = _offset(priors, name)
    return range(first, first + len(next(p for p in priors if p.name == name).location))


def _offset(priors: tuple[Prior, ...], name: str) -> int:
    first = 0
    for p in priors:
        if p.name == name:
            return first
        first += len(p.location)
    raise SpecError(f"no prior {name!r}; there are {', '.join(p.name for p in priors)}.")
