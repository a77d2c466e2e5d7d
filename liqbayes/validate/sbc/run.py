"""A calibration run: panels over an executor, then tests and tables."""

from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liqbayes.batch import Outcome, Rows, run_batch
from liqbayes.errors import InputError
from liqbayes.model import load_spec
from liqbayes.model.spec import ModelSpec
from liqbayes.resources import DEFAULT_MODEL
from liqbayes.validate.identity import model_identity, run_versions
from liqbayes.validate.paths import needs_days, path_names
from liqbayes.validate.sbc.faults import FAULTS
from liqbayes.validate.sbc.picture import draw_ecdf
from liqbayes.validate.sbc.tables import SbcResult, judge, write_result
from liqbayes.validate.sbc.unit import CHAINS, LEAST_ESS, STAGES, L, Unit, calibrate_panel, held

SCHEMA = "liqbayes-sbc-1"
# How many paths the second market of a model that pools lies behind the first.
SECOND_MARKET = 7


@dataclass(frozen=True)
class SbcPlan:
    """What a calibration run is.

    Attributes
    ----------
    model : str or ModelSpec
        Name, path or specification.
    panels, bars : int
        Bars are hours, or days for a model whose random walks have steps longer than a fortnight.
    data : str or Path, optional
        Directory of real panels; without it all paths are simulated.
    fault : str, optional
        One of ``FAULTS``: what is wrong with the fitted model on purpose.
    """

    model: str | ModelSpec = DEFAULT_MODEL
    panels: int = 200
    bars: int = 360
    data: str | Path | None = None
    fault: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        if self.panels < 10:
            raise InputError(f"--panels is {self.panels}; ranks of fewer than 10 say nothing.")
        if self.bars < 120:
            raise InputError(f"--bars is {self.bars}; use at least 120.")
        if self.fault is not None and self.fault not in FAULTS:
            raise InputError(f"--fault is {self.fault!r}; use one of {', '.join(FAULTS)}.")
        if self.spec().rule is not None:
            raise InputError(
                f"--model is {self.spec().name}, a rule: it has no prior to draw from and no "
                "posterior to rank in; choose a sampled model such as baseline."
            )

    def spec(self) -> ModelSpec:
        """The specification."""
        return load_spec(self.model) if isinstance(self.model, str) else self.model

    def units(self) -> dict[str, Unit]:
        """Panels by key, cycling over the paths; two markets a panel if the model pools."""
        text, names = self.spec().to_json(), self.paths()
        steps = (0, SECOND_MARKET) if self.spec().pooling else (0,)
        data = None if self.data is None else str(self.data)
        return {
            f"{i:04d}": Unit(
                text,
                i,
                tuple(names[(i + step) % len(names)] for step in steps),
                self.bars,
                data,
                self.fault,
            )
            for i in range(self.panels)
        }

    def paths(self) -> list[str]:
        """Names of the price paths, of hours or of days."""
        return path_names(self.data, self.bars, daily=needs_days(self.spec()))

    def identity(self) -> dict[str, Any]:
        """Everything that a panel's row depends on; the number of panels is not part of it."""
        spec = self.spec()
        return {
            "schema": SCHEMA,
            "model": model_identity(spec),
            "bars": self.bars,
            "paths": self.paths(),
            "fault": self.fault,
            "held": held(spec, daily=needs_days(spec)),
            "draws": {"L": L, "least_ess": LEAST_ESS, "chains": CHAINS, "stages": list(STAGES)},
            "versions": run_versions(),
        }


def simulation_based_calibration(
    plan: SbcPlan,
    out: str | Path,
    executor: Executor,
    *,
    budget_minutes: float | None = None,
    force: bool = False,
    progress: bool = True,
) -> tuple[SbcResult, Outcome]:
    """Check that posterior and simulator of a model agree (Talts et al. 2018, arXiv 1804.06788).

    For each panel parameters are drawn from the prior and open interest and reports from the
    model's own one-step laws, over fixed price, volume and funding; the fit of these data should
    rank the truth uniformly among its draws. This checks code and sampler, and the model only
    against itself. Weights of the channels count as one: a discounted posterior has no uniform
    ranks.

    Parameters
    ----------
    plan : SbcPlan
    out : str or Path
        Directory: ``run.json`` and ``rows.jsonl`` grow as panels finish, ``sbc.json``, ``sbc.csv``,
        ``ranks.csv`` and ``ecdf.png`` are written at the end of each call. The same plan goes on
        where it was.
    executor : concurrent.futures.Executor
        Any; each worker compiles the model once.
    budget_minutes : float, optional
        No panel begins after that.
    force : bool
        Throw away the rows of another plan in the same directory.
    progress : bool

    Returns
    -------
    SbcResult, Outcome

    Raises
    ------
    InputError
        If the plan or the directory does not fit, or no panel has been finished.
    """
    rows = Rows.open(out, plan.identity(), force=force)
    spec = plan.spec()
    outcome = run_batch(
        plan.units(),
        calibrate_panel,
        rows,
        executor,
        budget_minutes=budget_minutes,
        progress=progress,
        title=f"{spec.name}{f', {plan.fault}' if plan.fault else ''}",
    )
    wanted = set(plan.units())
    finished = sorted((r for r in rows.read() if r["key"] in wanted), key=lambda r: r["key"])
    result = judge(finished, n_ranks=L + 1, seed=int(spec.content_hash[:8], 16))
    write_result(result, plan.identity(), finished, rows.directory)
    title = f"{spec.name}: ranks of the truth in {len(finished)} simulated panels"
    if plan.fault:
        title += f", fitted with the fault {plan.fault}"
    draw_ecdf(result, title, rows.directory / "ecdf.png")
    return result, outcome
