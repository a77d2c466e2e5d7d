"""Priors of the generalised extreme value law of block maxima."""

from dataclasses import dataclass

from liqbayes.errors import InputError

# The likelihood is irregular below a shape of -0.5 (Smith 1985, doi 10.1093/biomet/72.1.67), and a
# law with a shape of 1 or more has no mean.
SHAPE_LOW, SHAPE_HIGH = -0.5, 1.0
# Priors of location and scale for a holding period of one day; both grow with the square root of
# time. A walk with 4 % a day, as bitcoin in most years, has a median adverse excursion of 2.7 %.
LOCATION, LOCATION_SD = 0.03, 0.10
SCALE, LOG_SCALE_SD = 0.02, 1.0


@dataclass(frozen=True)
class ShapePrior:
    """Shape = -0.5 + 1.5 w with w ~ Beta(a, b).

    Attributes
    ----------
    name : str
    a, b : float
    source : str
    """

    name: str
    a: float
    b: float
    source: str


SHAPE_PRIORS = {
    prior.name: prior
    for prior in (
        ShapePrior("flat", 1.0, 1.0, "uniform where the likelihood is regular and a mean exists"),
        # 5 and 95 % points of the shape are 0.2 and 0.5
        ShapePrior(
            "returns",
            37.2,
            28.3,
            "90 % between tail indices 5 and 2, as of most financial returns "
            "(Cont 2001, doi 10.1080/713665670, stylised fact 2)",
        ),
    )
}


def shape_prior(name: str) -> ShapePrior:
    """The prior of a name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in SHAPE_PRIORS:
        raise InputError(f"shape prior {name!r}; use one of {', '.join(SHAPE_PRIORS)}.")
    return SHAPE_PRIORS[name]
