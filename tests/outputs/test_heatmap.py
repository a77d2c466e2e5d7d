"""Levels through time, reduced over draws while computed."""

import tracemalloc

import numpy as np
import pytest

from liqbayes.errors import InputError
from liqbayes.outputs import liquidation_heatmap, liquidation_levels
from tests.model import markets
from tests.outputs.fits import draws_of, fake_fit, gappy_panel, open_interest

WIDE = (1e-4, 1e4)


def test_last_bar_is_the_standing_book(any_fit):
    """The grid carried through time against the level matrix of the last bar.

    Bins that price went through are cut as if full evenly; all others agree bin by bin.
    """
    levels = liquidation_levels(any_fit, kind="expected")
    last = any_fit["panel"]["time"].to_numpy()[-1:]
    heat = liquidation_heatmap(any_fit, times=last, kind="expected")["draws"].isel(time=0)
    quantity = levels["quantity"].to_numpy()
    difference = heat.transpose("chain", "draw", "side", "price").to_numpy() - quantity
    assert np.abs(difference).sum(-1).max() < 0.005 * open_interest(any_fit)
    untouched = ~levels["visited"].to_numpy()
    size = quantity[..., untouched].max()
    assert np.abs(difference[..., untouched]).max() < 0.01 * size


def test_open_interest_is_conserved_through_time(linear):
    """Linear shorts all have a level: on a grid wide enough the columns hold everything."""
    heat = liquidation_heatmap(linear, bins=60, price_range=WIDE, kind="expected")
    interest = linear["panel"]["open_interest"].to_numpy()
    short = heat["mean"].sel(side="short").sum("price").to_numpy()
    assert (short < interest * (1 + 1e-5)).all()
    assert (short > 0.9 * interest).all()
    both = liquidation_heatmap(
        linear, bins=60, price_range=WIDE, times=linear["panel"]["time"].to_numpy()
    )["draws"].sum("price")
    assert (both <= linear["panel"]["open_interest"] * (1 + 1e-5)).all()


@pytest.mark.parametrize("kind", ["expected", "realised"])
def test_draws_of_chosen_bars_reduce_to_the_quantiles(linear, kind):
    times = linear["panel"]["time"].to_numpy()[[7, 50, 90, -1]]
    drawn = liquidation_heatmap(linear, bins=50, times=times, kind=kind)
    reduced = liquidation_heatmap(linear, bins=50, kind=kind)
    assert drawn["draws"].dims == ("chain", "draw", "time", "side", "price")
    np.testing.assert_array_equal(drawn["time"], times)
    dims = ("chain", "draw")
    chosen = reduced.sel(time=times)
    size = float(chosen["mean"].max())
    quantiles = drawn["draws"].astype(float).quantile([0.05, 0.5, 0.95], dims)
    np.testing.assert_allclose(chosen["quantity"], quantiles, rtol=1e-4, atol=1e-5 * size)
    np.testing.assert_allclose(
        chosen["mean"], drawn["draws"].astype(float).mean(dims), rtol=1e-4, atol=1e-5 * size
    )
    above = (drawn["draws"] > drawn.attrs["threshold"]).mean(dims)
    np.testing.assert_allclose(chosen["p_above"], above, atol=1e-6)


def test_shape_coordinates_and_units(any_fit):
    heat = liquidation_heatmap(any_fit, bins=30, price_range=(0.7, 1.4))
    assert heat["quantity"].dims == ("quantile", "time", "side", "price")
    assert heat["mean"].dims == heat["p_above"].dims == ("time", "side", "price")
    assert list(heat["quantile"].to_numpy()) == [0.05, 0.5, 0.95]
    np.testing.assert_array_equal(heat["time"], any_fit["panel"]["time"])
    np.testing.assert_allclose(heat["close"], any_fit["panel"]["close"])
    assert heat["quantity"].attrs["units"] == heat.attrs["unit"]
    assert (heat["quantity"].diff("quantile") >= 0).all()
    assert ((heat["p_above"] >= 0) & (heat["p_above"] <= 1)).all()
    assert heat.attrs["threshold"] == pytest.approx(1e-3 * open_interest(any_fit))


def test_every_counts_back_from_the_last_bar(linear):
    full = liquidation_heatmap(linear, bins=20, kind="expected")
    some = liquidation_heatmap(linear, bins=20, kind="expected", every=50)
    np.testing.assert_array_equal(some["time"], full["time"].to_numpy()[[43, 93, 143]])
    np.testing.assert_allclose(some["mean"], full["mean"].sel(time=some["time"]), rtol=1e-6)


def test_threshold_is_used(linear):
    low, high = (
        liquidation_heatmap(linear, bins=20, every=40, threshold=x)["p_above"] for x in (0.0, 1e9)
    )
    assert float(high.max()) == 0.0
    assert float(low.max()) == 1.0


def test_a_level_that_price_reached_is_gone(linear):
    heat = liquidation_heatmap(linear, bins=300, kind="expected")["mean"]
    low = linear["panel"]["low"].to_numpy()
    close = linear["panel"]["close"].to_numpy()
    for t in range(1, low.size):
        column = heat.isel(time=t).sel(side="long")
        reached = column.where(column["price_low"] > max(low[t], 0.0), 0.0)
        inside = float(reached.where(reached["price_high"] < close[t], 0.0).sum())
        beyond = float(reached.where(reached["price_low"] > close[t], 0.0).sum())
        assert beyond == 0.0
        assert inside < 0.01 * float(linear["panel"]["open_interest"][t])


