"""One market at one share of readers: simulate, publish, fit, compare."""

import time
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liqbayes.checks import diagnostics
from liqbayes.model.data import prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.spec import ModelSpec
from liqbayes.sampling import SamplerConfig, fit
from liqbayes.sampling.fit import assemble
from liqbayes.simulate import SimulatedMarket, market_preset, simulate_market
from liqbayes.simulate.reader_settings import BEHAVIOURS, ReaderConfig
from liqbayes.validate.compiled import compiled_for, model_of
from liqbayes.validate.feedback.maps import publisher
from liqbayes.validate.feedback.measures import (
    FIT_MEASURES,
    fit_measures,
    map_measures,
    market_measures,
)
from liqbayes.validate.recovery.outputs import (
    OUTPUTS,
    draws_of,
    first_bar_left_out,
    interval_of,
    truth_of,
)

# Three weeks of hours; the first map after three days, then one a day. Maps of the second half
# of that time are compared: readers need time to matter.
BARS, FIRST_HOURS, EVERY_HOURS = 504, 72, 24
COMPARED_FROM = 288
CHAINS, TUNE, DRAWS = 2, 300, 150
FIRST_SEED = 52_000
ALL, NOBODY = "all", "none"


@dataclass(frozen=True)
class Unit:
    """One market of the study.

    Attributes
    ----------
    spec : str
        The specification as JSON.
    number : int
        Of the market: the same number has the same price path, whoever reads.
    preset : str
        Regime.
    behaviour : str
        One of `BEHAVIOURS`, or ``all``.
    share : float
        Share of traders who read.
    map : str
        What is published, see `liqbayes.validate.feedback.maps`.
    fitted : bool
        Whether the model is fitted at the end.
    """

    spec: str
    number: int
    preset: str
    behaviour: str
    share: float
    map: str
    fitted: bool

    def readers(self) -> ReaderConfig:
        """Who reads and what they do."""
        usual = ReaderConfig(first_hours=FIRST_HOURS, every_hours=EVERY_HOURS)
        if self.share == 0:
            return usual
        does = BEHAVIOURS if self.behaviour == ALL else (self.behaviour,)
        return replace(usual, share=self.share, behaviour=does)

    def market(self) -> SimulatedMarket:
        """Simulate it."""
        config = market_preset(self.preset, bars=BARS, readers=self.readers())
        publish = publisher(self.map, _spec(self.spec))
        return simulate_market(config, FIRST_SEED + self.number, publish=publish)


def feed_back(unit: Unit) -> dict[str, Any]:
    """Simulate a market whose traders read a map, and measure map, risk and fit.

    Returns
    -------
    dict
        ``market``, ``behaviour``, ``share``, ``measures`` (name to value, None where unknown),
        ``truth``, ``interval`` (output to low, median, high) and ``convergence`` of the fit, if
        there is one, ``publications``, ``seconds``.
    """
    begin = time.perf_counter()
    market = unit.market()
    late = [each for each in market.publications if each.bars >= COMPARED_FROM]
    orientation = 1 if market.panel.contract.kind == "linear" else -1
    measures = map_measures(late, orientation) | market_measures(market, FIRST_HOURS)
    row: dict[str, Any] = {
        "market": unit.number,
        "behaviour": unit.behaviour,
        "share": unit.share,
        "publications": len(market.publications),
    }
    if unit.fitted:
        row |= _fitted(unit, market)
        measures |= fit_measures(row["interval"], row["truth"])
    else:
        measures |= dict.fromkeys(FIT_MEASURES, np.nan)
    row["measures"] = {name: _finite(value) for name, value in measures.items()}
    return row | {"seconds": round(time.perf_counter() - begin, 1)}


def _fitted(unit: Unit, market: SimulatedMarket) -> dict[str, Any]:
    """What the model, fitted to the whole panel with its feed, says of the outputs."""
    spec, panel = _spec(unit.spec), market.panel
    open_interest = float(np.mean(panel.values("open_interest")))
    truth = truth_of(market, first_bar_left_out(panel.n_bars), open_interest)
    if spec.rule is not None:
        values, _ = draws_of(fit(spec, panel, progress=False), open_interest, kind="expected")
        return {"truth": truth, "interval": {n: _limits(values[n]) for n in OUTPUTS}}
    evaluator = Evaluator.of(spec, prepare(spec, panel))
    # the same seed for every share of a market
    config = SamplerConfig(draws=DRAWS, tune=TUNE, chains=CHAINS, cores=1, seed=unit.number)
    taken = compiled_for({"": evaluator}).sample(config, model=model_of({"": evaluator}))
    tree = assemble(evaluator, panel, None, taken, config)
    values, _ = draws_of(tree, open_interest)
    found = diagnostics(tree)
    names = ("max_rhat", "min_ess_bulk", "divergences")
    return {
        "truth": truth,
        "interval": {n: _limits(values[n]) for n in OUTPUTS},
        "convergence": {
            **{name: _finite(found[name]) for name in names},
            "sampling_seconds": round(taken.seconds, 1),
        },
    }


def _limits(values: NDArray[np.float64]) -> list[float | None]:
    return [_finite(limit) for limit in interval_of(values)]


def _finite(value: float | None) -> float | None:
    """A number that JSON can hold; None where it is not known."""
    return None if value is None or not np.isfinite(value) else float(value)


@lru_cache(maxsize=4)
def _spec(text: str) -> ModelSpec:
    return ModelSpec.from_json(text)
