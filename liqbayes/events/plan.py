"""What a run of the studies is: panel, model, blocks of bars with one fit each."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from liqbayes.backtest.origins import midnight_from, ranges
from liqbayes.errors import InputError
from liqbayes.events import definitions
from liqbayes.events.definitions import FIRST_SHARE, LEAST_PAST_BARS, LEAST_STUDY_BARS
from liqbayes.events.evidence import horizons
from liqbayes.model import load_spec, prepare
from liqbayes.model.spec import ModelSpec
from liqbayes.outputs.windows import duration_seconds
from liqbayes.panel import MarketPanel
from liqbayes.sampling import SamplerConfig
from liqbayes.validate.identity import model_identity, panel_identity, run_versions

SCHEMA = "liqbayes-events-1"


@dataclass(frozen=True)
class Unit:
    """Bars with one origin; everything that their row depends on.

    Attributes
    ----------
    spec : str
        The specification as JSON.
    panel : MarketPanel
    start, stop : int
        Bars under study; parameters are fitted to those before ``start``.
    draws, tune, chains, seed : int
    """

    spec: str
    panel: MarketPanel
    start: int
    stop: int
    draws: int
    tune: int
    chains: int
    seed: int


@dataclass(frozen=True)
class EventPlan:
    """What a run of the studies is.

    Attributes
    ----------
    model : str or ModelSpec
        Sampled; a liquidation feed is not needed.
    panel : MarketPanel
        With volume and open interest.
    refit : str
        Time between fits, such as ``"7D"``.
    draws, tune, chains, seed : int
        Of every fit.

    Raises
    ------
    InputError
        If the model is a rule, bars fit no horizon, or the panel is too short.
    """

    model: str | ModelSpec
    panel: MarketPanel
    refit: str = "7D"
    draws: int = 250
    tune: int = 400
    chains: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        if duration_seconds(self.refit) < self.panel.bar_seconds:
            raise InputError(
                f"--refit is {self.refit}, less than a bar of {self.panel.bar_seconds} s."
            )
        SamplerConfig(draws=self.draws, tune=self.tune, chains=self.chains, seed=self.seed)
        if self.spec.rule is not None:
            raise InputError(
                f"{self.spec.name} is a rule: it has no parameters to fit before an event and no "
                "uncertainty to carry. Study a sampled model such as baseline."
            )
        if not horizons(self.panel.bar_seconds / 3600.0):
            hours = ", ".join(f"{h:g} h" for h in definitions.HORIZON_HOURS)
            raise InputError(
                f"no horizon of {hours} is a whole number of bars of {self.panel.bar_seconds} s; "
                "use bars of a day or less that divide one."
            )
        first, n = self.first, self.panel.n_bars
        if first < LEAST_PAST_BARS or n - first < LEAST_STUDY_BARS:
            raise InputError(
                f"the panel has {n} bars: {first} before the first origin and {n - first} to "
                f"study, where {LEAST_PAST_BARS} and {LEAST_STUDY_BARS} are needed. Use a longer "
                "panel."
            )
        prepare(self.spec, self.panel, seen=first)

    @cached_property
    def spec(self) -> ModelSpec:
        """The specification."""
        return load_spec(self.model) if isinstance(self.model, str) else self.model

    @cached_property
    def first(self) -> int:
        """First origin; days are not divided."""
        time = np.asarray(self.panel.time)
        return midnight_from(time, round(FIRST_SHARE * self.panel.n_bars))

    def blocks(self) -> tuple[tuple[int, int], ...]:
        """Half-open ranges of bars with one origin."""
        every = duration_seconds(self.refit) // self.panel.bar_seconds
        return ranges(self.first, self.panel.n_bars, every)

    def units(self) -> dict[str, Unit]:
        """Blocks by key."""
        sampler = (self.draws, self.tune, self.chains, self.seed)
        return {
            f"{start:06d}": Unit(self.spec.to_json(), self.panel, start, stop, *sampler)
            for start, stop in self.blocks()
        }

    def identity(self) -> dict[str, Any]:
        """Everything that rows depend on, definitions included."""
        return {
            "schema": SCHEMA,
            "model": model_identity(self.spec),
            "panel": panel_identity(self.panel),
            "refit": self.refit,
            "blocks": [list(block) for block in self.blocks()],
            "definitions": {
                name.lower(): getattr(definitions, name) for name in definitions.OF_ROWS
            },
            "sampler": {
                "draws": self.draws,
                "tune": self.tune,
                "chains": self.chains,
                "seed": self.seed,
            },
            "versions": run_versions(),
        }
