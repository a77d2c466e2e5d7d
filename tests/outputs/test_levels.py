"""Standing levels: what there is adds up, near and far, in each unit."""

import numpy as np
import pytest

from liqbayes.errors import InputError
from liqbayes.outputs import at_risk, at_risk_amounts, liquidation_levels
from tests.outputs.conftest import _made
from tests.outputs.fits import open_interest

KINDS = ("expected", "realised")


def total(levels):
    rest = levels["below"] + levels["above"] + levels["none"]
    return (levels["quantity"].sum("price") + rest).transpose("chain", "draw", "side").to_numpy()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("group", ["posterior", "prior"])
def test_bins_and_rests_sum_to_open_interest(any_fit, kind, group):
    levels = liquidation_levels(any_fit, bins=60, kind=kind, group=group)
    np.testing.assert_allclose(total(levels), open_interest(any_fit), rtol=1e-9)
    for name in ("quantity", "quote", "below", "above", "none"):
        assert (levels[name] >= 0).all(), name


@pytest.mark.parametrize("price_range", [(0.97, 1.03), (0.999, 1.5), (0.05, 20.0)])
def test_nothing_is_lost_outside_the_grid(linear, price_range):
    levels = liquidation_levels(linear, bins=30, price_range=price_range, kind="expected")
    np.testing.assert_allclose(total(levels), open_interest(linear), rtol=1e-9)


def test_shape_coordinates_and_units(any_fit):
    levels = liquidation_levels(any_fit, bins=50, price_range=(0.6, 1.5))
    posterior = any_fit["posterior"]
    assert levels["quantity"].dims == ("chain", "draw", "side", "price")
    assert levels["below"].dims == ("chain", "draw", "side")
    assert levels.sizes["chain"] == posterior.sizes["chain"]
    assert levels.sizes["draw"] == posterior.sizes["draw"]
    assert list(levels["side"].to_numpy()) == ["long", "short"]
    close = float(any_fit["panel"]["close"][-1])
    low, high = levels["price_low"].to_numpy(), levels["price_high"].to_numpy()
    assert low[0] == pytest.approx(0.6 * close) and high[-1] == pytest.approx(1.5 * close)
    np.testing.assert_allclose(low[1:], high[:-1])
    assert ((low < levels["price"]) & (levels["price"] < high)).all()
    kind = levels.attrs["contract"]
    unit, quote = {"binance:BTCUSDT": ("BTC", "USDT")}.get(kind, ("USD", "USD"))
    assert levels.attrs["unit"] == levels["quantity"].attrs["units"] == unit
    assert levels.attrs["quote_unit"] == levels["quote"].attrs["units"] == quote
    assert levels.attrs["mark_price"] == pytest.approx(close)
    last = any_fit["panel"]["time"].to_numpy()[-1]
    assert np.datetime64(levels.attrs["as_of"]) == last + np.timedelta64(1, "h")
    assert (levels.attrs["kind"], levels.attrs["group"]) == ("realised", "posterior")


def test_quote_is_quantity_at_the_level(any_fit):
    levels = liquidation_levels(any_fit, bins=50, kind="expected")
    price = levels["price"].to_numpy()
    quantity, quote = levels["quantity"].to_numpy(), levels["quote"].to_numpy()
    contract = levels.attrs["contract"]
    if contract == "binance:BTCUSDT":
        np.testing.assert_allclose(quote, quantity * price, rtol=1e-12)
    elif contract.startswith("binance"):
        np.testing.assert_allclose(quote, quantity, rtol=1e-12)
    else:
        # the linear leg is worth less at lower levels, the inverse leg the same
        ratio = quote.sum((0, 1))[0, price < 0.8 * levels.attrs["mark_price"]]
        held = quantity.sum((0, 1))[0, price < 0.8 * levels.attrs["mark_price"]]
        assert (ratio[held > 0] < held[held > 0]).all()


def test_levels_lie_on_the_losing_side(any_fit):
    """Nothing stands beyond the close; inside the last bar's range only what it opened late."""
    levels = liquidation_levels(any_fit, bins=200, kind="expected")
    last = any_fit["panel"].to_dataset().isel(time=-1)
    quantity, mark = levels["quantity"], levels.attrs["mark_price"]
    long, short = quantity.sel(side="long"), quantity.sel(side="short")
    assert float(long.where(levels["price"] > mark).max()) == 0.0
    assert float(short.where(levels["price"] < mark).max()) == 0.0
    touched = {
        "long": long.where(levels["price_low"] >= float(last["low"]), 0.0),
        "short": short.where(levels["price_high"] <= float(last["high"]), 0.0),
    }
    for side, inside in touched.items():
        assert float(inside.sum("price").max()) < 1e-3 * open_interest(any_fit), side


def test_visited_bins_are_those_price_went_through(linear):
    levels = liquidation_levels(linear, bins=400)
    panel = linear["panel"].to_dataset()
    low, high = float(panel["low"].min()), float(panel["high"].max())
    expected = (levels["price_high"] >= low) & (levels["price_low"] <= high)
    np.testing.assert_array_equal(levels["visited"], expected)
    assert 0 < int(levels["visited"].sum()) < 400


