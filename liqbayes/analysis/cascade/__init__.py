"""Cascades: what a shock becomes when forced orders move the price on. A scenario, prior-driven."""

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from liqbayes.analysis.cascade.book import ForcedBook, forced_book
from liqbayes.analysis.cascade.scenario import NOTE, cascades, impact_scale
from liqbayes.analysis.cascade.settle import least_fixed_point
from liqbayes.analysis.cascade.shortfall import POSITION_NOTIONAL, bankruptcy_gap
from liqbayes.analysis.cascade.tables import (
    priors_table,
    reach_table,
    rest_table,
    sensitivity_rows,
    shortfall_table,
)
from liqbayes.analysis.impact import IMPACT_PRIORS, Liquidity, liquidity_of
from liqbayes.analysis.section import Section
from liqbayes.analysis.workspace import Workspace
from liqbayes.conventions import has_interval
from liqbayes.errors import InputError
from liqbayes.outputs.context import Context

__all__ = [
    "ForcedBook",
    "bankruptcy_gap",
    "cascades",
    "forced_book",
    "forced_shares",
    "impact_scale",
    "least_fixed_point",
    "priors_table",
    "reach_table",
    "rest_table",
    "shortfall_table",
]

FloatArray = NDArray[np.float64]

TITLE = "Cascade (scenario, prior-driven)"
#: Shock whose sensitivity to the priors is told, and the move it is asked to become.
SHOCK, BECOMES = 0.05, 0.06
_TAILS = (0.05, 0.95)
#: Books of the scenario: what is fixed in each.
BOOKS: dict[str, dict[str, float]] = {"thin": {}, "ordinary": {"remaining_depth": 1.0}}


def section(work: Workspace) -> Section:
    """Tables of shocks on both sides, their reach, shortfalls and the weight of each prior."""
    context = work.context
    try:
        liquidity = liquidity_of(context.panel)
    except InputError as error:
        return Section("cascade", TITLE, {}, (f"Not identified: {error}",))
    shares = forced_shares(context)
    gap, unknown = _gaps(context, work)
    runs = {
        name: cascades(
            work.levels,
            liquidity,
            shocks=work.options.moves,
            closing_share=shares["liquidated"],
            gap=gap if name == "thin" else None,
            kind="linear" if context.contract.kind == "aggregate" else context.contract.kind,
            fixed=fixed,
            seed=work.options.seed,
        )
        for name, fixed in BOOKS.items()
    }
    thin = runs["thin"]
    tables = {
        "rest": _by_book({n: rest_table(r) for n, r in runs.items()}),
        "reach": _by_book({n: reach_table(r) for n, r in runs.items()}),
        "shortfall": shortfall_table(thin, work.options.insurance_fund),
        "sensitivity": _sensitivity(work, liquidity, shares),
        "priors": priors_table(IMPACT_PRIORS),
    }
    return Section(
        "cascade",
        TITLE,
        tables,
        tuple(_findings(tables, thin, liquidity, unknown)),
        ("a cluster below the price is read as fuel for a fall to it.",),
        {
            "shock": "fraction of the last price",
            "becomes": "fraction of the last price",
            "rest": "fraction of the last price",
            **{
                name: thin.attrs["quote_unit"]
                for name in ("liquidated", "shortfall", "surplus", "bankrupt", "deleveraged")
            },
        },
    )


def forced_shares(context: Context) -> dict[str, FloatArray]:
    """What becomes of levels that are reached, in every draw.

    Returns
    -------
    dict of str to ndarray, shape (chain, draw)
        ``closed``: share of reached notional that is closed; ``liquidated``: share that is closed
        by force. The rest of what is closed are stops and owners who leave just before.
    """
    closed, forced = np.empty(context.shape), np.empty(context.shape)
    for i, j in np.ndindex(*context.shape):
        p = context.evaluator.natural(np.ascontiguousarray(context.z[i, j]))
        closed[i, j] = context.evaluator.value(p, "touch_to_close_share")
        forced[i, j] = context.evaluator.value(p, "forced_share")
    return {"closed": closed, "liquidated": closed * forced}


