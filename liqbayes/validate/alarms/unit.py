"""One market: fitted once, then monitored for weeks without a fault and for one with each."""

import time
from dataclasses import dataclass
from typing import Any

import xarray as xr

from liqbayes.model.build import build_from_data
from liqbayes.model.data import prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.spec import ModelSpec
from liqbayes.monitor import monitor_fit
from liqbayes.panel import MarketPanel
from liqbayes.sampling import SamplerConfig
from liqbayes.sampling.fit import assemble
from liqbayes.simulate import market_preset
from liqbayes.validate.alarms.faults import FAULTS, NONE, market
from liqbayes.validate.compiled import compiled_for_any_length

# Markets of these regimes in turn; three weeks of hours are fitted. Without a fault four more are
# monitored, each at its end; a fault lies in the first of them.
PRESETS = ("default", "calm", "low-turnover", "moving-levels")
FITTED_BARS, NEW_BARS, WEEKS = 504, 168, 4
CHAINS, TUNE, DRAWS = 2, 300, 200
FIRST_SEED = 7000


@dataclass(frozen=True)
class Unit:
    """One market of the study.

    Attributes
    ----------
    spec : str
        The specification as JSON.
    number : int
    """

    spec: str
    number: int

    @property
    def preset(self) -> str:
        """Regime of the market."""
        return PRESETS[self.number % len(PRESETS)]


def sound(unit: Unit) -> dict[str, Any]:
    """Simulate, fit, and monitor the continuation without a fault and with each.

    Returns
    -------
    dict
        ``preset``, ``seed``, ``runs`` (fault to a list of runs: ``status`` and the ``alarms``,
        each its check, what it is of, status and p), ``seconds``. Without a fault a run a week,
        otherwise one.
    """
    begin = time.perf_counter()
    spec = ModelSpec.from_json(unit.spec)
    seed = FIRST_SEED + unit.number
    config = market_preset(unit.preset, bars=FITTED_BARS + WEEKS * NEW_BARS)
    whole = market(config, seed, FITTED_BARS)
    given = whole.until(FITTED_BARS + NEW_BARS)
    panel = given.before
    evaluator = Evaluator.of(spec, prepare(spec, panel))
    settings = SamplerConfig(draws=DRAWS, tune=TUNE, chains=CHAINS, cores=1, seed=seed)
    compiled = compiled_for_any_length(evaluator)
    model = build_from_data(spec, evaluator.data, any_length=True)
    fit = assemble(evaluator, panel, None, compiled.sample(settings, model=model), settings)
    weeks = [whole.until(FITTED_BARS + k * NEW_BARS).panel for k in range(1, WEEKS + 1)]
    runs = {NONE: [_run(fit, panel) for panel in weeks]}
    runs |= {name: [_run(fit, plant(given))] for name, plant in FAULTS.items()}
    return {
        "preset": unit.preset,
        "seed": seed,
        "runs": runs,
        "seconds": round(time.perf_counter() - begin, 1),
    }


def _run(fit: xr.DataTree, panel: MarketPanel) -> dict[str, Any]:
    found = monitor_fit(fit, panel)
    alarms = [{"check": c.check, "of": c.of, "status": c.status, "p": c.p} for c in found.alarms()]
    return {"status": found.status, "alarms": alarms}