def test_noise_keeps_the_mean_and_widens(linear):
    expected = liquidation_levels(linear, bins=12, kind="expected", group="prior")["quantity"]
    realised = liquidation_levels(linear, bins=12, kind="realised", group="prior")["quantity"]
    gap = realised - expected
    dims = ("chain", "draw")
    error = gap.std(dims) / np.sqrt(gap.sizes["draw"])
    wide = expected.mean(dims) > 1e-3 * open_interest(linear)
    assert int(wide.sum()) >= 10
    assert float((abs(gap.mean(dims)) / error).where(wide).max()) < 4.5
    assert (realised.std(dims) > expected.std(dims)).where(wide, True).all()


@pytest.mark.parametrize("kind", KINDS)
def test_more_is_at_risk_in_a_larger_move(any_fit, kind):
    risk = at_risk(any_fit, kind=kind)
    assert risk.dims == ("chain", "draw", "side", "move")
    assert list(risk["move"].to_numpy()) == [0.01, 0.02, 0.05, 0.1, 0.2, 0.3]
    assert (risk.diff("move") >= 0).all()
    assert (risk >= 0).all() and (risk <= 1).all()
    assert (risk.sel(move=0.3) > risk.sel(move=0.05)).any()


def test_at_risk_is_the_sum_of_the_levels_within_the_move(any_fit):
    levels = liquidation_levels(any_fit, bins=40, kind="expected")
    mark = levels.attrs["mark_price"]
    moves = {
        "long": (1 - levels["price_low"].to_numpy()[19::-1] / mark)[:-1],
        "short": (levels["price_high"].to_numpy()[20:] / mark - 1)[:-1],
    }
    for side, steps in moves.items():
        risk = at_risk(any_fit, moves=steps, kind="expected").sel(side=side).to_numpy()
        quantity = levels["quantity"].sel(side=side).to_numpy()
        outward = quantity[..., 19::-1] if side == "long" else quantity[..., 20:]
        within = np.cumsum(outward, axis=-1)[..., :-1]
        np.testing.assert_allclose(risk, within / open_interest(any_fit), atol=1e-9)


def test_at_risk_amounts_agree_with_the_shares(any_fit):
    amounts = at_risk_amounts(any_fit)
    held = open_interest(any_fit)
    np.testing.assert_allclose(amounts["quantity"], amounts["share"] * held, rtol=1e-9, atol=1e-200)
    linear = amounts.attrs["contract"] == "binance:BTCUSDT"
    price = amounts.attrs["mark_price"] if linear else 1.0
    np.testing.assert_allclose(amounts["quote"], amounts["quantity"] * price)
    for name in ("quantity", "quote"):
        difference = amounts[name].sel(side="long") - amounts[name].sel(side="short")
        np.testing.assert_allclose(amounts[f"delta_{name}"], difference)


@pytest.mark.parametrize("name", ["linear", "aggregate"])
def test_realised_share_is_beta(name):
    """Mean and variance of the share within 10 % around its expectation, N positions a side.

    Of an aggregate N counts those of both legs; given the legs' sums a little less is left to vary.
    """
    fit = _made(name)
    expected = at_risk(fit, kind="expected", group="prior").sel(move=0.1)
    realised = at_risk(fit, kind="realised", group="prior").sel(move=0.1)
    drawn = fit["prior"]["effective_positions"]
    positions = drawn.rename({drawn.dims[-1]: "side"})
    sd = np.sqrt(expected * (1 - expected) / (positions + 1))
    z = ((realised - expected) / sd).to_numpy().ravel()
    assert abs(z.mean()) < 4.5 / np.sqrt(z.size)
    assert abs(np.square(z).mean() - 1.0) < 0.25


def test_the_same_call_gives_the_same_draws(linear):
    for output in (liquidation_levels, at_risk_amounts):
        first = output(linear, kind="realised")
        second = output(linear, kind="realised")
        assert first.identical(second)


@pytest.mark.parametrize(
    "moves",
    [(), (0.0, 0.1), (0.1, 0.1), (0.2, 0.1), (-0.1,), (0.5, 1.0), (float("nan"),), ((0.1, 0.2),)],
)
def test_moves_must_ascend_between_0_and_1(linear, moves):
    with pytest.raises(InputError, match="ascending"):
        at_risk(linear, moves=moves)


@pytest.mark.parametrize(
    "price_range", [(1.0, 2.0), (0.5, 1.0), (0.0, 2.0), (2.0, 0.5), (float("nan"), 2.0)]
)
def test_price_range_must_hold_the_last_price(linear, price_range):
    with pytest.raises(InputError, match="price_range"):
        liquidation_levels(linear, price_range=price_range)


@pytest.mark.parametrize("bins", [1, 0, -3, 20_001])
def test_bins_have_limits(linear, bins):
    with pytest.raises(InputError, match="bins"):
        liquidation_levels(linear, bins=bins)
