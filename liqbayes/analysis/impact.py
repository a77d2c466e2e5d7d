"""Price impact of a quantity traded at once, and what is assumed about it before any data.

A quantity ``q`` of quote currency moves the log price by ``Y σ (q / (D V))^δ`` with daily
volatility ``σ`` and daily volume ``V`` of the market itself (the square-root law: Tóth et al. 2011,
doi 10.1103/PhysRevX.1.021006; on bitcoin: Donier & Bonart, arXiv 1412.4503). ``Y``, ``δ`` and the
remaining depth ``D`` are no result of a fit; they are drawn from priors with their sources.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from liqbayes.errors import InputError
from liqbayes.outputs.windows import duration_seconds
from liqbayes.panel import MarketPanel

FloatArray = NDArray[np.float64]

#: Bars from which volatility and volume are taken.
WINDOW = "30d"
#: Draws of the priors for every posterior draw.
SCENARIOS = 64
# Without any of these nothing can be traded.
_DIVISORS = ("impact_coefficient", "remaining_depth", "spot_volume")
# A window with less than a day of bars has no daily volatility.
_LEAST_HOURS = 24.0


@dataclass(frozen=True)
class Prior:
    """What is assumed of one quantity.

    Attributes
    ----------
    name : str
    distribution : {"lognormal", "normal", "beta"}
    first, second : float
        Median and standard deviation of the logarithm; mean and standard deviation; the two shapes.
    unit, description, source : str
    low, high : float
        Limits at which a normal is cut off.
    """

    name: str
    distribution: str
    first: float
    second: float
    unit: str
    description: str
    source: str
    low: float = -np.inf
    high: float = np.inf

    def quantile(self, probability: FloatArray | float) -> FloatArray:
        """Values at probabilities in (0, 1)."""
        law: Any
        if self.distribution == "lognormal":
            law = stats.lognorm(s=self.second, scale=self.first)
        elif self.distribution == "normal":
            law = stats.norm(self.first, self.second)
        elif self.distribution == "beta":
            law = stats.beta(self.first, self.second)
        else:
            raise InputError(
                f"prior {self.name!r}: distribution is {self.distribution!r}; use lognormal, "
                "normal or beta."
            )
        below, above = law.cdf(self.low), law.cdf(self.high)
        return np.asarray(law.ppf(below + np.asarray(probability) * (above - below)), float)


IMPACT_PRIORS = (
    Prior(
        "impact_coefficient",
        "lognormal",
        1.0,
        0.5,
        "1",
        "Y of the square-root law.",
        "Of order one on bitcoin (Donier & Bonart, arXiv 1412.4503) and elsewhere (Tóth et al. "
        "2011); costs of 4.4 bp for 1 M USD over an hour on BTC (Talos 2026) need up to 3, spread "
        "and fees included.",
    ),
    Prior(
        "impact_exponent",
        "normal",
        0.5,
        0.05,
        "1",
        "δ of the square-root law.",
        "0.489 with a standard error of 0.0015 over all liquid Tokyo stocks (Sato & Kanazawa, "
        "arXiv 2411.13965); 0.6 for US stocks (Almgren et al. 2005).",
        low=0.35,
        high=0.65,
    ),
    Prior(
        "remaining_depth",
        "beta",
        2.0,
        10.0,
        "share of ordinary depth",
        "D: what is left of the book's depth in the crash; acts on volume.",
        "Depth fell by 90 to 98 % at the worst of 10-11 October 2025 (FTI and market reports); "
        "wider, for it was worst for minutes.",
    ),
    Prior(
        "absorbed_off_book",
        "beta",
        6.0,
        4.0,
        "share of forced notional",
        "Forced positions that never reach the book: taken over by the venue's backstop, or closed "
        "against the other side by auto-deleveraging.",
        "0.63 on 10-11 October 2025 (Garcia Seuma 2026, a preprint on one event, known from its "
        "summary); auto-deleveraging alone closed 2.1 bn USD on Hyperliquid that day (Chitra 2025, "
        "arXiv 2512.01112) against 5.5 bn liquidated (HyperReplay).",
    ),
)


def draw_priors(
    priors: Sequence[Prior],
    size: int,
    seed: int,
    fixed: Mapping[str, float] | None = None,
) -> dict[str, FloatArray]:
    """Draw from priors by a Latin hypercube.

    Parameters
    ----------
    priors : sequence of Prior
    size : int
    seed : int
    fixed : mapping of str to float, optional
        Values that replace draws; the draws of the others stay what they are.

    Returns
    -------
    dict of str to ndarray, shape (size,)

    Raises
    ------
    InputError
        On a size below 1, an unknown name, or a fixed value outside a prior's support.
    """
    if size < 1:
        raise InputError(f"scenarios is {size}; use at least 1.")
    given = dict(fixed or {})
    names = [p.name for p in priors]
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise InputError(f"{', '.join(unknown)} is no prior; use {', '.join(names)}.")
    uniform = stats.qmc.LatinHypercube(d=len(priors), rng=np.random.default_rng(seed)).random(size)
    drawn = {p.name: p.quantile(uniform[:, i]) for i, p in enumerate(priors)}
    for prior in priors:
        if prior.name in given:
            drawn[prior.name] = np.full(size, _allowed(prior, given[prior.name]))
    return drawn


def _allowed(prior: Prior, value: float) -> float:
    high = min(1.0 if prior.distribution == "beta" else np.inf, prior.high)
    low = prior.low if prior.distribution == "normal" else 0.0
    divides = prior.name in _DIVISORS
    if not (low <= value <= high and np.isfinite(value)) or (divides and value <= 0):
        what = f"above {low:g}" if divides else f"from {low:g}"
        raise InputError(f"{prior.name} is {value}; use a value {what} to {high:g} ({prior.unit}).")
    return float(value)


@dataclass(frozen=True)
class Liquidity:
    """How much a market moves and trades in a day.

    Attributes
    ----------
    volatility : float
        Standard deviation of the log price over a day.
    volume : float
        Turnover of a day, quote currency.

    Raises
    ------
    InputError
        If either is not positive: nothing can be said about impact.
    """

    volatility: float
    volume: float

    def __post_init__(self) -> None:
        for name, value in (("volatility", self.volatility), ("volume", self.volume)):
            if not (np.isfinite(value) and value > 0):
                raise InputError(
                    f"the daily {name} is {value}; impact needs a positive one. Give the market's "
                    "own as Liquidity(volatility, volume)."
                )


def liquidity_of(panel: MarketPanel, window: str = WINDOW) -> Liquidity:
    """Daily volatility and volume of the last bars of a panel.

    Root mean square of the log returns between adjacent closes, and mean volume a bar, both scaled
    to a day.

    Parameters
    ----------
    panel : MarketPanel
    window : str
        Duration that ends at the last bar; all bars if the panel is shorter.

    Raises
    ------
    InputError
        If the volume is missing or another venue's, or less than a day is known.
    """
    if "volume" in panel.provenance["proxy"]:
        raise InputError(
            f"the panel's volume is that of {panel.provenance['proxy']['volume']}, which says "
            "nothing of this market's liquidity; give Liquidity(volatility, volume)."
        )
    bars = max(1, duration_seconds(window) // panel.bar_seconds)
    per_day = 86_400 / panel.bar_seconds
    close = panel.values("close")[-bars - 1 :]
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.diff(np.log(close))
    traded = np.asarray(panel.contract.to_quote(panel.values("volume"), panel.values("close")))
    traded = traded[-bars:]
    known = [np.isfinite(values).sum() / per_day * 24 for values in (steps, traded)]
    # one return less than bars, so a panel of exactly a day is enough
    if min(known) < _LEAST_HOURS - panel.bar_seconds / 3600:
        raise InputError(
            f"the panel knows {min(known):.3g} hours of price and volume in its last {window}; "
            f"daily volatility and volume need {_LEAST_HOURS:g}. Give Liquidity(volatility, "
            "volume)."
        )
    return Liquidity(
        volatility=float(np.sqrt(np.nanmean(steps**2) * per_day)),
        volume=float(np.nanmean(traded) * per_day),
    )
