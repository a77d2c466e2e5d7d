"""Changing what comes after a bar, or what is reported in it, never changes its forecast."""

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from liqbayes.backtest.ablation import ablation
from liqbayes.backtest.model_data import shifted_prices
from liqbayes.backtest.opponents import opponents
from liqbayes.backtest.paths import draw_path
from liqbayes.backtest.table import BarTable
from liqbayes.model.data import prepare
from liqbayes.validate.lfo.cut import cut
from tests.backtest.markets import ORIGIN, SPEC, N, aggregate_table, market, model, table
from tests.model.markets import AGGREGATE, LINEAR, panel

LATER = ("open", "high", "low", "close", "volume", "open_interest", "funding_rate")
FEED = ("long_liquidations", "short_liquidations")


def changed(bar, task, seed):
    """The panel with other values after a bar, and in it of what its task does not see."""
    frame = table()
    rng = np.random.default_rng(seed)
    after = np.arange(N) > bar
    price = np.exp(rng.normal(0.0, 0.05))
    for column in LATER:
        factor = price if column in LATER[:4] else rng.lognormal(0.0, 0.5)
        frame[column] = np.where(after, frame[column] * factor, frame[column])
    from_here = np.arange(N) >= bar
    for column in FEED:
        frame[column] = np.where(from_here, rng.lognormal(3.0, 2.0, N), frame[column])
        frame.loc[frame.index[(rng.random(N) < 0.3) & from_here], column] = np.nan
    if task != "conditional-oi":
        frame.loc[frame.index[bar], "open_interest"] *= rng.lognormal(0.0, 0.1)
    # the last bars may end a stretch, and open interest may be unknown
    frame.loc[frame.index[(rng.random(N) < 0.1) & (np.arange(N) > bar + 1)], "open_interest"] = (
        np.nan
    )
    return panel(frame)


def everyone(source):
    own = model(source)
    return {each.name: each for each in (own, *ablation(own))}


# shrinking an example costs minutes and says little more than its bar
QUICK = (Phase.explicit, Phase.generate)


@settings(max_examples=8, phases=QUICK)
@given(
    bar=st.integers(ORIGIN, N - 3),
    task=st.sampled_from(["conditional", "conditional-oi"]),
    seed=st.integers(0, 10_000),
)
def test_forecasts_know_nothing_of_later_bars(bar, task, seed):
    answers = []
    for source in (market(), changed(bar, task, seed)):
        bars = BarTable.of(source)
        answers.append(
            {
                name: each.fit(bars, ORIGIN).draws(
                    bars, np.array([bar]), task=task, size=8, rng=np.random.default_rng(1)
                )
                for name, each in everyone(source).items()
            }
        )
    for name, ours in answers[0].items():
        assert np.isfinite(ours).all(), name
        np.testing.assert_allclose(ours, answers[1][name], rtol=1e-9, err_msg=name)


@settings(max_examples=6, phases=QUICK)
@given(bar=st.integers(ORIGIN, N - 3), seed=st.integers(0, 10_000))
def test_neither_do_baselines(bar, seed):
    for one, other in zip(opponents(market()), opponents(changed(bar, "", seed)), strict=True):
        answers = [
            each.fit(bars := BarTable.of(source), ORIGIN).draws(
                bars, np.array([bar]), task="conditional", size=8, rng=np.random.default_rng(1)
            )
            for each, source in ((one, market()), (other, changed(bar, "", seed)))
        ]
        np.testing.assert_allclose(*answers, rtol=1e-9, err_msg=one.name)


