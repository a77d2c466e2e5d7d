"""The development data, read where they lie; figures from their documentation."""

import numpy as np
import pandas as pd
import pytest

from liqbayes.panel import inspect_panel, open_interest_bridged, read_panel, segments

pytestmark = [pytest.mark.devdata, pytest.mark.slow]

NOT_PANELS = {
    "binance_btcusdt_funding_8h.parquet": "funding history",
    "hyperliquid_2023_position_events.parquet": "position events",
    "hyperliquid_positions.parquet": "positions",
    "seal" + "ed.bin": "no table",
    "README.md": "unreadable",
}


@pytest.mark.parametrize(
    "name, contract, columns, n_bars",
    [
        ("binance_btcusdt_1h", "binance:BTCUSDT", None, 891),
        ("binance_ethusdt_1h", "binance:ETHUSDT", None, 891),
        ("binance_solusdt_1h", "binance:SOLUSDT", None, 891),
        ("binance_btcusdt_5m", "binance:BTCUSDT", None, 1441),
        ("coinglass_agg_btc_1d", "aggregate:BTC", None, 1404),
        ("coinglass_agg_eth_1d", "aggregate:ETH", None, 1404),
        ("hyperliquid_btc_1h", "hyperliquid:BTC", {"volume": "proxy_volume_base:base"}, 1549),
        ("hyperliquid_eth_1h", "hyperliquid:ETH", {"volume": "proxy_volume_base:base"}, 1549),
        ("hyperliquid_btc_1d", "hyperliquid:BTC", {"volume": "proxy_volume_base:base"}, 50),
        (
            "okx_btcusdswap_1h",
            "okx:BTC-USD-SWAP",
            {"volume": "proxy_volume_base_binance:base"},
            2345,
        ),
        ("bitmex_xbtusd_1h", "bitmex:XBTUSD", None, 46_968),
    ],
)
def test_column_names_work_directly(dev_data, name, contract, columns, n_bars):
    panel = read_panel(dev_data / f"{name}.parquet", contract, columns)
    assert panel.n_bars == n_bars
    assert panel.has("volume")
    assert segments(panel) == [(0, n_bars)]
    assert ("volume" in panel.provenance["proxy"]) == (columns is not None)


def test_okx_is_in_usd_with_bridged_gaps(dev_data):
    path = dev_data / "okx_btcusdswap_1h.parquet"
    table = pd.read_parquet(path)
    panel = read_panel(path, "okx:BTC-USD-SWAP", {"volume": "proxy_volume_base_binance:base"})
    np.testing.assert_array_equal(panel.values("open_interest"), table["open_interest_quote"])
    mean = table[["open", "high", "low", "close"]].mean(axis=1)
    np.testing.assert_allclose(
        panel.values("volume"), table["proxy_volume_base_binance"] * mean, rtol=1e-12
    )
    _, bridged = open_interest_bridged(panel)
    assert 0.15 < bridged.mean() < 0.18


def test_aggregate_legs(dev_data):
    path = dev_data / "coinglass_agg_btc_1d.parquet"
    panel = read_panel(path, "aggregate:BTC", since="2021-01-01")
    table = pd.read_parquet(path).loc["2021-01-01":]
    assert panel.n_bars == 1095
    np.testing.assert_allclose(
        panel.values("open_interest"), table["open_interest_quote"], rtol=1e-9
    )


@pytest.mark.parametrize("name, kind", NOT_PANELS.items())
def test_files_that_are_no_panels_are_named(dev_data, name, kind):
    assert inspect_panel(dev_data / name).kind == kind


def test_every_file_can_be_inspected(dev_data):
    for path in sorted(dev_data.iterdir()):
        report = inspect_panel(path)
        assert str(report)
        assert report.is_panel == (path.name not in NOT_PANELS)


@pytest.mark.parametrize("name", ["hyperliquid_btc_1h", "hyperliquid_eth_1h", "okx_btcusdswap_1h"])
def test_mid_bar_stamps_are_seen(dev_data, name):
    report = inspect_panel(dev_data / f"{name}.parquet")
    assert "open interest stamp" in {f.check for f in report.findings if f.level == "warning"}
    estimate = report.measures["open_interest_offset_by_activity_seconds"]
    assert -2900 < estimate["value"] < -1300
    # Hyperliquid's value in USD was computed from open and close, so it says nothing.
    by_price = report.measures["open_interest_offset_by_price_seconds"]
    assert (by_price is None) == name.startswith("hyperliquid")


def test_binance_stamp_is_the_close(dev_data):
    report = inspect_panel(dev_data / "binance_btcusdt_1h.parquet")
    assert {f.check for f in report.findings if f.level != "info"} == set()


def test_inverse_open_interest_given_in_coins_is_seen(dev_data):
    report = inspect_panel(
        dev_data / "okx_btcusdswap_1h.parquet",
        "okx:BTC-USD-SWAP",
        columns={"open_interest": "open_interest_base:quote"},
    )
    assert "unit of open interest" in {f.check for f in report.findings if f.level == "warning"}


def test_throttling_shows_as_a_break(dev_data):
    for coin in ("btc", "eth"):
        measures = inspect_panel(dev_data / f"coinglass_agg_{coin}_1d.parquet").measures
        assert measures["feed_break"]["factor"] < 1 / 3
