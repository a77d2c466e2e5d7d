"""Posterior and rules against observed positions, one snapshot a day."""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.batch import Outcome, Rows
from liqbayes.census import quantities
from liqbayes.census.bootstrap import INTERVAL, AccountDraws, effective
from liqbayes.census.fate import check_markets
from liqbayes.census.fits import Settings, fit_until, panel_until
from liqbayes.census.inclusion import InclusionModel, bounds, fit_inclusion
from liqbayes.census.snapshots import fit_quality, run_snapshots
from liqbayes.census.table import Census
from liqbayes.census.verdicts import verdict
from liqbayes.errors import InputError
from liqbayes.model import ModelSpec, load_spec
from liqbayes.outputs import at_risk_amounts, thin
from liqbayes.panel import MarketPanel
from liqbayes.resources import DEFAULT_MODEL
from liqbayes.validate.identity import model_identity, run_versions

FloatArray = NDArray[np.float64]

SCHEMA = "liqbayes-census-compare-1"
RULE = "fixed-mix"
# Draws of accounts' weights, each with its own inclusion model; fixed before any run.
INCLUSION_DRAWS = 300
SIDE_NAMES = {1: "long", -1: "short"}


@dataclass(frozen=True)
class CensusPlan:
    """What a comparison with positions is.

    Attributes
    ----------
    census : Census
    panels : mapping of str to MarketPanel
    model : str
    settings : Settings
        Of every fit.
    """

    census: Census
    panels: Mapping[str, MarketPanel]
    model: str = DEFAULT_MODEL
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        check_markets(self.census, self.panels)

    @property
    def spec(self) -> ModelSpec:
        """The model's specification."""
        return load_spec(self.model)

    def identity(self) -> dict[str, Any]:
        """Everything that a row depends on."""
        return {
            "positions": _hash(self.census.table),
            "panels": {name: panel.content_hash for name, panel in self.panels.items()},
            "model": model_identity(self.spec),
            "settings": asdict(self.settings),
            "versions": run_versions(),
        }


@dataclass(frozen=True)
class Unit:
    """One snapshot of one market."""

    plan: CensusPlan
    market: str
    time: np.datetime64
    store: Path
    inclusion: InclusionModel
    accounts: AccountDraws


def compare_with_positions(
    plan: CensusPlan,
    out: str | Path,
    executor: Executor,
    *,
    store: str | Path | None = None,
    budget_minutes: float | None = None,
    force: bool = False,
    progress: bool = True,
) -> tuple[pd.DataFrame, Outcome]:
    """Compare standing quantities of a posterior and of rules with observed positions.

    Parameters
    ----------
    plan : CensusPlan
    out : str or Path
        Directory: rows of each snapshot as they finish, then ``positions.csv`` and
        ``verdicts.csv``.
    executor : concurrent.futures.Executor
    store : str or Path, optional
        Directory of fits that runs share; ``fits`` within ``out`` by default.
    budget_minutes, force, progress
        See `run_batch` and `Rows.open`.

    Returns
    -------
    table : DataFrame
        One row a market, snapshot, side, quantity and source: interval, observed share, bounds,
        estimate of the inclusion model, verdict. See `verdict`.
    Outcome

    Raises
    ------
    InputError
        If the directory does not fit, or no snapshot could be compared.
    """
    rows = Rows.open(out, {"schema": SCHEMA, **plan.identity()}, force=force)
    rng = np.random.default_rng([plan.settings.seed, 42])
    accounts = AccountDraws.of(plan.census.accounts.size, rng, INCLUSION_DRAWS)
    inclusion = fit_inclusion(plan.census, accounts.weights)
    fits = Path(out) / "fits" if store is None else Path(store)
    units = {
        f"{market} {time}": Unit(plan, market, time, fits, inclusion, accounts)
        for time in plan.census.daily()
        for market in plan.panels
    }
    return run_snapshots(
        units, compare_snapshot, rows, executor, budget_minutes=budget_minutes, progress=progress
    )


