"""Reports that come from known levels: there the map must help, and false maps must not."""

import numpy as np
import pytest

from liqbayes.backtest.ablation import PLACEBO, WITH_MAP, MapForecaster, ablation
from liqbayes.backtest.baselines import Regression
from liqbayes.backtest.model_data import PLACEBOS
from liqbayes.backtest.model_forecaster import FittedModel, ModelForecaster
from liqbayes.backtest.scores import score_bars
from liqbayes.backtest.table import BarTable
from liqbayes.model import load_spec, prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.generate import draw_data
from liqbayes.panel import MarketPanel
from tests.model.markets import UNTHROTTLED, bars

N, ORIGIN = 1000, 700
# In prior standard deviations: little noise, many small positions, much high leverage.
TRUTH = {
    "feed_noise": -3.0,
    "liquidated_positions[long]": 2.0,
    "liquidated_positions[short]": 2.0,
    "reported_share": 2.0,
    "high_leverage_logit": 1.0,
    "feed_gain": -2.0,
}


@pytest.fixture(scope="module")
def drawn():
    """A panel whose open interest and complete feed are drawn from the model, and its truth."""
    spec = load_spec("baseline")
    frame = bars(N, seed=5)
    source = MarketPanel.from_frame(frame, UNTHROTTLED)
    evaluator = Evaluator.of(spec, prepare(spec, source))
    z = np.zeros(evaluator.layout.n)
    for label, value in TRUTH.items():
        z[list(evaluator.layout.labels).index(label)] = value
    data = draw_data(evaluator, z, np.random.default_rng(3))
    (leg,) = data.legs
    frame["open_interest"] = leg.interest
    for side, feed in data.feeds.items():
        known = np.isin(np.arange(N), feed.bars)
        frame[f"{side}_liquidations"] = np.where(known, feed.reported, np.nan)
    source = MarketPanel.from_frame(frame, UNTHROTTLED)
    model = ModelForecaster(spec, source)
    model._fits[ORIGIN] = FittedModel(spec, source, ORIGIN, z[None])
    return source, model


def test_the_map_helps_where_reports_come_from_it(drawn):
    source, model = drawn
    table = BarTable.of(source)
    ahead = np.arange(ORIGIN, N)

    def score(each):
        found = each.fit(table, ORIGIN).draws(
            table, ahead, task="conditional", size=200, rng=np.random.default_rng(0)
        )
        sides = [score_bars(found[j], table.reported[j, ahead]).means() for j in range(2)]
        return float(np.mean([side["crps_log"] for side in sides])), sides

    without, _ = score(Regression())
    own, sides = score(model)
    arms = {each.name: score(each)[0] / without for each in ablation(model)}
    assert arms[WITH_MAP] < 0.9
    # the law that made the reports is the best forecast of them, and its intervals hold
    assert own < arms[WITH_MAP] * without * 1.02
    assert all(0.84 < side["coverage90"] < 0.95 for side in sides)
    for name in PLACEBOS:
        if name != "oi-permuted":
            assert arms[PLACEBO.format(name)] > arms[WITH_MAP] + 0.02, name


def test_names(drawn):
    _, model = drawn
    names = [each.name for each in ablation(model)]
    assert names[0] == WITH_MAP and len(set(names)) == 1 + len(PLACEBOS)
    assert all(isinstance(each, MapForecaster) for each in ablation(model))