def test_a_bar_uses_nothing_after_it():
    """Given the same parameters, mirrored returns after bar 60 change nothing before it.

    Mirrored, so that the volatility that spreads the book before the first bar stays the same.
    """
    table = markets.bars(90, seed=8)
    changed = table.copy()
    later = changed.index[60:]
    pivot = float(table["close"].iloc[59]) ** 2
    for name, source in (("open", "open"), ("close", "close"), ("high", "low"), ("low", "high")):
        changed.loc[later, name] = pivot / table.loc[later, source]
    spec = markets.small_spec(funding_blocks=1)
    heats = [
        _on_fixed_grid(fake_fit(markets.panel(bars), spec, draws=4)) for bars in (table, changed)
    ]
    size = heats[0].max()
    np.testing.assert_allclose(heats[0][:60], heats[1][:60], atol=0.01 * size)
    assert np.abs(heats[0][80:] - heats[1][80:]).max() > 0.1 * size


def _on_fixed_grid(fit):
    """Expected quantity per log-price bin that does not move with the last close."""
    close = float(fit["panel"]["close"][-1])
    heat = liquidation_heatmap(
        fit, bins=80, price_range=(30_000 / close, 120_000 / close), kind="expected"
    )
    return heat["mean"].to_numpy()


def test_interpolated_bars_are_marked():
    heat = liquidation_heatmap(fake_fit(gappy_panel(), markets.small_spec(), draws=4), bins=20)
    np.testing.assert_array_equal(np.flatnonzero(heat["bridged"]), np.arange(40, 45))


def test_memory_does_not_hold_all_draws_of_all_bars():
    panel, spec = markets.panel(markets.bars(160)), markets.small_spec()
    fit = fake_fit(panel, spec, chains=1, draws=100)
    bins = 200
    everything = 100 * 160 * 2 * bins * 4
    liquidation_heatmap(fit, bins=10)
    tracemalloc.start()
    try:
        liquidation_heatmap(fit, bins=bins)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.6 * everything


def test_noise_keeps_the_mean(linear):
    panel, spec = markets.panel(markets.bars(60)), markets.small_spec()
    fit = fake_fit(panel, spec, draws=200, scale=0.2)
    last = panel.time[-1:]
    expected, realised = (
        liquidation_heatmap(fit, bins=10, times=last, kind=kind)["draws"].isel(time=0)
        for kind in ("expected", "realised")
    )
    gap = (realised - expected).transpose("side", "price", ...).to_numpy().astype(float)
    gap = gap.reshape(20, -1)
    error = gap.std(axis=1) / np.sqrt(gap.shape[1])
    large = error > 1e-4 * open_interest(fit)
    assert large.sum() >= 6
    assert (np.abs(gap.mean(axis=1))[large] < 4.5 * error[large]).all()


def test_the_same_call_gives_the_same_draws(linear):
    first, second = (liquidation_heatmap(linear, bins=20, every=30) for _ in range(2))
    assert first.identical(second)


def test_refused_times_and_steps(linear):
    time = linear["panel"]["time"].to_numpy()
    for wrong in (
        time[:1] - np.timedelta64(1, "h"),
        time[-1:] + np.timedelta64(1, "h"),
        time[5:6] + np.timedelta64(1, "m"),
    ):
        with pytest.raises(InputError, match="bar-open times between"):
            liquidation_heatmap(linear, times=wrong)
    for every in (0, -1):
        with pytest.raises(InputError, match="every"):
            liquidation_heatmap(linear, every=every)
    with pytest.raises(InputError, match="price_range"):
        liquidation_heatmap(linear, price_range=(1.1, 2.0))


def test_thinned_draws_are_independent_of_the_others():
    """One draw's grid does not leak into the next: alone and in company it is the same."""
    panel, spec = markets.panel(markets.bars(50)), markets.small_spec()
    full = fake_fit(panel, spec, chains=1, draws=6)
    evaluator_draws = full["posterior"]["z"].to_numpy()
    from liqbayes.model.data import prepare
    from liqbayes.model.evaluate import Evaluator

    evaluator = Evaluator.of(spec, prepare(spec, panel))
    taken = draws_of(evaluator, 1, 1)
    one = fake_fit(
        panel,
        spec,
        chains=1,
        draws=1,
        taken=type(taken)(
            taken.z.copy(data=evaluator_draws[:, 3:4]), taken.stats, 1.0, 1.0, False, ()
        ),
    )
    times = panel.time[-1:]
    company = liquidation_heatmap(full, bins=20, times=times, kind="expected")["draws"]
    alone = liquidation_heatmap(one, bins=20, times=times, kind="expected")["draws"]
    np.testing.assert_array_equal(company.isel(draw=3), alone.isel(draw=0))


def test_cumulative_amounts_are_sums_of_draws(linear):
    """Quantiles of sums over bins from the price outward, not sums of quantiles."""
    times = linear["panel"]["time"].to_numpy()[[20, -1]]
    drawn = liquidation_heatmap(linear, bins=40, times=times)["draws"].astype(float)
    worth = drawn * drawn["price"]
    down = worth.sel(side="long").isel(price=slice(None, None, -1)).cumsum("price")
    up = worth.sel(side="short").cumsum("price")
    reduced = liquidation_heatmap(linear, bins=40, cumulative=True)["cumulative_quote"]
    for side, sums in (("long", down.isel(price=slice(None, None, -1))), ("short", up)):
        want = sums.quantile([0.05, 0.5, 0.95], ("chain", "draw")).transpose(
            "quantile", "time", "price"
        )
        found = reduced.sel(side=side, time=times).transpose("quantile", "time", "price")
        np.testing.assert_allclose(found, want, rtol=1e-4, atol=1e-5 * float(want.max()))
    assert "cumulative_quote" not in liquidation_heatmap(linear, bins=40, every=50)
