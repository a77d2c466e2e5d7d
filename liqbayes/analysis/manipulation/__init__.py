"""Manipulation risk: what it would cost to force a cluster. Written for those who judge exposure.

A scenario, prior-driven. It tells a risk desk which clusters a pusher could be paid for, and at
what capital; it is no plan of execution, and pushing a price is an offence in most jurisdictions.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from liqbayes.analysis.cascade import bankruptcy_gap, forced_shares
from liqbayes.analysis.cascade.tables import priors_table
from liqbayes.analysis.impact import liquidity_of
from liqbayes.analysis.manipulation.legs import SPOT_PRIORS, Attack, spot_push
from liqbayes.analysis.manipulation.push import PRIORS, Terms, manipulation_risk
from liqbayes.analysis.manipulation.schedule import Execution, remaining_share
from liqbayes.analysis.manipulation.tables import (
    LARGEST_BEYOND,
    UNIT_OF_CAPITAL,
    risk_table,
    schedule_table,
)
from liqbayes.analysis.section import Section
from liqbayes.analysis.workspace import Workspace
from liqbayes.contracts import AggregateContract
from liqbayes.conventions import has_interval
from liqbayes.errors import InputError, NotDeterminedError
from liqbayes.outputs.context import Context

__all__ = [
    "PRIORS",
    "SPOT_PRIORS",
    "UNIT_OF_CAPITAL",
    "Attack",
    "Execution",
    "Terms",
    "manipulation_risk",
    "remaining_share",
    "risk_table",
    "schedule_table",
    "spot_push",
    "terms_of",
]

TITLE = "Manipulation risk (scenario, prior-driven)"
#: Weights in the index that are pushed: all venues alike, and one venue of a quarter.
INDEX_WEIGHTS = (1.0, 0.25)
# Where the venue publishes none: the fee of most venues, and the interest anchor of funding.
_FEE, _FUNDING, _MAINTENANCE = 0.0005, 0.0001, 0.005


def section(work: Workspace) -> Section:
    """Tables of capital, cost, net gain and index by cluster."""
    context = work.context
    try:
        liquidity = liquidity_of(context.panel)
    except InputError as error:
        return Section("manipulation", TITLE, {}, (f"Not identified: {error}",))
    searches = {name: found for name, found in work.clusters.items() if found.sizes["cluster"]}
    if not searches:
        return Section("manipulation", TITLE, {}, ("No cluster stands within reach of the price.",))
    share = forced_shares(context)["liquidated"]
    terms, assumed = terms_of(context)
    results = [
        (
            name,
            manipulation_risk(
                work.levels,
                clusters,
                liquidity,
                attack=Attack(index_weight=weight),
                terms=terms,
                closing_share=share,
                seed=work.options.seed,
            ),
        )
        for name, clusters in searches.items()
        for weight in INDEX_WEIGHTS
    ]
    risk = _together(results, risk_table)
    tables = {
        "risk": risk,
        "schedules": _together(results, schedule_table),
        "priors": priors_table(PRIORS),
    }
    unit = str(results[0][1].attrs["quote_unit"])
    money = ("derivative", "spot_notional", "spot_cost", "capital", "forced", "gain")
    return Section(
        "manipulation",
        TITLE,
        tables,
        (*_findings(risk, results[0][1]), *assumed),
        ("large players are said to hunt clusters.",),
        dict.fromkeys(money, unit) | {"index": f"1 per million {unit} of capital at risk"},
    )


def _together(
    results: Sequence[tuple[str, xr.Dataset]], table: Callable[[xr.Dataset], pd.DataFrame]
) -> pd.DataFrame:
    """Tables of all results under one another, each with the search its clusters come from."""
    parts = []
    for within, result in results:
        part = table(result)
        part.insert(0, "within", within)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def terms_of(context: Context) -> tuple[Terms, tuple[str, ...]]:
    """Terms of a derivative position at the panel's venue, and what had to be assumed."""
    contract, assumed = context.contract, []
    fee = contract.taker_fee
    if fee is None:
        fee = _FEE
        assumed.append(f"Assumed: a taker fee of {fee:.2%}; the contract has none.")
    rate = _FUNDING
    if context.panel.has("funding_rate"):
        known = context.panel.values("funding_rate")
        rate = float(known[np.isfinite(known)][-1])
    else:
        assumed.append(f"Assumed: funding of {rate:.2%} an interval; the panel has none.")
    by_size = None
    try:
        by_size = _by_size(context)
    except NotDeterminedError:
        assumed.append(
            f"Assumed: a maintenance margin rate of {_MAINTENANCE:.2%} at every size, and no limit "
            "of leverage."
        )
    terms = Terms(fee, rate, contract.funding_interval_hours, _MAINTENANCE, by_size)
    return terms, tuple(assumed)


