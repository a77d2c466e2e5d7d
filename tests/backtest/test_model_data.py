"""Paths that might have been, and what is made false of a panel on purpose."""

import numpy as np
import pytest

from liqbayes.backtest.model_data import (
    PERMUTED,
    SHIFTED,
    SWAPPED,
    common_rows,
    followed,
    known_data,
    permuted_interest,
    shifted_prices,
)
from liqbayes.backtest.model_forecaster import propagated
from liqbayes.backtest.paths import LEAST_BARS, draw_path
from liqbayes.backtest.table import BarTable
from liqbayes.errors import InputError
from liqbayes.model.data import prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.panel.columns import LEGS
from liqbayes.validate.lfo.cut import cut
from tests.backtest.markets import ORIGIN, SPEC, N, aggregate_table, market, posterior, table
from tests.model.markets import AGGREGATE, panel


def test_a_path_that_comes_true_is_followed_as_the_panel():
    """Levels are touched as they are where the same prices are the panel's own."""
    source = market()
    whole = prepare(SPEC, source, seen=ORIGIN)
    bars = BarTable.of(source)
    ours = followed(SPEC, cut(whole, ORIGIN), ORIGIN, bars)
    assert ours.path.segments == whole.path.segments
    (leg,), (true,) = ours.legs, whole.legs
    for side, touches in leg.touches.items():
        for a, b in zip(touches.arrays, true.touches[side].arrays, strict=True):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(leg.turnover[1:], true.turnover[1:], rtol=1e-9)
    assert (leg.interest[ORIGIN:] == true.interest[ORIGIN - 1]).all()
    # before the path nothing changes; its first bar needs no open interest of its own
    z = posterior(source).z
    moments = [propagated(Evaluator.of(SPEC, data), z) for data in (ours, whole)]
    for name in ("share", "location"):
        a, b = (getattr(each, name)[False][:, :, : ORIGIN + 1] for each in moments)
        np.testing.assert_allclose(a, b, rtol=1e-9, err_msg=name)


def test_paths_are_bars():
    bars = BarTable.of(market())
    path = draw_path(bars, ORIGIN, 24, np.random.default_rng(0))
    assert path.n_bars == ORIGIN + 24
    assert common_rows(bars, path) == ORIGIN
    for name in ("open", "close"):
        values = getattr(path, name)[ORIGIN:]
        assert (values <= path.high[ORIGIN:] * (1 + 1e-12)).all()
        assert (values >= path.low[ORIGIN:] * (1 - 1e-12)).all()
    assert np.isnan(path.change[ORIGIN:]).all() and np.isnan(path.reported[:, ORIGIN:]).all()


def test_what_no_path_can_begin_from():
    bars = BarTable.of(market())
    with pytest.raises(InputError, match="needs"):
        draw_path(bars, LEAST_BARS - 10, 24, np.random.default_rng(0))
    frame = table()
    frame.loc[frame.index[ORIGIN - 1], ["open", "high", "low", "close"]] = np.nan
    broken = panel(frame)
    with pytest.raises(InputError, match="price before bar"):
        draw_path(BarTable.of(broken), ORIGIN, 24, np.random.default_rng(0))
    data = cut(prepare(SPEC, broken, seen=ORIGIN), ORIGIN)
    with pytest.raises(InputError, match="no book is followed"):
        followed(SPEC, data, ORIGIN, BarTable.of(market()))


def test_another_panels_table_is_refused():
    source = market()
    with pytest.raises(InputError, match="differs from the panel"):
        known_data(SPEC, source, ORIGIN, BarTable.of(market(seed=4)))


def test_a_forecast_runs_on_a_path():
    source = market()
    fitted = posterior(source, draws=6)
    path = draw_path(BarTable.of(source), ORIGIN, 12, np.random.default_rng(0))
    ahead = np.arange(ORIGIN, ORIGIN + 12)
    drawn = fitted.draws(path, ahead, task="forecast", size=9, rng=np.random.default_rng(0))
    assert drawn.shape == (2, 12, 9) and np.isfinite(drawn).all() and (drawn >= 0).all()


