"""What a model's priors imply, beside published figures."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.engine.recursion import HAZARD
from liqbayes.errors import InputError
from liqbayes.model.data import SIDES, prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.spec import ModelSpec
from liqbayes.outputs.context import Context
from liqbayes.outputs.entry import living_by_entry
from liqbayes.outputs.flows import bar_liquidations
from liqbayes.outputs.levels import shares_at_risk
from liqbayes.panel import MarketPanel
from liqbayes.simulate import market_preset, simulate_market

FloatArray = NDArray[np.float64]
# The published share of old positions refers to so many days.
DAYS = 64
_ACCOUNTS = "Hyperliquid accounts, Feb 2026"
_BITMEX = "BitMEX 2020, Cheng et al. 2021, doi 10.1080/00036846.2021.1922597"
MOVES = (0.05, 0.1, 0.2)


@dataclass(frozen=True)
class Published:
    """A figure to compare with: lowest and highest value that was published."""

    low: float
    high: float
    source: str


PUBLISHED = {
    "at_risk[long, 0.05]": Published(0.011, 0.025, f"ETH and BTC, {_ACCOUNTS}"),
    "at_risk[long, 0.1]": Published(0.029, 0.079, f"ETH and BTC, {_ACCOUNTS}"),
    "at_risk[long, 0.2]": Published(0.094, 0.264, f"ETH and BTC, {_ACCOUNTS}"),
    "at_risk[short, 0.05]": Published(0.005, 0.030, f"ETH and BTC, {_ACCOUNTS}"),
    "at_risk[short, 0.1]": Published(0.014, 0.085, f"ETH and BTC, {_ACCOUNTS}"),
    "at_risk[short, 0.2]": Published(0.076, 0.214, f"ETH and BTC, {_ACCOUNTS}"),
    "liquidated_per_day[long]": Published(0.0351, 0.0351, _BITMEX),
    "liquidated_per_day[short]": Published(0.0189, 0.0189, _BITMEX),
    "slow_hazard_per_day": Published(0.142, 0.215, f"ETH and BTC, {_ACCOUNTS}"),
    f"opened_before_{DAYS}_days": Published(0.24, 0.24, f"BTC, {_ACCOUNTS}"),
}


def prior_check(
    spec: ModelSpec, *, panel: MarketPanel | None = None, draws: int = 400, seed: int = 0
) -> pd.DataFrame:
    """Compare the prior predictive distribution with published figures.

    Parameters
    ----------
    spec : ModelSpec
    panel : MarketPanel, optional
        Price, volume and open interest that the priors are propagated over; by default a simulated
        market of 64 days of hours.
    draws, seed : int

    Returns
    -------
    DataFrame
        One row a figure: ``quantity``, ``prior_05``, ``prior_50``, ``prior_95``,
        ``published_low``, ``published_high``, ``inside`` (whether the published range and the
        prior's 90 % interval overlap), ``source``.

    Raises
    ------
    InputError
        If the specification is a rule, which has no prior.

    Notes
    -----
    Published figures come from one venue and month, or from 2020, and select large accounts: a
    prior that leaves one out is to be explained, not forbidden.
    """
    if spec.rule is not None:
        raise InputError(f"{spec.name} is a rule and has no prior.")
    if panel is None:
        panel = simulate_market(market_preset("default", bars=24 * DAYS), 0).panel
    evaluator = Evaluator.of(spec, prepare(spec, panel))
    z = np.random.default_rng([seed, 1]).standard_normal((1, draws, evaluator.layout.n))
    context = Context(panel, evaluator, z, seed, "prior", "expected")
    values = _values(context)
    rows = []
    for name, published in PUBLISHED.items():
        low, middle, high = np.quantile(values[name], (0.05, 0.5, 0.95))
        rows.append(
            {
                "quantity": name,
                "prior_05": float(low),
                "prior_50": float(middle),
                "prior_95": float(high),
                "published_low": published.low,
                "published_high": published.high,
                "inside": bool(low <= published.high and published.low <= high),
                "source": published.source,
            }
        )
    return pd.DataFrame(rows)


def _values(context: Context) -> dict[str, FloatArray]:
    """Figures of every draw, each of shape (draw,)."""
    data = context.evaluator.data
    inside = data.start == 0
    interest = data.common_interest()[inside].mean()
    days = inside.sum() * data.bar_hours / 24.0
    share, _ = shares_at_risk(context, np.array(MOVES))
    out = {
        f"at_risk[{side}, {move:g}]": share[0, :, j, i]
        for j, side in enumerate(SIDES)
        for i, move in enumerate(MOVES)
    }
    n = context.shape[1]
    flows, hazard, old = np.empty((2, n)), np.empty(n), np.empty(n)
    leg = data.legs[0]
    for draw in context.draws():
        i = draw.index[1]
        flows[:, i] = bar_liquidations(context, draw, np.random.default_rng(0)).sum(axis=1)
        by_bar = [draw.runs[leg.name, side].by_bar[HAZARD, inside] for side in SIDES]
        hazard[i] = np.median(by_bar) * 24.0 / data.bar_hours
        held = [living_by_entry(context, draw, leg, side) for side in SIDES]
        old[i] = np.mean([h[0] / h.sum() for h in held])
    for j, side in enumerate(SIDES):
        out[f"liquidated_per_day[{side}]"] = flows[j] / interest / days
    out["slow_hazard_per_day"] = hazard
    out[f"opened_before_{DAYS}_days"] = old
    return out