def compare_snapshot(unit: Unit) -> dict[str, Any]:
    """Compare at one snapshot: plain values by column under ``table``, quality of its fit."""
    plan, spec = unit.plan, unit.plan.spec
    panel = plan.panels[unit.market]
    fit = fit_until(spec, panel, unit.time, plan.settings, unit.store)
    ruled = fit_until(load_spec(RULE), panel, unit.time, plan.settings, unit.store)
    price = float(at_risk_amounts(thin(fit, 2), moves=[0.1]).attrs["mark_price"])
    sources = {spec.name: quantities.of_fit(fit)}
    if spec.rule is None:
        sources[f"{spec.name}, prior"] = quantities.of_fit(fit, "prior")
    sources[RULE] = quantities.of_fit(ruled)
    held = plan.census.snapshot(unit.market, unit.time)
    interest = interest_at(panel_until(panel, unit.time))
    out: list[dict[str, Any]] = []
    for j, side in enumerate((1, -1)):
        own = held[held["side"] == side]
        share = coverage(own, interest, unit.market, side)
        if own.empty:
            continue
        truth = observed(own, price, interest, unit)
        rule = _rule_on_positions(own, price, unit)
        about = {
            "market": unit.market,
            "time": str(unit.time.astype("datetime64[s]")),
            "side": SIDE_NAMES[side],
            "share_observed": share,
            "accounts": int(own["account"].nunique()),
            "effective_accounts": effective(own["account"].to_numpy(), own["size"].to_numpy()),
        }
        for q, name in enumerate(quantities.names()):
            low, high = bounds(truth["observed"][q], share)
            bound = {"bound_low": low, "bound_high": high}
            seen = {key: value[q] for key, value in truth.items()}
            for source, draws in sources.items():
                ends = np.quantile(draws[:, j, q], INTERVAL)
                out.append(
                    {**about, "quantity": name, "source": source, **_ends(ends), **bound, **seen}
                )
            if name == quantities.UNDER_WATER:
                # the rule takes entry prices as they are
                continue
            # a rule on the observed part alone, which bounds do not concern
            out.append(
                {
                    **about,
                    "quantity": name,
                    "source": "1/leverage, observed positions",
                    **_ends(rule[q]),
                    "bound_low": seen["observed"],
                    "bound_high": seen["observed"],
                    **seen,
                }
            )
    table = pd.DataFrame(out)
    table["verdict"] = [
        verdict(*ends) for ends in table[["low", "high", "bound_low", "bound_high"]].to_numpy(float)
    ]
    row: dict[str, Any] = {"table": _plain(table), "price": price}
    return row if spec.rule is not None else {**row, "fit": fit_quality(fit)}


def interest_at(panel: MarketPanel) -> float:
    """Last known open interest, in base coin for the linear contracts of public censuses."""
    values = panel.values("open_interest")
    return float(values[np.isfinite(values)][-1])


def coverage(table: pd.DataFrame, interest: float, market: str, side: int) -> float:
    """Observed part of a side's open interest.

    Raises
    ------
    InputError
        If it is more than all.
    """
    share = float(table["size"].sum()) / interest
    if share > 1:
        raise InputError(
            f"the {SIDE_NAMES[side]} positions of {market} are {share:.2f} times its open "
            "interest: census and panel differ in unit, venue or time."
        )
    return share


def observed(own: pd.DataFrame, price: float, interest: float, unit: Unit) -> dict[str, FloatArray]:
    """Observed shares, and what the inclusion model makes of them, by quantity.

    Weights are inverse probabilities of being shown, raked so that the side's weighted size is its
    open interest; draws reweight whole accounts. Unlike bounds this rests on an assumption.
    """
    from liqbayes.census.inclusion import features

    counts = quantities.of_positions(own, price)
    size = own["size"].to_numpy()
    account = own["account"].to_numpy()
    known = features(unit.plan.census).xs(pd.Timestamp(unit.time), level="time")
    weight = (
        unit.inclusion.weights(known.loc[account].to_numpy()) * unit.accounts.weights[:, account]
    )
    share = (weight * size) @ counts.T / (weight @ size)[:, None]
    ends = np.quantile(share, INTERVAL, axis=0)
    return {
        "observed": counts @ size / size.sum(),
        "inclusion_low": ends[0],
        "inclusion_median": ends[1],
        "inclusion_high": ends[2],
    }


def _rule_on_positions(own: pd.DataFrame, price: float, unit: Unit) -> FloatArray:
    """What 1/leverage of the displayed leverage says of the same positions, (quantity, 3)."""
    table = own.assign(rule=quantities.rule_levels(own))
    counts = quantities.of_positions(table, price, level="rule")
    account, size = own["account"].to_numpy(), own["size"].to_numpy()
    draws = np.array([unit.accounts.mean(account, size, row) for row in counts])
    return np.asarray(np.quantile(draws, INTERVAL, axis=1).T)


def _ends(values: FloatArray) -> dict[str, float]:
    return dict(zip(("low", "median", "high"), (float(v) for v in values), strict=True))


def _plain(table: pd.DataFrame) -> dict[str, list[Any]]:
    return {
        str(name): [None if v is None or v != v else v for v in values.tolist()]
        for name, values in table.items()
    }


def _hash(table: pd.DataFrame) -> str:
    import hashlib

    hashed = pd.util.hash_pandas_object(table, index=False).to_numpy()
    return hashlib.sha256(hashed.tobytes()).hexdigest()