def test_permuted_interest_keeps_what_it_should():
    source = market()
    false = permuted_interest(source, ORIGIN, 0)
    true_bars, bars = BarTable.of(source), BarTable.of(false)
    np.testing.assert_allclose(bars.turnover, true_bars.turnover, rtol=1e-9)
    known = np.isfinite(true_bars.change[:ORIGIN])
    ours, theirs = bars.change[:ORIGIN][known], true_bars.change[:ORIGIN][known]
    np.testing.assert_allclose(np.sort(ours), np.sort(theirs), atol=1e-12)
    assert (ours != theirs).mean() > 0.9
    # later changes are drawn from the earlier ones
    later = bars.change[ORIGIN:][np.isfinite(bars.change[ORIGIN:])]
    assert np.abs(later[:, None] - theirs).min(axis=1).max() < 1e-12


def test_placebos_of_an_aggregate():
    """Its total stays that of its legs; each leg's changes are permuted in its own unit."""
    source = panel(
        aggregate_table().assign(taker_buy_volume=lambda t: 0.6 * t["volume"]), AGGREGATE
    )
    for false in (shifted_prices(source), permuted_interest(source, ORIGIN, 0)):
        linear, inverse = (false.values(name) for name in LEGS)
        total = linear * false.values("close") + inverse
        np.testing.assert_allclose(false.values("open_interest"), total, rtol=1e-6)
    permuted = permuted_interest(source, ORIGIN, 0)
    for name in LEGS:
        ours, theirs = (np.diff(np.log(p.values(name)[:ORIGIN])) for p in (permuted, source))
        known = np.isfinite(theirs)
        np.testing.assert_allclose(np.sort(ours[known]), np.sort(theirs[known]), atol=1e-12)
        assert (np.abs(ours[known] - theirs[known]) > 1e-9).mean() > 0.9
    share = permuted.values("taker_buy_volume") / permuted.values("volume")
    np.testing.assert_allclose(share[np.isfinite(share)], 0.6, rtol=1e-9)
    fitted = posterior(source)
    for name in (SHIFTED, PERMUTED):
        assert np.isfinite(fitted.map(BarTable.of(source), task="conditional", placebo=name)).any()


def test_placebos_change_the_map_and_nothing_else_does():
    source = market()
    fitted = posterior(source)
    bars = BarTable.of(source)
    true = fitted.map(bars, task="conditional")
    swapped = fitted.map(bars, task="conditional", placebo=SWAPPED)
    np.testing.assert_array_equal(swapped[0], true[1])
    np.testing.assert_array_equal(swapped[1], true[0])
    for name in (SHIFTED, PERMUTED):
        false = fitted.map(bars, task="conditional", placebo=name)
        both = np.isfinite(false) & np.isfinite(true)
        assert both[:, -100:].all() and not np.allclose(false[both], true[both])
    fresh = fitted.map(bars, task="conditional", placebo="memoryless")
    known = np.isfinite(true)
    assert (fresh[known] <= true[known] + 1e-15).all() and fresh[known].sum() < true[known].sum()
    with pytest.raises(InputError, match="the placebo is"):
        fitted.map(bars, task="conditional", placebo="nonsense")


def test_memory_is_all_that_a_new_book_lacks():
    """Without memory a bar's map is the same whatever came before."""
    source = market()
    fitted = posterior(source)
    bars = BarTable.of(source)
    frame = table()
    early = np.arange(N) < 200
    for column in ("open", "high", "low", "close"):
        frame[column] = np.where(early, 0.8 * frame[column], frame[column])
    other = posterior(panel(frame))
    assert other.z.shape == fitted.z.shape
    last = slice(ORIGIN, N)
    fresh = [
        f.map(b, task="conditional", placebo="memoryless")[:, last]
        for f, b in ((fitted, bars), (other, BarTable.of(panel(frame))))
    ]
    np.testing.assert_allclose(fresh[0], fresh[1], rtol=1e-6, atol=1e-12)
    whole = [
        f.map(b, task="conditional")[:, last]
        for f, b in ((fitted, bars), (other, BarTable.of(panel(frame))))
    ]
    assert not np.allclose(whole[0], whole[1], rtol=1e-3)
