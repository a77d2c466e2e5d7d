"""All outputs that a report needs, computed once."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from liqbayes.contracts import AnyContract, contract_from_dict
from liqbayes.conventions import BINS, MOVES, PRICE_RANGE, WINDOWS
from liqbayes.model.spec import ModelSpec
from liqbayes.report.reduce import bin_prior_share

if TYPE_CHECKING:
    from liqbayes.checks import Verdict

# Draws that posterior intervals are made of: quantiles of so many are exact to about 1.5 % of
# probability, and every output runs the whole book once a draw.
DRAWS = 1000
# Draws of the prior, of what is compared with it, and of the heatmap, which are drawn or divided
# and need fewer.
FEW_DRAWS = 250
# Columns of a drawn heatmap: more than a page can show.
HEATMAP_COLUMNS = 1500

Step = Callable[[str], None]


@dataclass(frozen=True)
class Results:
    """Outputs of one fit, draws kept where tables and summary reduce them.

    Attributes
    ----------
    contract : Contract or AggregateContract
    spec : ModelSpec
    attrs : dict of str to str
        Root attributes of the fit.
    span : tuple of str
        Open of the first bar and close of the last one, ISO 8601, UTC.
    label : str
        Contract and bar length, for figures.
    levels, levels_prior : Dataset
        Kind "realised", posterior and prior.
    bin_prior_share : DataArray
        Dims ``side`` and ``price``; of widths, while `prior_share` is of variances.
    at_risk : Dataset
        ``share`` and ``quote``.
    realised_total : Dataset
        ``quantity`` and ``quote`` with dims ``chain``, ``draw``, ``side``: sums over modelled bars.
    delta : Dataset
    leverage, leverage_prior, opened, opened_prior : DataArray
        Distribution over what is open and over what was opened.
    average_leverage : DataArray
    entry, entry_prior : Dataset
    heatmap : Dataset
    converged : bool
    reasons : tuple of str
    diagnostics : dict of str to float
    prior_share : dict of str to float
    prior_book_share : dict of str to float
    verdicts : tuple of Verdict
    """

    contract: AnyContract
    spec: ModelSpec
    attrs: dict[str, str]
    span: tuple[str, str]
    label: str
    levels: xr.Dataset
    levels_prior: xr.Dataset
    bin_prior_share: xr.DataArray
    at_risk: xr.Dataset
    realised_total: xr.Dataset
    delta: xr.Dataset
    leverage: xr.DataArray
    leverage_prior: xr.DataArray
    opened: xr.DataArray
    opened_prior: xr.DataArray
    average_leverage: xr.DataArray
    entry: xr.Dataset
    entry_prior: xr.Dataset
    heatmap: xr.Dataset
    converged: bool
    reasons: tuple[str, ...]
    diagnostics: dict[str, Any]
    prior_share: dict[str, float]
    prior_book_share: dict[str, float]
    verdicts: "tuple[Verdict, ...]"

    @property
    def interrupted(self) -> bool:
        """Whether sampling was stopped before all draws were taken."""
        return self.attrs["interrupted"] == "true"


def compute_results(
    fit: xr.DataTree,
    *,
    bins: int = BINS,
    price_range: tuple[float, float] = PRICE_RANGE,
    step: Step = lambda _: None,
) -> Results:
    """Compute every output of a report.

    Parameters
    ----------
    fit : DataTree
    bins : int
        Price bins.
    price_range : tuple of float
        Their range, as multiples of the last close.
    step : callable, optional
        Told in words what is computed next.

    Returns
    -------
    Results
        From at most about `DRAWS` evenly spaced draws, the prior and the heatmap from about
        `FEW_DRAWS`; convergence is judged on all of them. What a rule has no prior of is NaN.
    """
    from liqbayes import checks, outputs
    from liqbayes.outputs.context import is_rule
    from liqbayes.plots.of_fit import label_of

    many, few = outputs.thin(fit, DRAWS), outputs.thin(fit, FEW_DRAWS)
    grid: dict[str, Any] = {"bins": bins, "price_range": price_range}
    rule = is_rule(fit)

    def prior[T: (xr.DataArray, xr.Dataset)](
        output: Callable[..., T], like: T, **options: Any
    ) -> T:
        """An output under the prior; of a rule, which has none, unknown all over."""
        return xr.full_like(like, np.nan) if rule else output(few, group="prior", **options)

    step("liquidation levels")
    levels = outputs.liquidation_levels(many, **grid)
    levels_prior = prior(outputs.liquidation_levels, levels, **grid)
    after = outputs.liquidation_levels(few, **grid, kind="expected")
    before = prior(outputs.liquidation_levels, after, **grid, kind="expected")
    risk = outputs.at_risk_amounts(many, moves=MOVES)[["share", "quote"]]
    step("realised liquidations")
    flows = outputs.realised_liquidations(many)
    total = flows[["quantity", "quote"]].sum("time", skipna=True)
    del flows
    delta = outputs.liquidation_delta(many, windows=WINDOWS)
    step("leverage and entry prices")
    weightings = ("open_interest", "opened")
    leverage = {w: outputs.leverage_distribution(many, weighting=w) for w in weightings}
    leverage_prior = {
        w: prior(outputs.leverage_distribution, leverage[w], weighting=w) for w in weightings
    }
    average = outputs.average_leverage(many)
    entry = outputs.entry_price_distribution(many, **grid)
    entry_prior = prior(outputs.entry_price_distribution, entry, **grid)
    step("heatmap")
    every = -(-fit["panel"].sizes["time"] // HEATMAP_COLUMNS)
    heatmap = outputs.liquidation_heatmap(few, **grid, every=every)
    step("checks")
    verdict = checks.review(fit)
    return Results(
        contract=contract_from_dict(json.loads(fit.attrs["contract"])),
        spec=ModelSpec.from_json(fit.attrs["spec"]),
        attrs={str(k): v for k, v in fit.attrs.items()},
        span=span_of(fit),
        label=label_of(fit),
        levels=levels,
        levels_prior=levels_prior,
        bin_prior_share=bin_prior_share(after["quantity"], before["quantity"]),
        at_risk=risk,
        realised_total=total,
        delta=delta,
        leverage=leverage["open_interest"],
        leverage_prior=leverage_prior["open_interest"],
        opened=leverage["opened"],
        opened_prior=leverage_prior["opened"],
        average_leverage=average,
        entry=entry,
        entry_prior=entry_prior,
        heatmap=heatmap,
        converged=bool(verdict.converged),
        reasons=tuple(verdict.reasons),
        diagnostics=dict(verdict.diagnostics),
        prior_share=dict(verdict.prior_share),
        prior_book_share=dict(verdict.prior_book_share),
        verdicts=verdict.verdicts,
    )


def span_of(fit: xr.DataTree) -> tuple[str, str]:
    """Open of the first bar and close of the last one, ISO 8601, UTC."""
    time = pd.DatetimeIndex(fit["panel"]["time"].to_numpy())
    seconds = json.loads(fit.attrs["panel_meta"])["bar_seconds"]
    return time[0].isoformat(), (time[-1] + pd.Timedelta(seconds=seconds)).isoformat()