@settings(max_examples=4, phases=QUICK)
@given(seed=st.integers(0, 10_000), name=st.sampled_from([LINEAR, AGGREGATE]))
def test_nor_do_forecasts_along_paths(seed, name):
    """From an origin on everything may be otherwise: forecasts of the bars ahead stay."""
    frame = table() if name == LINEAR else aggregate_table()
    rng = np.random.default_rng(seed)
    later = np.arange(N) >= ORIGIN
    other = frame.copy()
    price = np.exp(rng.normal(0.0, 0.05))
    for column in other:
        factor = price if column in LATER[:4] else rng.lognormal(0.0, 0.5, N)
        other[column] = np.where(later, other[column] * factor, other[column])
    ahead = np.arange(ORIGIN, ORIGIN + 12)
    answers = []
    for source in (panel(frame, name), panel(other, name)):
        bars = BarTable.of(source)
        path = draw_path(bars, ORIGIN, ahead.size, np.random.default_rng(seed))
        own = model(source)
        answers.append(
            {
                each.name: each.fit(bars, ORIGIN).draws(
                    path, ahead, task="forecast", size=8, rng=np.random.default_rng(1)
                )
                for each in (own, ablation(own)[0], *opponents(source))
            }
        )
    for who, ours in answers[0].items():
        assert np.isfinite(ours).all(), who
        np.testing.assert_allclose(ours, answers[1][who], rtol=1e-9, err_msg=who)


def test_the_check_can_fail():
    """What a task may see does change the forecast."""
    frame = table()
    frame.loc[frame.index[ORIGIN], "low"] *= 0.97
    frame.loc[frame.index[ORIGIN], "open_interest"] *= 0.9
    for task in ("conditional", "conditional-oi"):
        answers = [
            each.fit(bars := BarTable.of(source), ORIGIN).draws(
                bars, np.array([ORIGIN]), task=task, size=8, rng=np.random.default_rng(1)
            )
            for source in (market(), panel(frame))
            for each in everyone(source).values()
        ]
        half = len(answers) // 2
        same = [np.array_equal(a, b) for a, b in zip(answers[:half], answers[half:], strict=True)]
        # of a week before, the geometry knows nothing of this bar's price, but covariates do
        assert not any(same)


@pytest.mark.parametrize("model_name", ["small", "standard"])
def test_data_before_an_origin_do_not_depend_on_later_values(model_name):
    from liqbayes.model import load_spec

    spec = SPEC if model_name == "small" else load_spec(model_name)
    later = np.arange(N) >= ORIGIN
    frame = table()
    for column in LATER + FEED:
        frame[column] = np.where(later, 2.0 * frame[column], frame[column])
    one, two = (
        cut(prepare(spec, source, seen=ORIGIN), ORIGIN) for source in (market(), panel(frame))
    )
    assert one.path.segments == two.path.segments
    for name in ("covariates", "block", "start", "bridged", "capacity"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)
    np.testing.assert_array_equal(one.block_funding, two.block_funding)
    for a, b in zip(one.legs, two.legs, strict=True):
        for name in ("interest", "before", "turnover", "term_from", "term_to"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
        for side, touches in a.touches.items():
            for x, y in zip(touches.arrays, b.touches[side].arrays, strict=True):
                np.testing.assert_array_equal(x, y)
    # scales of the whole panel would have told
    whole = cut(prepare(spec, panel(frame)), ORIGIN)
    assert np.abs(whole.covariates - one.covariates).max() > 1e-3


@settings(max_examples=20, phases=QUICK)
@given(origin=st.integers(60, N - 1), seed=st.integers(0, 1000))
def test_paths_are_drawn_from_the_past(origin, seed):
    answers = []
    for source in (market(), changed(origin - 1, "", seed)):
        own = draw_path(BarTable.of(source), origin, 24, np.random.default_rng(seed))
        answers.append(own)
    for name in ("open", "high", "low", "close", "turnover"):
        np.testing.assert_array_equal(*(getattr(a, name) for a in answers), err_msg=name)


def test_a_false_path_is_of_a_week_before():
    source = market()
    false = shifted_prices(source)
    lag = 168
    for column in ("open", "high", "low", "close"):
        np.testing.assert_array_equal(false.values(column)[lag:], source.values(column)[:-lag])
        assert np.isnan(false.values(column)[:lag]).all()
    for column in ("volume", "open_interest", *FEED):
        np.testing.assert_array_equal(false.values(column), source.values(column))
