"""What to sample with."""

from dataclasses import dataclass

from liqbayes.errors import InputError

SAMPLERS = ("nutpie", "pymc", "numpyro")


@dataclass(frozen=True)
class SamplerConfig:
    """Settings of one run; a given seed gives the same draws whatever ``cores`` is.

    Attributes
    ----------
    draws, tune, chains, cores : int
    seed : int
    sampler : {"nutpie", "pymc", "numpyro"}
    target_accept : float
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    cores: int = 2
    seed: int = 0
    sampler: str = "nutpie"
    target_accept: float = 0.8

    def __post_init__(self) -> None:
        """Refuse settings that cannot run."""
        if self.sampler not in SAMPLERS:
            raise InputError(f"sampler is {self.sampler!r}; use one of {', '.join(SAMPLERS)}.")
        for name, least in (("draws", 4), ("tune", 20), ("chains", 1), ("cores", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)}; use at least {least}.")
        if not 0.5 <= self.target_accept < 1:
            raise InputError(f"target_accept is {self.target_accept}; use 0.5 to below 1.")
