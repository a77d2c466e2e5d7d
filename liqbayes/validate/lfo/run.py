"""A comparison: models over one panel, block by block over an executor, then tables and files."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from liqbayes.batch import Outcome, Rows, run_batch
from liqbayes.errors import InputError
from liqbayes.model import load_spec, prepare
from liqbayes.model.data import ModelData
from liqbayes.model.inputs import parameter_layout
from liqbayes.model.spec import ModelSpec
from liqbayes.panel import MarketPanel
from liqbayes.sampling import SamplerConfig
from liqbayes.validate.identity import model_identity, panel_identity, run_versions
from liqbayes.validate.lfo.cut import origins_allowed
from liqbayes.validate.lfo.picture import draw_comparison
from liqbayes.validate.lfo.tables import PICTURE, ComparisonResult, judge, write_result
from liqbayes.validate.lfo.unit import INTEREST, Unit, score_block, scored_bars

SCHEMA = "liqbayes-compare-1"
# Scored bars before the first origin: fewer leave every model at its prior.
LEAST_BARS = 24
# Windows between planned fits unless the plan says otherwise.
WINDOWS_A_BLOCK = 7


@dataclass(frozen=True)
class ComparisonPlan:
    """What a comparison is.

    Attributes
    ----------
    models : sequence of str or ModelSpec
        Names, paths or specifications, at least two; the first is the reference.
    panel : MarketPanel
    horizon : int
        Bars of a window that is scored from one origin.
    refit_every : int, optional
        Bars after which a model is fitted again in any case; seven windows by default.
    first_share : float
        Share of the panel before the first origin.
    draws, tune, chains, seed : int
        Of every fit.
    """

    models: Sequence[str | ModelSpec]
    panel: MarketPanel
    horizon: int = 24
    refit_every: int | None = None
    first_share: float = 0.5
    draws: int = 500
    tune: int = 500
    chains: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        if len(self.models) < 2:
            raise InputError(
                f"{len(self.models)} model is named; give --model at least twice to compare."
            )
        if self.horizon < 1:
            raise InputError(f"--horizon is {self.horizon}; use at least 1 bar.")
        if self.refit_every is not None and self.refit_every < self.horizon:
            raise InputError(
                f"--refit-every is {self.refit_every}; use at least the --horizon of "
                f"{self.horizon} bars."
            )
        if not 0 < self.first_share < 1:
            raise InputError(f"--first-share is {self.first_share}; use more than 0, less than 1.")
        if self.draws * self.chains < 100:
            raise InputError(
                f"--draws x --chains is {self.draws * self.chains}; weights of fewer than 100 "
                "draws cannot be smoothed."
            )
        SamplerConfig(draws=self.draws, tune=self.tune, chains=self.chains, seed=self.seed)
        hashes = [spec.content_hash for spec in self.specs]
        if len(set(hashes)) < len(hashes):
            raise InputError("two models are the same; compare different ones.")
        for spec in self.specs:
            if spec.rule is not None:
                raise InputError(
                    f"{spec.name} is a rule: it has no likelihood that could be scored; compare "
                    "sampled models such as baseline."
                )
        if len(self.windows) < 2:
            raise InputError(
                f"the panel has {self.panel.n_bars} bars, of which {self._scored_after()} can be "
                f"predicted after the first {self.first_share:g}: too few for two windows of "
                f"{self.horizon}. Use a longer panel, or a smaller --horizon or --first-share."
            )

    @cached_property
    def specs(self) -> tuple[ModelSpec, ...]:
        """The specifications."""
        return tuple(load_spec(m) if isinstance(m, str) else m for m in self.models)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """A name for each model: the specification's, with its hash where two share a name."""
        names = [spec.name for spec in self.specs]
        return tuple(
            name if names.count(name) == 1 else f"{name} {spec.content_hash[:8]}"
            for name, spec in zip(names, self.specs, strict=True)
        )

    @cached_property
    def _prepared(self) -> tuple[ModelData, ...]:
        return tuple(prepare(spec, self.panel) for spec in self.specs)

    @cached_property
    def windows(self) -> tuple[tuple[int, int], ...]:
        """Half-open ranges of bars, the same for all models.

        Every bar from the first origin on is in one; an origin in a gap of open interest moves to
        its end, and the last window ends with the last bar that is followed.

        Raises
        ------
        SpecError, InputError
            If a model cannot be prepared for the panel, or has next to nothing to learn from
            before the first origin.
        """
        allowed = np.flatnonzero(np.all([origins_allowed(d) for d in self._prepared], axis=0))
        n = self.panel.n_bars
        at = int(np.searchsorted(allowed, max(1, round(self.first_share * n))))
        edges: list[int] = []
        while at < allowed.size:
            edges.append(int(allowed[at]))
            at = int(np.searchsorted(allowed, edges[-1] + self.horizon))
        # bars after the last whole window
        if edges and allowed[-1] > edges[-1]:
            edges.append(int(allowed[-1]))
        if edges:
            self._check_learning(edges[0])
        return tuple(pairwise(edges))

    def _check_learning(self, first: int) -> None:
        for spec, data in zip(self.specs, self._prepared, strict=True):
            # a model that scores nothing is refused where its parameters are laid out
            parameter_layout(spec, data)
            known = int(scored_bars(data)[INTEREST][:first].sum())
            if known < LEAST_BARS:
                raise InputError(
                    f"{spec.name} scores {known} bars before the first origin; at least "
                    f"{LEAST_BARS} are needed. Use a longer panel or a larger --first-share."
                )

    def _scored_after(self) -> int:
        first = round(self.first_share * self.panel.n_bars)
        return int(min(np.sum(d.start[first:] == 0) for d in self._prepared))

    def blocks(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """Windows by the fit that each model begins with."""
        every = WINDOWS_A_BLOCK
        if self.refit_every is not None:
            every = self.refit_every // self.horizon
        return tuple(self.windows[i : i + every] for i in range(0, len(self.windows), every))

    def units(self) -> dict[str, Unit]:
        """Blocks by key: all models of a block before the next, so that a budget leaves pairs."""
        return {
            _key(spec, block): Unit(
                spec.to_json(),
                self.panel,
                self.windows[0][0],
                block,
                self.draws,
                self.tune,
                self.chains,
                self.seed,
            )
            for block in self.blocks()
            for spec in self.specs
        }

    def identity(self) -> dict[str, Any]:
        """Everything that a row depends on; the models are in its key, so that one can be added."""
        return {
            "schema": SCHEMA,
            "panel": panel_identity(self.panel),
            "horizon": self.horizon,
            "first_share": self.first_share,
            "blocks": [[block[0][0], block[-1][1]] for block in self.blocks()],
            "sampler": {
                "draws": self.draws,
                "tune": self.tune,
                "chains": self.chains,
                "seed": self.seed,
            },
            "versions": run_versions("arviz"),
        }


def compare_models(
    plan: ComparisonPlan,
    out: str | Path,
    executor: Executor,
    *,
    budget_minutes: float | None = None,
    force: bool = False,
    progress: bool = True,
) -> tuple[ComparisonResult, Outcome]:
    """Compare models by leave-future-out cross-validation.

    From each origin the bars of the next window are scored given all bars before it (Bürkner,
    Gabry and Vehtari 2020, doi 10.1080/00949655.2020.1783262). What is predicted is one step ahead
    at a time: parameters know nothing of the window, the book is filtered through it.

    Parameters
    ----------
    plan : ComparisonPlan
    out : str or Path
        Directory: ``run.json`` and ``rows.jsonl`` grow as blocks finish, ``compare.json``,
        ``compare.csv`` and ``compare.png`` are written at the end of each call. The same plan goes
        on where it was; so does one with other models over the same panel.
    executor : concurrent.futures.Executor
        Any; each worker compiles each model once.
    budget_minutes : float, optional
        No block begins after that.
    force : bool
        Throw away the rows of another plan in the same directory.
    progress : bool

    Returns
    -------
    ComparisonResult, Outcome

    Raises
    ------
    InputError
        If the directory does not fit, or no bar has been scored by two models.
    """
    rows = Rows.open(out, plan.identity(), force=force)
    units = plan.units()
    outcome = run_batch(
        units,
        score_block,
        rows,
        executor,
        budget_minutes=budget_minutes,
        progress=progress,
        title=", ".join(plan.labels),
    )
    finished = {row["key"]: row for row in rows.read()}
    blocks = plan.blocks()
    by_model = {
        label: [finished[k] for b in blocks if (k := _key(spec, b)) in finished]
        for label, spec in zip(plan.labels, plan.specs, strict=True)
    }
    # bars whose means are correlated: a day of them, whatever the bar's length
    day = max(1, round(86_400 / plan.panel.bar_seconds))
    result = judge(by_model, plan.panel.n_bars, len(blocks), day, plan.seed)
    models = {
        label: model_identity(spec) for label, spec in zip(plan.labels, plan.specs, strict=True)
    }
    n_draws = plan.draws * plan.chains
    write_result(result, plan.identity(), models, n_draws, rows.directory)
    draw_comparison(result, plan.panel, n_draws, rows.directory / PICTURE)
    return result, outcome


def _key(spec: ModelSpec, block: tuple[tuple[int, int], ...]) -> str:
    return f"{spec.content_hash[:16]}-{block[0][0]:06d}"
