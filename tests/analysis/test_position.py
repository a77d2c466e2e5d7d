"""Positions: levels by the contract, refusals, orders on paths, stops among clusters, fills."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from liqbayes.analysis import Options, Position, Workspace, assess_position
from liqbayes.analysis.position import (
    after_fills,
    before_stop,
    hold,
    order_events,
    stop_beyond,
    stops_for,
)
from liqbayes.analysis.volatility import fit_moves
from liqbayes.cli.app import app
from liqbayes.contracts import liquidation_price, load_contract
from liqbayes.errors import InputError, LiqbayesError
from liqbayes.simulate import market_preset, simulate_market
from tests.analysis.made import MARK, book, brownian_bars, panel_of, paths_of
from tests.model import markets
from tests.outputs import fits

RULES = load_contract("binance:BTCUSDT")
LONG = {"side": "long", "quantity": 1.0, "leverage": 10.0}
SHORT = {**LONG, "side": "short"}


def held(mark: float = MARK, **values: object):
    return hold(RULES, Position(**{**LONG, **values}), mark, priced=(500.0, 2000.0))


@pytest.mark.parametrize("side", ["long", "short"])
def test_the_level_is_the_contracts(side: str) -> None:
    found = held(side=side, entry=990.0)
    level = liquidation_price(RULES, side=side, entry_price=990.0, quantity=1.0, leverage=10.0)
    assert found.level == pytest.approx(float(level))
    assert found.distance == pytest.approx(abs(level / MARK - 1))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"entry": 1200.0}, "liquidated already"),
        ({"side": "short", "entry": 800.0}, "liquidated already"),
        ({"stop": 900.0}, "never executed"),
        ({"stop": 1001.0}, "would be executed"),
        ({"side": "short", "stop": 999.0}, "would be executed"),
        ({"take_profit": 990.0}, "fills at once"),
        ({"limit": 1010.0}, "fills at once"),
        ({"side": "short", "limit": 990.0}, "fills at once"),
        ({"limit": 980.0, "stop": 990.0}, "would be executed"),
        ({"limit": 980.0, "take_profit": 975.0}, "fills at once"),
        ({"take_profit": 2500.0}, "outside the priced range"),
        ({"limit": 400.0}, "outside the priced range"),
        ({"limit": 980.0, "entry": 1000.0}, "its own price"),
        ({"stop": -5.0}, "positive"),
        ({"side": "up"}, "side"),
        ({"leverage": 1000.0}, "leverage"),
        ({"leverage": None}, "exactly one"),
        ({"margin": 5.0}, "exactly one"),
    ],
)
def test_what_cannot_be_held_is_refused(values: dict[str, object], told: str) -> None:
    with pytest.raises(LiqbayesError, match=told):
        held(**values)


def events(position, paths, bars: int) -> dict[str, float]:
    table = order_events(position, paths, {"h": bars})
    assert (table["low"] <= table["median"]).all()
    assert (table["median"] <= table["high"]).all()
    return dict(zip(table["event"], table["median"], strict=True))


def test_each_order_of_events_is_told_apart() -> None:
    paths = paths_of(
        [
            [(995, 1005), (990, 1060), (900, 1000)],  # profit, then the stop
            [(940, 1005), (990, 1060), (900, 1000)],  # stop, then the profit
            [(940, 1060), (990, 1000), (990, 1000)],  # both in one bar
            [(990, 1010), (990, 1010), (990, 1010)],  # neither
            [(880, 1010), (990, 1010), (990, 1010)],  # through the stop to the level
        ]
    )
    found = events(held(stop=950.0, take_profit=1050.0), paths, 3)
    assert found["take-profit first"] == pytest.approx(0.2)
    assert found["stop first"] == pytest.approx(0.4)
    assert found["order unknown"] == pytest.approx(0.2)
    assert found["neither"] == pytest.approx(0.2)
    assert found["level within the bar of the stop"] == pytest.approx(0.2)
    assert events(held(take_profit=1050.0), paths, 3)["liquidation first"] == pytest.approx(0.2)
    assert events(held(stop=950.0), paths, 1) == pytest.approx(
        {"stop": 0.6, "level within the bar of the stop": 0.2}
    )


def test_a_limit_order_must_fill_before_the_others_count() -> None:
    paths = paths_of(
        [
            [(995, 1060), (975, 1000), (975, 1060)],  # profit before the fill does not count
            [(975, 1060), (990, 1000), (990, 1000)],  # profit in the bar of the fill: unknown
            [(995, 1060), (995, 1000), (995, 1060)],  # never filled
            [(975, 1000), (940, 1000), (995, 1060)],  # filled, stopped
        ]
    )
    found = events(held(limit=980.0, stop=950.0, take_profit=1050.0), paths, 3)
    assert found["filled"] == pytest.approx(0.75)
    assert found["take-profit first"] == pytest.approx(0.25)
    assert found["order unknown"] == pytest.approx(0.25)
    assert found["stop first"] == pytest.approx(0.25)
    assert found["neither"] == pytest.approx(0.0)


def test_the_race_of_a_driftless_price_is_the_gamblers() -> None:
    # P(+a before −b) = b / (a + b) of log price; steps of .002 overshoot both ends alike
    rng = np.random.default_rng(4)
    steps = np.cumsum(rng.choice([-0.002, 0.002], (2000, 900)), axis=1)
    price = MARK * np.exp(steps)
    paths = paths_of(np.stack([price, price], axis=2).tolist())
    up, down = MARK * np.exp(0.0199), MARK * np.exp(-0.0399)
    found = events(held(stop=down, take_profit=up), paths, 900)
    assert found["neither"] < 0.02
    assert found["take-profit first"] == pytest.approx(2 / 3, abs=0.04)
    mirrored = paths_of(np.stack([MARK**2 / price, MARK**2 / price], axis=2).tolist())
    other = held(side="short", stop=MARK**2 / down, take_profit=MARK**2 / up)
    assert events(other, mirrored, 900) == pytest.approx(found)


def clusters_of(low: list[float], high: list[float], found: list[bool]) -> xr.Dataset:
    """One cluster of longs at 940 to 960 in draws with these ranges."""
    shape = (1, len(low), 1)
    values = {
        name: (("chain", "draw", "cluster"), np.array(x).reshape(shape))
        for name, x in (
            ("found_low", np.where(found, low, np.nan)),
            ("found_high", np.where(found, high, np.nan)),
            ("found", found),
            ("in_top", found),
        )
    }
    return xr.Dataset(
        values,
        coords={
            "cluster": [0],
            "side": ("cluster", np.array(["long"], dtype=object)),
            "price_low": ("cluster", [940.0]),
            "price_high": ("cluster", [960.0]),
            "price": ("cluster", [950.0]),
            "distance": ("cluster", [0.05]),
        },
    )


def test_a_stop_is_placed_among_the_clusters_of_each_draw() -> None:
    clusters = clusters_of([940, 930, 950, 900], [960, 935, 955, 910], [True, True, True, False])
    table, p_any = stop_beyond(held(stop=945.0), clusters)
    row = table.iloc[0]
    assert row["place"] == "inside"
    assert row["gap"] == pytest.approx((960 - 945) / MARK)
    assert (row["p_before"], row["p_inside"], row["p_beyond"], row["p_absent"]) == (
        0.25, 0.25, 0.25, 0.25,
    )  # fmt: skip
    assert p_any == 0.25
    table, p_any = stop_beyond(held(stop=930.0), clusters.isel(draw=[0]))
    assert table["place"].tolist() == ["beyond"]
    assert np.isnan(p_any)
    table, _ = stop_beyond(held(side="short", stop=1010.0), clusters)
    assert table.empty
    with pytest.raises(InputError, match="no stop"):
        stop_beyond(held(), clusters)


def test_what_stands_before_a_stop_is_what_lies_between() -> None:
    edges = MARK * np.array([0.8, 0.9, 1.0, 1.1])
    quote = np.zeros((1, 2, 2, 3))
    quote[0, :, 0, :2] = [[5.0, 10.0], [7.0, 20.0]]
    found = before_stop(held(), book(quote, edges), 900.0)
    assert found.to_numpy()[0] == pytest.approx([10.0, 20.0])
    with pytest.raises(InputError, match="priced range"):
        before_stop(held(), book(quote, edges), 700.0)


def heatmap_of(panel, dense: np.ndarray, bins: int = 80) -> xr.Dataset:
    """A flat book of longs, with more around 2 % below the close in some bars."""
    close = panel.values("close")
    edges = np.geomspace(close.min() * 0.7, close.max() * 1.4, bins * 10 + 1)
    middle = np.sqrt(edges[:-1] * edges[1:])
    near = np.abs(np.log(middle[None, :] / (close[:, None] * 0.98))) < 0.01
    mean = np.where(near & dense[:, None], 50.0, 1.0)
    return xr.Dataset(
        {"mean": (("time", "side", "price"), np.stack([mean, mean], axis=1))},
        coords={
            "time": panel.time,
            "side": ["long", "short"],
            "price": middle,
            "price_low": ("price", edges[:-1]),
            "price_high": ("price", edges[1:]),
        },
    )


def test_returns_after_fills_are_those_counted_by_hand_and_a_planted_gap_is_found() -> None:
    deviation = 0.01
    moves = brownian_bars(900, deviation, 11)
    panel = panel_of(moves)
    close, low = panel.values("close"), panel.values("low")
    flat = {"omega": 0.0, "alpha": 0.0, "gamma": 0.0, "beta": 0.0, "nu": 8.0, "scale": deviation}
    volatility = fit_moves(moves[1:], 1.0, parameters=flat)
    wait, after, fee = 6, 4, 0.001
    filled, value = np.full(900, -1), np.full(900, np.nan)
    for t in range(900 - wait):
        hits = np.flatnonzero(low[t + 1 : t + 1 + wait] <= close[t] * 0.98)
        if hits.size:
            filled[t] = t + 1 + hits[0]
            if filled[t] + after < 900:
                value[t] = np.log(close[filled[t] + after] / (close[t] * 0.98)) - fee
    known = np.arange(900) < 900 - wait

    def run(dense: np.ndarray, fee: float = fee):
        return after_fills(
            panel, volatility, heatmap_of(panel, dense), buy=True, price=MARK * 0.98,
            mark_price=MARK, wait=wait, after={"4h": after}, fee=fee,
        ).set_index("group")  # fmt: skip

    chance = np.random.default_rng(2).random(900) < 0.2
    table = run(chance)
    at = table.loc["near a cluster"]
    own = chance & known & np.isfinite(value)
    assert at["fills"] == own.sum()
    assert at["median"] == pytest.approx(value[own].mean(), rel=1e-6)
    assert table.loc["elsewhere", "fills"] == (~chance & known & np.isfinite(value)).sum()
    assert at["filled"] == pytest.approx((filled[chance & known] >= 0).mean())
    assert at["difference_low"] < at["difference"] < at["difference_high"]
    # without a known fee what fills is known all the same, what it brings is not
    unpaid = run(chance, fee=np.nan)
    assert (unpaid["fills"] == table["fills"]).all() and unpaid["median"].isna().all()
    # a book that is dense where price will rise
    table = run(np.nan_to_num(value, nan=-1.0) > np.nanquantile(value, 0.7))
    assert table.loc["near a cluster", "difference_low"] > 0
    with pytest.raises(InputError, match="at once"):
        after_fills(
            panel, volatility, heatmap_of(panel, chance), buy=True, price=MARK * 1.01,
            mark_price=MARK, wait=wait, after={"4h": after}, fee=fee,
        )  # fmt: skip


@pytest.fixture(scope="module")
def work() -> Workspace:
    panel = simulate_market(market_preset("default", bars=320), 3).panel
    fit = fits.fake_fit(panel, markets.small_spec(), draws=20, prior_draws=20)
    return Workspace(fit, Options(horizons=("4h", "1d")))


@pytest.mark.parametrize("side", ["long", "short"])
def test_the_stop_for_a_probability_has_it(work: Workspace, side: str) -> None:
    """Just beyond the price that is named, the share of draws is at least what was asked."""
    mark, levels = work.context.mark_price, work.clusters["30 %"]
    sign = 1.0 if side == "long" else -1.0
    own = hold(RULES, Position(side, 1.0, leverage=2.0), mark, priced=(0.5 * mark, 2.0 * mark))
    found = stops_for(own, levels).dropna()
    assert len(found)
    for row in found.to_dict("records"):
        beyond = replace(own.position, stop=row["price"] * (1.0 - sign * 1e-9))
        _, p_any = stop_beyond(replace(own, position=beyond), levels)
        assert p_any >= row["probability"]
        assert row["distance"] == pytest.approx(sign * (1.0 - row["price"] / mark))


def test_a_position_is_assessed_from_all_sides(work: Workspace) -> None:
    mark = work.context.mark_price
    position = Position(
        "long", 1.0, leverage=10.0, limit=0.99 * mark, stop=0.94 * mark, take_profit=1.03 * mark
    )
    found = assess_position(work, position)
    assert set(found.tables) == {"liquidation", "stops_for", "stop", "orders", "after_fill"}
    assert set(found.tables["stop"]["within"]) == {"30 %", "5 %"}
    liquidation = found.tables["liquidation"]
    assert liquidation["median"].is_monotonic_increasing
    assert (liquidation["low"] <= liquidation["median"]).all()
    assert set(found.tables["after_fill"]["order"]) == {"limit", "take-profit"}
    only = assess_position(work, Position("short", 1.0, leverage=5.0))
    assert set(only.tables) == {"liquidation", "stops_for"}
    # a target between a limit below the price and the price stands once the limit has filled
    dip = assess_position(
        work, Position("long", 1.0, leverage=10.0, limit=0.97 * mark, take_profit=0.99 * mark)
    )
    assert set(dip.tables["after_fill"]["order"]) == {"limit"}
    safe = assess_position(work, Position("long", 1.0, wallet_balance=1e9))
    assert safe.tables["liquidation"]["reason"].tolist() == ["no price liquidates it"] * 2


def test_wrong_contracts_and_horizons_are_refused(work: Workspace) -> None:
    held = Position("long", 1.0, leverage=10.0)
    with pytest.raises(InputError, match="ETH"):
        assess_position(work, held, contract=load_contract("binance:ETHUSDT"))
    with pytest.raises(InputError, match="mixes venues"):
        assess_position(work, held, contract=load_contract("aggregate:BTC"))
    far = Workspace(work.fit, Options(horizons=("30d",)))
    with pytest.raises(InputError, match="horizon"):
        assess_position(far, held)


def test_the_command_refuses_what_is_no_fit(tmp_path) -> None:
    result = CliRunner().invoke(
        app, ["position", str(tmp_path), "--side", "long", "--quantity", "1", "--leverage", "5"]
    )
    assert result.exit_code == 2
