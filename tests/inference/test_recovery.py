"""What a fit says against what is true: the model's own data, agent markets, one market seen
from another start or on other bars, and real panels.
"""

import numpy as np
import pandas as pd
import pytest

from liqbayes.checks import convergence_reasons, diagnostics, scale_products
from liqbayes.model.data import SIDES, prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.generate import draw_data
from liqbayes.outputs import at_risk, realised_liquidations
from liqbayes.panel import MarketPanel, read_panel
from liqbayes.sampling import fit
from liqbayes.simulate import market_preset, resample_market, simulate_market
from tests.model import markets

pytestmark = pytest.mark.slow

SHORT = {"draws": 300, "tune": 400, "chains": 2, "seed": 1, "progress": False}
MOVES = (0.05, 0.1)


def own_market(seed: int, bars: int = 300) -> tuple[MarketPanel, np.ndarray, object]:
    """Panel drawn from the model at a known point; price and volume are made up."""
    spec = markets.small_spec()
    rng = np.random.default_rng([seed, 17])
    table = markets.bars(bars, seed=seed)
    evaluator = Evaluator.of(spec, prepare(spec, markets.panel(table)))
    z = 0.7 * rng.standard_normal(evaluator.layout.n)
    drawn = draw_data(evaluator, z, rng)
    table["open_interest"] = drawn.legs[0].interest
    for side in SIDES:
        table[f"{side}_liquidations"] = drawn.feeds[side].reported
    return markets.panel(table), z, spec


@pytest.fixture(scope="module")
def own_ranks():
    """Share of posterior draws below the truth, of every parameter, for three panels."""
    out = []
    for seed in (1, 2, 3):
        panel, z, spec = own_market(seed)
        fitted = fit(spec, panel, **SHORT)
        drawn = fitted["posterior"]["z"].to_numpy().reshape(-1, z.size)
        narrow = drawn.std(axis=0)
        out.append(((drawn < z).mean(axis=0), narrow, fitted))
    return out


def test_parameters_of_its_own_data_are_covered(own_ranks):
    """Of some 110 central 90 % intervals about 99 hold the truth; 5 sd below is 83 (75 %)."""
    rank = np.concatenate([r for r, _, _ in own_ranks])
    inside = (rank > 0.05) & (rank < 0.95)
    assert inside.mean() > 0.75, f"{inside.mean():.2f} of {rank.size}"
    assert 0.3 < rank.mean() < 0.7
    # the truth was drawn with 0.7 of the prior's spread: intervals as wide as the prior's
    # would hold it too, so some must be narrow
    narrowest = [np.sort(s)[:4].max() for _, s, _ in own_ranks]
    assert max(narrowest) < 0.5


def test_scale_of_its_own_data_is_recovered(own_ranks):
    """What open interest identifies well comes back within its interval and narrow."""
    for _, _, fitted in own_ranks:
        scale = np.log(fitted["posterior"]["oi_scale"])
        assert float(scale.std()) < 0.15


AGENTS = (("default", 4), ("high-leverage", 5), ("squeeze", 6))


@pytest.fixture(scope="module")
def agent_fits():
    """Fits of agent markets by model, preset and seed, each made once."""
    made = {}

    def get(model, preset, seed):
        if (model, preset, seed) not in made:
            market = simulate_market(market_preset(preset, bars=504), seed)
            made[model, preset, seed] = market, fit(model, market.panel, **SHORT)
        return made[model, preset, seed]

    return get


@pytest.mark.parametrize(("preset", "seed"), AGENTS)
def test_reports_of_agent_markets_are_accounted_for(agent_fits, preset, seed):
    """The identified product: expected reports add up to what the feed reported, each side.

    Every market has its own throttle and reported share; the posterior predictive total over
    the scored bars must be between 0.6 and 1.7 times the reported total.
    """
    _, fitted = agent_fits("baseline", preset, seed)
    seen, drawn = fitted["observed_data"], fitted["posterior_predictive"]
    for side in SIDES:
        reported = float(seen[f"report_{side}"].sum())
        predicted = drawn[f"report_{side}"].sum(f"bar_of_report_{side}")
        ratio = float(predicted.median()) / reported
        assert 0.6 < ratio < 1.7, (side, ratio)


@pytest.mark.parametrize(("preset", "seed"), AGENTS)
def test_totals_of_agent_markets_are_covered(agent_fits, preset, seed):
    """The 99 % interval of each side's true liquidations.

    Of ``standard``: the scale of liquidations is not identified under misspecification, and
    ``baseline``, which takes every bar at face value, does not say so (docs/explanation/limits.md).
    """
    market, fitted = agent_fits("standard", preset, seed)
    flows = realised_liquidations(fitted)["quantity"].sum("time")
    for side in SIDES:
        true = market.truth["realised_total"][side]
        low, high = flows.sel(side=side).quantile([0.005, 0.995], ("chain", "draw")).to_numpy()
        assert low < true < high, (side, low, true, high)


def intervals_agree(first, second, *, same_span=False):
    """Two fits of one market: 90 % intervals overlap, medians within 3 joint sd.

    Expected shares at risk and, over the same span, the product that open interest identifies,
    whose intervals are narrow.
    """
    dims = ("chain", "draw")
    a, b = (at_risk(f, moves=MOVES, kind="expected") for f in (first, second))
    low, high = (x.quantile([0.05, 0.95], dims) for x in (a, b))
    assert (low[0] < high[1]).all() and (high[0] < low[1]).all(), (low, high)
    joint = np.sqrt(a.var(dims) + b.var(dims))
    assert (abs(a.median(dims) - b.median(dims)) < 3 * joint).all()
    if same_span:
        one, other = (scale_products(f)["log(rho C)"] for f in (first, second))
        gap = np.log(one.interval[1] / other.interval[1])
        assert abs(gap) < 3 * np.hypot(one.posterior_sd, other.posterior_sd), (one, other)


def test_two_starts_of_one_market_agree():
    panel = simulate_market(market_preset("default", bars=504), 8).panel
    late = panel.slice(pd.Timestamp(panel.time[126]).isoformat(), None)
    intervals_agree(fit("baseline", panel, **SHORT), fit("baseline", late, **SHORT))


@pytest.fixture(scope="module")
def fine():
    """Four weeks of one market in bars of five minutes."""
    return simulate_market(market_preset("default", bars=8064, bar_seconds=300), 9)


def test_five_minutes_and_one_hour_agree(fine):
    """On the last five days, which keeps the fine panel quick to fit."""
    since = pd.Timestamp(fine.panel.time[-5 * 288]).isoformat()
    hourly = resample_market(fine, 3600).panel
    first, second = (
        fit("baseline", panel.slice(since, None), **SHORT) for panel in (fine.panel, hourly)
    )
    intervals_agree(first, second, same_span=True)


# Four weeks of daily bars put shares at risk of one side outside the hourly fit's interval; why is
# not known yet.
@pytest.mark.xfail(reason="daily and hourly fits of four weeks disagree on one side", strict=True)
def test_one_hour_and_one_day_agree(fine):
    first, second = (
        fit("baseline", resample_market(fine, seconds).panel, **SHORT) for seconds in (3600, 86_400)
    )
    intervals_agree(first, second, same_span=True)


@pytest.mark.devdata
def test_real_hours_converge(dev_data):
    panel = read_panel(dev_data / "binance_btcusdt_1h.parquet", contract="binance:BTCUSDT")
    fitted = fit("baseline", panel, seed=1, progress=False)
    assert convergence_reasons(diagnostics(fitted)) == ()
