"""One posterior of a tail: the unit of work of margins, backtests and replications."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liqbayes.margin.answers import LIMITS
from liqbayes.margin.model import PARAMETERS, fit_gev
from liqbayes.sampling import SamplerConfig

FloatArray = NDArray[np.float64]
PER_PERIOD, PER_BLOCK = "period", "block"


@dataclass(frozen=True)
class Settings:
    """Of the sampler, the same for every cell of a run.

    Attributes
    ----------
    draws, tune, chains, seed : int
    """

    draws: int = 1000
    tune: int = 700
    chains: int = 4
    seed: int = 0

    def config(self) -> SamplerConfig:
        """For the sampler; one thread, since cells run beside each other."""
        return SamplerConfig(
            draws=self.draws,
            tune=self.tune,
            chains=self.chains,
            seed=self.seed,
            cores=1,
            target_accept=0.9,
        )

    def as_dict(self) -> dict[str, int]:
        """Plain values."""
        return {
            "draws": self.draws,
            "tune": self.tune,
            "chains": self.chains,
            "seed": self.seed,
        }


@dataclass(frozen=True)
class Cell:
    """Maxima and everything else that the row of a posterior depends on.

    Attributes
    ----------
    maxima : ndarray, shape (block,)
    periods : int
        Holding periods of a block.
    days : float
        Length of a holding period.
    prior : str
    probabilities : tuple of float
    settings : Settings
    """

    maxima: FloatArray
    periods: int
    days: float
    prior: str
    probabilities: tuple[float, ...]
    settings: Settings


def fit_cell(cell: Cell) -> dict[str, Any]:
    """Sample the tail of a cell.

    Returns
    -------
    dict
        ``blocks``; ``location``, ``scale``, ``shape`` (low, median, high); ``levels`` (meaning of
        the probability, then the probability as text, to ``[low, median, high, predictive]``);
        ``diagnostics``, ``reasons``, ``attempts``, ``seconds``.
    """
    fit = fit_gev(cell.maxima, days=cell.days, prior=cell.prior, config=cell.settings.config())
    return {
        "blocks": fit.n_blocks,
        **{
            name: [float(q) for q in np.quantile(values, LIMITS)]
            for name, values in zip(PARAMETERS, fit.draws, strict=True)
        },
        "levels": {
            meaning: {
                str(p): [
                    *(float(q) for q in np.quantile(fit.level(p, periods), LIMITS)),
                    fit.predictive(p, periods),
                ]
                for p in cell.probabilities
            }
            for meaning, periods in ((PER_PERIOD, float(cell.periods)), (PER_BLOCK, 1.0))
        },
        "diagnostics": fit.diagnostics,
        "reasons": list(fit.reasons),
        "attempts": fit.attempts,
        "seconds": round(fit.seconds, 2),
    }
