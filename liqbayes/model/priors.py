"""Priors as data: a distribution's name and arguments, its unit, meaning and source."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from liqbayes.errors import SpecError

_ARGUMENTS = {
    "normal": ("mu", "sigma"),
    "lognormal": ("median", "sigma"),
    "halfnormal": ("sigma",),
    "beta": ("alpha", "beta"),
}


@dataclass(frozen=True)
class Prior:
    """One prior of a specification.

    Attributes
    ----------
    distribution : {"normal", "lognormal", "halfnormal", "beta"}
        ``lognormal`` takes the median and the standard deviation of the log.
    arguments : mapping
        Numbers, or lists of numbers along the parameter's dimension.
    unit, description, source : str
        What the parameter means and where the numbers come from.
    """

    name: str
    distribution: str
    arguments: Mapping[str, float | list[float]] = field(hash=False)
    unit: str
    description: str
    source: str

    @classmethod
    def parse(cls, name: str, table: Mapping[str, Any]) -> "Prior":
        """Read one prior from a specification's table and say what is wrong with it."""
        known = {"distribution", "unit", "description", "source"}
        distribution = table.get("distribution")
        if distribution not in _ARGUMENTS:
            raise SpecError(
                f"prior {name!r}: distribution is {distribution!r}; "
                f"use one of {', '.join(sorted(_ARGUMENTS))}."
            )
        needed = _ARGUMENTS[distribution]
        arguments = {k: v for k, v in table.items() if k not in known}
        if set(arguments) != set(needed):
            raise SpecError(
                f"prior {name!r}: {distribution} takes {', '.join(needed)}; "
                f"given {', '.join(sorted(arguments)) or 'nothing'}."
            )
        missing = [k for k in ("unit", "description", "source") if not table.get(k)]
        if missing:
            raise SpecError(f"prior {name!r}: {', '.join(missing)} missing.")
        return cls(
            name, str(distribution), arguments, str(table["unit"]), str(table["description"]),
            str(table["source"]),
        )

    def location_scale(self) -> tuple[Any, Any]:
        """Mean and standard deviation on the unconstrained scale of a (log)normal prior."""
        import numpy as np

        if self.distribution == "normal":
            return np.asarray(self.arguments["mu"]), np.asarray(self.arguments["sigma"])
        if self.distribution == "lognormal":
            return np.log(self.arguments["median"]), np.asarray(self.arguments["sigma"])
        raise SpecError(f"prior {self.name!r}: only normal and lognormal priors can be rotated.")

    def variable(self, dims: str | tuple[str, ...] | None = None, name: str | None = None) -> Any:
        """Create the random variable in the current ``pm.Model``."""
        import numpy as np
        import pymc as pm

        args = {k: np.asarray(v, float) for k, v in self.arguments.items()}
        label = name or self.name
        if self.distribution == "normal":
            return pm.Normal(label, args["mu"], args["sigma"], dims=dims)
        if self.distribution == "lognormal":
            return pm.LogNormal(label, np.log(args["median"]), args["sigma"], dims=dims)
        if self.distribution == "halfnormal":
            return pm.HalfNormal(label, args["sigma"], dims=dims)
        return pm.Beta(label, args["alpha"], args["beta"], dims=dims)
