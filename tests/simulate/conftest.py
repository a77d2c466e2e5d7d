import pytest

from liqbayes.simulate import SimulatedMarket, market_preset, simulate_market
from liqbayes.simulate.market_settings import FlowConfig


@pytest.fixture(scope="session")
def default_market() -> SimulatedMarket:
    return simulate_market(market_preset("default"), seed=3)


@pytest.fixture(scope="session")
def small_flow() -> FlowConfig:
    return FlowConfig(effective_positions=(200.0, 200.0), size_ratio=50.0)


@pytest.fixture(scope="session")
def crash_market(small_flow: FlowConfig) -> SimulatedMarket:
    config = market_preset("crash", bars=240, flow=small_flow, warmup_days=10)
    return simulate_market(config, seed=7)


@pytest.fixture(scope="session")
def inverse_market(small_flow: FlowConfig) -> SimulatedMarket:
    config = market_preset(
        "crash", bars=240, flow=small_flow, warmup_days=10, contract="binance:BTCUSD_PERP"
    )
    return simulate_market(config, seed=7)


@pytest.fixture(params=["default_market", "crash_market", "inverse_market"])
def market(request: pytest.FixtureRequest) -> SimulatedMarket:
    return request.getfixturevalue(request.param)
