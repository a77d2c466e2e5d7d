"""Normal and historical answers, required margins, backtest."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from liqbayes.contracts import liquidation_price, load_contract
from liqbayes.errors import InputError, NotDeterminedError
from liqbayes.margin import (
    binomial_interval,
    historical_answer,
    judge,
    normal_answer,
    required_margin,
)
from liqbayes.margin.backtest import HELD, TOO_HIGH, TOO_LOW, UNKNOWN, origins


def test_normal_answers_cover_the_normal_quantile() -> None:
    truth = 0.04 * stats.norm.isf(0.01)
    held = 0
    for seed in range(200):
        x = np.random.default_rng(seed).normal(0.0, 0.04, 150)
        a = normal_answer(x, "long", 0.01, path=False, seed=seed)
        held += a.low <= truth <= a.high
    low, high = stats.binom.ppf([0.001, 0.999], 200, 0.9)
    assert low <= held <= high


def test_the_path_of_a_walk_goes_further_than_its_end() -> None:
    rng = np.random.default_rng(3)
    steps = rng.normal(0, 0.04 / np.sqrt(400), (4000, 400)).cumsum(axis=1)
    a = normal_answer(steps[:, -1], "long", 0.05, path=True)
    # a walk in 400 steps stays a little within one without gaps
    assert np.quantile(-steps.min(axis=1), 0.95) == pytest.approx(a.median, rel=0.06)
    assert normal_answer(steps[:, -1], "long", 0.05, path=False).median < a.low


def test_historical_answers_cover_whatever_the_law() -> None:
    truth = stats.t.isf(0.05, 3)
    held = 0
    for seed in range(300):
        x = stats.t.rvs(3, size=300, random_state=seed)
        a = historical_answer(x, 0.05)
        held += a.low <= truth <= a.high
    # order statistics are discrete: the coverage is 90 % or somewhat more
    assert held >= stats.binom.ppf(0.001, 300, 0.9)
    assert held <= 290


def test_a_short_past_bounds_nothing_from_above() -> None:
    x = np.random.default_rng(0).random(60)
    a = historical_answer(x, 0.01)
    assert np.isnan(a.high)
    assert np.isnan(a.median)
    with pytest.raises(InputError, match="at least 30"):
        historical_answer(x[:29], 0.01)
    with pytest.raises(InputError, match="at least 30"):
        normal_answer(np.full(100, np.nan), "long", 0.01, path=False)


@pytest.mark.parametrize("name", ["bitmex:XBTUSD", "bybit:BTCUSDT", "binance:BTCUSDT"])
@pytest.mark.parametrize("side", ["long", "short"])
@given(move=st.floats(0.02, 0.6))
def test_the_margin_is_liquidated_at_the_move(name: str, side: str, move: float) -> None:
    contract = load_contract(name)
    margin = float(required_margin(contract, side, move, entry_price=9000.0))
    price = liquidation_price(
        contract,
        side=side,
        entry_price=9000.0,
        quantity=9000.0 if contract.kind == "inverse" else 1.0,
        margin=margin * (1.0 if contract.kind == "inverse" else 9000.0),
    )
    reached = 9000.0 * (1 - move if side == "long" else 1 + move)
    # fees that a venue adds to the margin it asks for are in the leverage and not in the margin
    assert float(price) == pytest.approx(reached, rel=0.002)


def test_margins_at_the_ends() -> None:
    inverse, linear = load_contract("bitmex:XBTUSD"), load_contract("bybit:BTCUSDT")
    assert required_margin(inverse, "long", [1.2], entry_price=9000.0)[0] == np.inf
    assert required_margin(linear, "long", [1.2], entry_price=9000.0)[0] == 1.0
    assert np.isnan(required_margin(linear, "short", [np.nan], entry_price=9000.0)[0])
    with pytest.raises(InputError, match="finite"):
        required_margin(linear, "long", np.inf, entry_price=9000.0)
    with pytest.raises(InputError, match="side"):
        required_margin(linear, "buy", 0.1, entry_price=9000.0)
    with pytest.raises(NotDeterminedError):
        required_margin(load_contract("aggregate:BTC"), "long", 0.1, entry_price=9000.0)


def test_verdicts() -> None:
    came = np.random.default_rng(0).random(2000)
    about = {"probability": 0.01}
    table = judge([(about, np.full(2000, level), came) for level in (0.99, 0.95, 1.1, np.nan)])
    assert table["verdict"].tolist() == [HELD, TOO_LOW, TOO_HIGH, UNKNOWN]
    assert table["quantile_score"].iloc[0] == table["quantile_score"].min()
    assert table["left_out"].tolist() == [0, 0, 0, 2000]


def test_binomial_intervals() -> None:
    assert binomial_interval(0, 100)[0] == 0.0
    assert binomial_interval(5, 100) == pytest.approx(
        (stats.beta.ppf(0.05, 5, 96), stats.beta.ppf(0.95, 6, 95))
    )
    assert np.isnan(binomial_interval(0, 0)).all()


@given(st.integers(2, 500), st.integers(1, 40), st.floats(0.1, 0.9))
def test_stretches_join_and_look_back_only(n: int, refits: int, share: float) -> None:
    found = origins(n, int(n * share), refits)
    assert found[0].at == int(n * share)
    assert found[-1].until == n
    assert all(a.until == b.at for a, b in pairwise(found))