def _gaps(context: Context, work: Workspace) -> tuple[dict[str, FloatArray], str]:
    """Gap to the bankruptcy price in every draw, or why it is unknown."""
    gaps = {}
    for side in ("long", "short"):
        interest = work.levels["quantity"].sel(side=side).sum("price")
        for rest in ("below", "above", "none"):
            interest = interest + work.levels[rest].sel(side=side)
        quote = context.contract.to_quote(interest.to_numpy(), context.mark_price)
        count = np.empty(context.shape)
        for i, j in np.ndindex(*context.shape):
            p = context.evaluator.natural(np.ascontiguousarray(context.z[i, j]))
            count[i, j] = context.evaluator.value(p, "liquidated_positions", side)
        # a rule has no positions, only a density
        size = np.where(np.isfinite(count), np.asarray(quote) / count, POSITION_NOTIONAL)
        # a side without open interest has no position whose margin could be asked for
        size = np.where(size > 0, size, POSITION_NOTIONAL)
        try:
            gaps[side] = bankruptcy_gap(
                context.contract,
                side,
                price=context.mark_price,
                notional=size,
                at=str(context.as_of)[:10],
            )
        except InputError as error:
            return {}, str(error)
    return gaps, ""


def _sensitivity(
    work: Workspace, liquidity: Liquidity, shares: dict[str, FloatArray]
) -> pd.DataFrame:
    """What moves if one prior is known to be at its 5 or 95 % quantile, others as they are."""

    def run(fixed: dict[str, float], share: FloatArray) -> xr.Dataset:
        return cascades(
            work.levels,
            liquidity,
            shocks=(SHOCK,),
            closing_share=share,
            fixed=fixed,
            seed=work.options.seed,
        )

    forced = shares["liquidated"]
    rows = sensitivity_rows("none", "all as they are", run({}, forced), BECOMES)
    for prior in IMPACT_PRIORS:
        for tail in _TAILS:
            value = float(prior.quantile(tail))
            result = run({prior.name: value}, shares["liquidated"])
            rows += sensitivity_rows(
                prior.name, f"{tail:.0%} quantile: {value:.3g}", result, BECOMES
            )
    result = run({"remaining_depth": 1.0}, forced)
    rows += sensitivity_rows("remaining_depth", "ordinary depth: 1", result, BECOMES)
    result = run({}, shares["closed"])
    rows += sensitivity_rows(
        "forced flow", "stops and owners' closings counted in", result, BECOMES
    )
    return pd.DataFrame(rows)


def _by_book(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([t.assign(book=n) for n, t in tables.items()])[
        ["book", *next(iter(tables.values())).columns]
    ].reset_index(drop=True)


def _reached(move: float) -> str:
    """A move at which price comes to rest; a cascade that leaves the priced range has none."""
    return f"{move:.2%}" if np.isfinite(move) else "beyond the priced range"


def _share(value: float) -> str:
    return f"{value:.0%}" if np.isfinite(value) else "unknown"


def _findings(
    tables: dict[str, pd.DataFrame], thin: xr.Dataset, liquidity: Liquidity, unknown: str
) -> list[str]:
    rest, several = tables["rest"], has_interval(thin.sizes)
    said = [
        f"Everything here is a {NOTE}. Daily volatility {liquidity.volatility:.3g} and volume "
        f"{liquidity.volume:.3g} {thin.attrs['quote_unit']} are the panel's own."
    ]
    for side, word in (("long", "fall"), ("short", "rise")):
        shocks = rest[(rest["book"] == "thin") & (rest["side"] == side)]
        row = shocks.iloc[int((shocks["shock"] - SHOCK).abs().to_numpy().argmin())]
        until = f"{row['rest_median']:.2%}" if np.isfinite(row["rest_median"]) else "not identified"
        span = f" (5 to 95 %: {_reached(row['rest_low'])} to {_reached(row['rest_high'])})"
        more = _share(row["triggered_median"])
        if several:
            more += f" ({_share(row['triggered_low'])} to {_share(row['triggered_high'])})"
        said.append(
            f"Scenario, prior-driven: a jump of {row['shock']:.0%} ({word}) into a thin book comes "
            f"to rest at {until}{span if several else ''}; of what is liquidated a share of {more} "
            "would not have been by the jump alone."
        )
    beyond = rest[rest["beyond"] > 0.05]
    if len(beyond):
        said.append(
            f"Not identified: in {len(beyond)} rows the price leaves the priced range in more than "
            "5 % of draws; use a wider price_range."
        )
    if unknown:
        said.append(f"Shortfalls are not identified: {unknown}")
    else:
        said.append(
            "Shortfalls take the jump literally: nobody is closed before the whole jump. "
            "shortfall_triggered, of positions that the jump alone did not reach, is what a fall "
            "through the levels would leave."
        )
    return said
