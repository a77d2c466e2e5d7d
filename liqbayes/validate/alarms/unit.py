"""One market: fitted once, then monitored without a fault and with each."""

import time
from dataclasses import dataclass
from typing import Any

from liqbayes.model.build import build_from_data
from liqbayes.model.data import prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.spec import ModelSpec
from liqbayes.monitor import monitor_fit
from liqbayes.sampling import SamplerConfig
from liqbayes.sampling.fit import assemble
from liqbayes.simulate import market_preset
from liqbayes.validate.alarms.faults import FAULTS, market
from liqbayes.validate.compiled import compiled_for_any_length

# Markets of these regimes in turn; three weeks of hours are fitted, one is monitored.
PRESETS = ("default", "calm", "low-turnover", "moving-levels")
FITTED_BARS, NEW_BARS = 504, 168
CHAINS, TUNE, DRAWS = 2, 300, 200
FIRST_SEED = 5000


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
        ``preset``, ``seed``, ``runs`` (fault to ``status`` and the ``alarms``, each its check, what
        it is of, status and p), ``seconds``.
    """
    begin = time.perf_counter()
    spec = ModelSpec.from_json(unit.spec)
    seed = FIRST_SEED + unit.number
    config = market_preset(unit.preset, bars=FITTED_BARS + NEW_BARS)
    given = market(config, seed, FITTED_BARS)
    panel = given.before
    evaluator = Evaluator.of(spec, prepare(spec, panel))
    settings = SamplerConfig(draws=DRAWS, tune=TUNE, chains=CHAINS, cores=1, seed=seed)
    compiled = compiled_for_any_length(evaluator)
    model = build_from_data(spec, evaluator.data, any_length=True)
    fit = assemble(evaluator, panel, None, compiled.sample(settings, model=model), settings)
    runs = {}
    for name, plant in FAULTS.items():
        found = monitor_fit(fit, plant(given))
        runs[name] = {
            "status": found.status,
            "alarms": [
                {"check": c.check, "of": c.of, "status": c.status, "p": c.p}
                for c in found.alarms()
            ],
        }
    return {
        "preset": unit.preset,
        "seed": seed,
        "runs": runs,
        "seconds": round(time.perf_counter() - begin, 1),
    }
