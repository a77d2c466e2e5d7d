"""A study of readers: markets over an executor, then differences between shares."""

import json
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liqbayes.batch import Outcome, Rows, run_batch
from liqbayes.errors import InputError
from liqbayes.model import load_spec
from liqbayes.model.spec import ModelSpec
from liqbayes.resources import DEFAULT_MODEL
from liqbayes.simulate import market_preset
from liqbayes.simulate.reader_settings import BEHAVIOURS, ReaderConfig
from liqbayes.validate.feedback.maps import MODEL, RULE, STAND_IN, publisher
from liqbayes.validate.feedback.measures import FAR, IMPACT, MEASURES, NEAR, SHOCK
from liqbayes.validate.feedback.tables import FeedbackResult, compared
from liqbayes.validate.feedback.unit import (
    ALL,
    BARS,
    CHAINS,
    COMPARED_FROM,
    DRAWS,
    EVERY_HOURS,
    FIRST_HOURS,
    FIRST_SEED,
    NOBODY,
    TUNE,
    Unit,
    feed_back,
)
from liqbayes.validate.files import replace_text
from liqbayes.validate.identity import model_identity, run_versions

SCHEMA = "liqbayes-feedback-1"
SUMMARY, TABLE = "feedback.json", "feedback.csv"
MOST_MARKETS = 1000


@dataclass(frozen=True)
class FeedbackPlan:
    """What a study of readers is.

    Attributes
    ----------
    model : str or ModelSpec
        Name, path or specification that is fitted to each market.
    shares : tuple of float
        Shares of traders who read; 0 is always among what is run.
    behaviours : tuple of str
        Each by itself: ``stops``, ``front-running``, ``avoidance``, or ``all`` for the three
        together.
    markets : int
        Simulated markets, each at every share.
    map : {"model", "fixed-mix", "true"}
        What the traders see, see `liqbayes.validate.feedback.maps.publisher`.
    preset : str
        Regime of the markets.
    fitted : bool
        Whether the model is fitted; else only the published maps and the risk are compared.
    """

    model: str | ModelSpec = DEFAULT_MODEL
    shares: tuple[float, ...] = (0.0, 0.1, 0.3)
    behaviours: tuple[str, ...] = (ALL,)
    markets: int = 6
    map: str = MODEL
    preset: str = "default"
    fitted: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        if not 1 <= self.markets <= MOST_MARKETS:
            raise InputError(f"--markets is {self.markets}; use 1 to {MOST_MARKETS}.")
        known = (*BEHAVIOURS, ALL)
        if not self.behaviours or not set(self.behaviours) <= set(known):
            raise InputError(
                f"--behaviour is {','.join(self.behaviours)!r}; it can be {', '.join(known)}, or "
                "several of them with commas."
            )
        for share in self.shares:
            ReaderConfig(share=share)
        if not any(share > 0 for share in self.shares):
            raise InputError("--shares names nobody who reads; give at least one above 0.")
        market_preset(self.preset)
        publisher(self.map, self.spec())

    def spec(self) -> ModelSpec:
        """The specification."""
        return load_spec(self.model) if isinstance(self.model, str) else self.model

    def units(self) -> dict[str, Unit]:
        """Units by key, market by market, so that what is finished first can be compared."""
        text = self.spec().to_json()
        arms = [(NOBODY, 0.0)]
        arms += [
            (b, s) for b in dict.fromkeys(self.behaviours) for s in sorted(set(self.shares)) if s
        ]
        return {
            f"{number:04d}-{behaviour}-{share:g}": Unit(
                text, number, self.preset, behaviour, share, self.map, self.fitted
            )
            for number in range(self.markets)
            for behaviour, share in arms
        }

    def identity(self) -> dict[str, Any]:
        """Everything that a row depends on; markets, shares and behaviours can be added later."""
        spec = self.spec()
        shown = {MODEL: STAND_IN, RULE: RULE}.get(self.map)
        return {
            "schema": SCHEMA,
            "model": model_identity(spec),
            "map": {
                "name": self.map,
                "hash": None
                if shown is None
                else spec.content_hash
                if self.map == MODEL and spec.rule is None
                else load_spec(shown).content_hash,
            },
            "fitted": self.fitted,
            "preset": self.preset,
            "config": market_preset(self.preset, bars=BARS).to_dict(),
            "readers": {
                "first_hours": FIRST_HOURS,
                "every_hours": EVERY_HOURS,
                "window": ReaderConfig().window,
                "dense": ReaderConfig().dense,
                "reach": ReaderConfig().reach,
            },
            "compared": {"from_bar": COMPARED_FROM, "within": [NEAR, FAR]},
            "scenario": {"shock": SHOCK, "impact": IMPACT},
            "first_seed": FIRST_SEED,
            "draws": {"chains": CHAINS, "tune": TUNE, "draws": DRAWS},
            "versions": run_versions(),
        }


def feedback_study(
    plan: FeedbackPlan,
    out: str | Path,
    executor: Executor,
    *,
    budget_minutes: float | None = None,
    force: bool = False,
    progress: bool = True,
) -> tuple[FeedbackResult, Outcome]:
    """Measure what traders who act on the published map do to the map and to cascades.

    Parameters
    ----------
    plan : FeedbackPlan
    out : str or Path
        Directory: ``run.json`` and ``rows.jsonl`` grow as units finish, ``feedback.json`` and
        ``feedback.csv`` are written at the end of each call. The same plan, or one with more
        markets, shares or behaviours, goes on where it was.
    executor : concurrent.futures.Executor
        Any; each worker compiles simulator and model once.
    budget_minutes : float, optional
        No unit begins after that.
    force : bool
        Throw away the rows of another plan in the same directory.
    progress : bool

    Returns
    -------
    FeedbackResult, Outcome

    Raises
    ------
    InputError
        If the plan or the directory does not fit, or no market has been finished with and without
        readers.
    """
    rows = Rows.open(out, plan.identity(), force=force)
    units = plan.units()
    outcome = run_batch(
        units,
        feed_back,
        rows,
        executor,
        budget_minutes=budget_minutes,
        progress=progress,
        title=plan.spec().name,
    )
    finished = sorted((r for r in rows.read() if r["key"] in units), key=lambda r: r["key"])
    result = compared(finished)
    columns = result.table.astype(object).where(result.table.notna(), None)
    summary = {
        **plan.identity(),
        "measures": MEASURES,
        "differences": columns.to_dict("records"),
        "errors": list(result.errors),
    }
    text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    replace_text(rows.directory / SUMMARY, text)
    replace_text(rows.directory / TABLE, result.table.to_csv(index=False, float_format="%.4g"))
    return result, outcome