def _by_size(context: Context) -> Callable[[float], tuple[float, float]]:
    """Largest leverage and maintenance margin rate by notional, of the contract's tiers in force.

    What is larger than the last tier has its terms, as if it were spread over accounts.
    """
    contract, price = context.contract, context.mark_price
    at = str(context.as_of)[:10]
    if isinstance(contract, AggregateContract):
        raise NotDeterminedError(f"{contract.name} mixes venues and has no tiers of its own.")
    table, _ = contract.tier_table(at)

    def terms(notional: float) -> tuple[float, float]:
        quantity = np.array([notional / price if contract.kind == "linear" else notional])
        size = contract.size(table.unit, quantity, np.array([price]))
        if table.step == 0.0:
            size = np.minimum(size, table.caps[-1])
        base = contract.to_base(quantity, np.array([price]))
        largest = table.max_leverage(size, base, name=contract.name)
        gap = bankruptcy_gap(contract, "long", price=price, notional=notional, at=at)
        return float(largest[0]), float(-np.expm1(-gap))

    # what is not determined is found out here, and not in the middle of a scenario
    terms(1.0)
    return terms


def _findings(risk: pd.DataFrame, result: xr.Dataset) -> list[str]:
    unit = result.attrs["quote_unit"]
    said = [
        "A scenario, prior-driven, for judging exposure and no plan of execution: impact, depth, "
        "absorption, spot volume, spread and fees are assumptions with sources."
    ]
    closed = risk[~risk["reachable"]]
    if len(closed):
        said.append(
            f"{len(closed)} of {len(risk)} pushes are not reachable: the index would drop a single "
            "venue that far from the others."
        )
    wide = risk[risk["beyond"] > LARGEST_BEYOND]
    if len(wide):
        said.append(
            f"Not identified for {len(wide)} pushes: price leaves the priced range in more than "
            f"{LARGEST_BEYOND:.0%} of their draws."
        )
    known = risk[risk["reachable"]].dropna(subset=["index"])
    if not len(known):
        return [*said, "Not identified for any cluster."]
    if not (known["index"] > 0).any():
        draws = result.sizes["chain"] * result.sizes["draw"] * result.sizes["scenario"]
        return [
            *said,
            f"Scenario, prior-driven: none of the {len(known)} pushes that an index would follow "
            f"has a net gain in any of {draws} draws; the cheapest puts "
            f"{known['capital_median'].min():.3g} {unit} at risk.",
        ]
    worst = known.iloc[int(known["index"].to_numpy().argmax())]
    span = (
        f" ({worst['probability_low']:.1%} to {worst['probability_high']:.1%} over posterior draws)"
        if has_interval(result.sizes)
        else ""
    )
    said.append(
        f"Scenario, prior-driven: the highest index is {worst['index']:.3g} per million {unit}, of "
        f"the {worst['side']} cluster at {worst['price']:.6g} ({worst['distance']:.1%} away): "
        f"P(net gain > 0) {worst['probability']:.1%}{span} with {worst['capital_median']:.3g} "
        f"{unit} at risk; median net gain {worst['gain_median']:.3g} {unit}."
    )
    return said
