"""What a backtest is: panel, model, blocks of bars with one fit each."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liqbayes.backtest.ablation import PLACEBO, WITH_MAP
from liqbayes.backtest.forecaster import TASKS
from liqbayes.backtest.model_forecaster import MODEL
from liqbayes.backtest.opponents import opponents
from liqbayes.backtest.origins import midnight_from, ranges
from liqbayes.backtest.table import BarTable
from liqbayes.contracts import SIDES
from liqbayes.errors import InputError
from liqbayes.model import load_spec, prepare
from liqbayes.model.spec import ModelSpec
from liqbayes.outputs.windows import duration_seconds
from liqbayes.panel import MarketPanel
from liqbayes.sampling import SamplerConfig
from liqbayes.validate.identity import model_identity, panel_identity, run_versions

FloatArray = NDArray[np.float64]
SCHEMA = "liqbayes-backtest-1"
# Shares of the panel, the last one of which is forecast by all; the one before chooses a baseline.
VALIDATION_SHARE, TEST_SHARE = 0.2, 0.3
# Bars before the first origin, and bars of the test: fewer show nothing.
LEAST_BARS, LEAST_TEST = 120, 48
# Bars ahead that are forecast from one origin.
HORIZON = 24
# Draws of reports a bar; paths of price and turnover of a forecast, which share them.
SIZE, PATHS = 1000, 40


@dataclass(frozen=True)
class Unit:
    """Blocks of bars, each with one origin; everything that their row depends on.

    Attributes
    ----------
    spec : str
        The specification as JSON.
    panel : MarketPanel
    blocks : tuple of (int, int)
        Ranges of bars that are forecast, one after the other; forecasters are fitted to the bars
        before each. The model is sampled at the first, and its draws are reweighted at the others.
    test : bool
        Whether the model is fitted; before the test block only baselines are compared.
    tasks : tuple of str
    draws, tune, chains, seed : int
    maps : mapping of str to ndarray
        What bars sweep of maps that are given, shape (side, time) each.
    """

    spec: str
    panel: MarketPanel
    blocks: tuple[tuple[int, int], ...]
    test: bool
    tasks: tuple[str, ...]
    draws: int
    tune: int
    chains: int
    seed: int
    maps: Mapping[str, FloatArray] = field(default_factory=dict)


@dataclass(frozen=True)
class BacktestPlan:
    """What a backtest is.

    Attributes
    ----------
    model : str or ModelSpec
        Sampled, with a feed.
    panel : MarketPanel
        With volume, open interest and liquidations of both sides.
    refit : str
        Time between fits, such as ``"1D"``.
    sample : str, optional
        Time between fits of the model that are sampled anyway, a multiple of ``refit``, such as
        ``"7D"``. In between its draws are reweighted by the bars since, where the Pareto k of the
        weights allows, and sampled where it does not. By default every fit is sampled.
    tasks : sequence of str
    draws, tune, chains, seed : int
        Of every fit.
    maps : mapping of str to ndarray, shape (side, time)
        What each bar sweeps of a map that stood before it (`liqbayes.judge.swept_by_bar`), by the
        name that it has among the baselines. On drawn paths there is no such map, so that they
        take no part in the task ``forecast``.
    """

    model: str | ModelSpec
    panel: MarketPanel
    refit: str = "1D"
    sample: str | None = None
    tasks: Sequence[str] = TASKS
    draws: int = 250
    tune: int = 400
    chains: int = 2
    seed: int = 0
    maps: Mapping[str, FloatArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        unknown = [task for task in self.tasks if task not in TASKS]
        if unknown or not self.tasks:
            raise InputError(
                f"the tasks are {', '.join(self.tasks) or 'none'}; choose from {', '.join(TASKS)}."
            )
        if duration_seconds(self.refit) < self.panel.bar_seconds:
            raise InputError(
                f"--refit is {self.refit}, less than a bar of {self.panel.bar_seconds} s."
            )
        if self.sample is not None and duration_seconds(self.sample) % duration_seconds(self.refit):
            raise InputError(
                f"--sample-every is {self.sample}, no multiple of --refit, {self.refit}."
            )
        SamplerConfig(draws=self.draws, tune=self.tune, chains=self.chains, seed=self.seed)
        if self.spec.rule is not None:
            raise InputError(
                f"{self.spec.name} is a rule and forecasts nothing; it is among the baselines. "
                "Backtest a sampled model such as baseline."
            )
        self._check_maps()
        _ = self.table
        if "liquidation_feed" not in self.spec.channels:
            raise InputError(
                f"{self.spec.name} has no liquidation feed among its channels and forecasts no "
                "reports; backtest a model that has, such as baseline."
            )
        first, test, n = self.splits
        if first < LEAST_BARS or n - test < LEAST_TEST:
            raise InputError(
                f"the panel has {n} bars: {first} before the first origin and {n - test} to test "
                f"on, where {LEAST_BARS} and {LEAST_TEST} are needed. Use a longer panel."
            )
        self._check_feed()
        prepare(self.spec, self.panel, seen=first)

    def _check_feed(self) -> None:
        """A feed that stops and sends zeros is unknown from there on, and no truth to score."""
        first, test, n = self.splits
        for what, (start, stop) in {"validation": (first, test), "test": (test, n)}.items():
            for j, side in enumerate(SIDES):
                reports = self.table.reported[j, start:stop]
                known = reports[np.isfinite(reports)]
                if not (known > 0).any():
                    said = "is zero or unknown" if known.size else "is unknown"
                    raise InputError(
                        f"{side}_liquidations {said} in all {stop - start} bars of the {what} "
                        f"block, {self.table.time[start]} to {self.table.time[stop - 1]}: nothing "
                        "can be scored there. End the panel where the feed ends."
                    )

    def _check_maps(self) -> None:
        taken = {each.name for each in opponents(self.panel)} | {MODEL, WITH_MAP}
        for name, swept in self.maps.items():
            if name in taken or name.startswith(PLACEBO.format("")):
                raise InputError(
                    f"a map is named {name!r}, which a forecaster of the backtest is called; give "
                    "it another name."
                )
            if np.shape(swept) != (len(SIDES), self.panel.n_bars):
                raise InputError(
                    f"the map {name!r} has shape {np.shape(swept)}; give what each of the "
                    f"{self.panel.n_bars} bars sweeps, (side, bar), longs first."
                )

    @cached_property
    def spec(self) -> ModelSpec:
        """The specification."""
        return load_spec(self.model) if isinstance(self.model, str) else self.model

    @cached_property
    def table(self) -> BarTable:
        """The panel as forecasters see it."""
        return BarTable.of(self.panel)

    @cached_property
    def splits(self) -> tuple[int, int, int]:
        """First bars of the validation and the test block, and the end; days are not divided."""
        n, time = self.panel.n_bars, self.table.time
        first = midnight_from(time, round((1.0 - TEST_SHARE - VALIDATION_SHARE) * n))
        return first, midnight_from(time, round((1.0 - TEST_SHARE) * n)), n

    def blocks(self) -> tuple[tuple[int, int, bool], ...]:
        """Half-open ranges of bars with one origin, and whether they are of the test block."""
        every = duration_seconds(self.refit) // self.panel.bar_seconds
        first, test, n = self.splits
        return tuple(
            (a, b, tested)
            for start, stop, tested in ((first, test, False), (test, n, True))
            for a, b in ranges(start, stop, every)
        )

    def units(self) -> dict[str, Unit]:
        """Units by key, the test first, so that a budget leaves forecasts of the model."""
        blocks = self.blocks()
        # what is sampled once stays together; baselines alone have nothing to share
        together = 1
        if self.sample is not None:
            together = duration_seconds(self.sample) // duration_seconds(self.refit)
        test = [block[:2] for block in blocks if block[2]]
        groups = [
            *((tuple(test[i : i + together]), True) for i in range(0, len(test), together)),
            *(((block[:2],), False) for block in blocks if not block[2]),
        ]
        return {
            f"{group[0][0]:06d}": Unit(
                self.spec.to_json(),
                self.panel,
                group,
                tested,
                tuple(self.tasks),
                self.draws,
                self.tune,
                self.chains,
                self.seed,
                dict(self.maps),
            )
            for group, tested in groups
        }

    def identity(self) -> dict[str, Any]:
        """Everything that rows depend on."""
        return {
            "schema": SCHEMA,
            "model": model_identity(self.spec),
            "panel": panel_identity(self.panel),
            "refit": self.refit,
            "sample": self.sample,
            "tasks": list(self.tasks),
            "maps": {
                name: hashlib.sha256(np.ascontiguousarray(swept, float).tobytes()).hexdigest()
                for name, swept in self.maps.items()
            },
            "blocks": [list(block) for block in self.blocks()],
            "draws_a_bar": SIZE,
            "paths": PATHS,
            "sampler": {
                "draws": self.draws,
                "tune": self.tune,
                "chains": self.chains,
                "seed": self.seed,
            },
            "versions": run_versions(),
        }
