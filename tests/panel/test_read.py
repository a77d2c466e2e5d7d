import gzip

import numpy as np
import pandas as pd
import pytest

from liqbayes.errors import InputError
from liqbayes.panel import read_panel
from liqbayes.panel.columns import foreign_venue, unit_in_name
from tests.panel.markets import INVERSE, LINEAR, raw, write_csv, zip_csv


@pytest.fixture
def table():
    return raw()


def _same(panel, table):
    np.testing.assert_allclose(panel.values("close"), table["close"], rtol=1e-15)
    np.testing.assert_allclose(panel.values("volume"), table["volume_base"], rtol=1e-15)
    assert panel.time[0] == np.datetime64("2024-06-01")


def test_parquet_csv_gzip_and_zip_agree(tmp_path, table):
    table.to_parquet(tmp_path / "a.parquet")
    text = table.to_csv()
    (tmp_path / "b.csv").write_text(text)
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(text.encode()))
    zip_csv(tmp_path, "d", text)
    (tmp_path / "e.csv").write_text(text.replace(",", ";"))
    hashes = {read_panel(path, LINEAR).content_hash for path in sorted(tmp_path.iterdir())}
    assert len(hashes) == 1


@pytest.mark.parametrize("name", ["timestamp", "time", "open_time", "date", "Date"])
def test_time_columns(tmp_path, table, name):
    path = write_csv(table.rename_axis(name), tmp_path / "a.csv")
    _same(read_panel(path, LINEAR), table)
    numbers = table.reset_index(drop=True)
    numbers[name] = table.index.as_unit("ns").asi8 // 10**6
    _same(read_panel(write_csv(numbers, tmp_path / "b.csv", index=False), LINEAR), table)


def test_unnamed_index_column(tmp_path, table):
    _same(read_panel(write_csv(table.rename_axis(None), tmp_path / "a.csv"), LINEAR), table)
    with pytest.raises(InputError, match="no time column"):
        read_panel(write_csv(table.reset_index(drop=True), tmp_path / "b.csv"), LINEAR)


def test_since_until_stamp_tz(tmp_path, table):
    shifted = table.set_axis(table.index + pd.Timedelta(hours=1))
    path = write_csv(shifted, tmp_path / "a.csv")
    _same(read_panel(path, LINEAR, stamp="close"), table)
    local = table.set_axis(
        table.index.tz_localize("UTC").tz_convert("Asia/Tokyo").tz_localize(None)
    )
    _same(
        read_panel(
            write_csv(local.rename_axis("time"), tmp_path / "b.csv"), LINEAR, tz="Asia/Tokyo"
        ),
        table,
    )
    path = write_csv(table, tmp_path / "c.csv")
    part = read_panel(path, LINEAR, since="2024-06-01 05:00", until="2024-06-01 15:00")
    assert part.n_bars == 10
    assert part.time[0] == np.datetime64("2024-06-01T05")


def test_linear_takes_base_and_inverse_quote(tmp_path, table):
    path = write_csv(table, tmp_path / "a.csv")
    linear, inverse = read_panel(path, LINEAR), read_panel(path, INVERSE)
    assert linear.provenance["conversions"]["volume"] == "volume_base: as given"
    np.testing.assert_allclose(inverse.values("volume"), table["volume_quote"], rtol=1e-15)
    np.testing.assert_allclose(
        inverse.values("open_interest"), table["open_interest_quote"], rtol=1e-15
    )


def test_flows_convert_at_the_bars_own_price(tmp_path, table):
    # The volume-weighted price is a little off the OHLC mean; it wins where both volumes are given.
    table["volume_quote"] *= 1.0007
    table["long_liq_quote"] = 5e5
    panel = read_panel(write_csv(table, tmp_path / "a.csv"), LINEAR)
    price = table["volume_quote"] / table["volume_base"]
    np.testing.assert_allclose(panel.values("long_liquidations"), 5e5 / price, rtol=1e-12)
    without = table.drop(columns="volume_base")
    panel = read_panel(write_csv(without, tmp_path / "b.csv"), LINEAR)
    mean = table[["open", "high", "low", "close"]].mean(axis=1)
    np.testing.assert_allclose(panel.values("long_liquidations"), 5e5 / mean, rtol=1e-12)
    np.testing.assert_allclose(panel.values("volume"), without["volume_quote"] / mean, rtol=1e-12)


def test_open_interest_converts_at_the_price_when_it_was_read(tmp_path, table):
    path = write_csv(table.drop(columns="open_interest_base"), tmp_path / "a.csv")
    panel = read_panel(path, LINEAR)
    np.testing.assert_allclose(
        panel.values("open_interest"), table["open_interest_base"], rtol=1e-12
    )
    panel = read_panel(path, LINEAR, open_interest_offset_seconds=-1800)
    price = np.sqrt(table["open"] * table["close"])
    np.testing.assert_allclose(
        panel.values("open_interest"), table["open_interest_quote"] / price, rtol=1e-12
    )
    assert panel.open_interest_offset_seconds == -1800


def test_contracts_convert_by_size(tmp_path, table):
    table = table.assign(volume_contracts=table["volume_quote"] / 100)
    path = write_csv(table.drop(columns=["volume_base", "volume_quote"]), tmp_path / "a.csv")
    panel = read_panel(path, INVERSE)
    np.testing.assert_allclose(panel.values("volume"), table["volume_quote"], rtol=1e-12)
    with pytest.raises(InputError, match="different contract sizes"):
        read_panel(path, "aggregate:BTC")


def test_mapping_overrides_and_marks_proxies(tmp_path, table):
    table = table.assign(
        proxy_volume_base_okx=2.0, mine=300.0, other=4.0, proxy_volume_base=5.0
    ).drop(columns=["volume_base", "volume_quote"])
    path = write_csv(table, tmp_path / "a.csv")

    def read(source):
        panel = read_panel(path, LINEAR, {"volume": source})
        assert panel.provenance["columns"] == {"volume": source}
        return panel.values("volume")[0], panel.provenance["proxy"]

    plain = read_panel(path, LINEAR)
    assert not plain.has("volume")
    assert "columns" not in plain.provenance
    assert read("proxy_volume_base_okx:base") == (2.0, {"volume": "okx"})
    assert read("proxy_volume_base_okx") == (2.0, {"volume": "okx"})
    assert read("proxy_volume_base:base") == (5.0, {"volume": "unknown"})
    assert read("mine") == (300.0, {})
    assert read("other:base:proxy=bybit") == (4.0, {"volume": "bybit"})
    value, _ = read("other:quote:proxy")
    assert value == pytest.approx(4.0 / table[["open", "high", "low", "close"]].iloc[0].mean())


@pytest.mark.parametrize(
    "columns, words",
    [
        ({"vol": "volume_base"}, "no panel column"),
        ({"volume": "volumes"}, "does not have"),
        ({"volume": "volume_base:coins"}, "'coins' is no unit"),
        ({"volume": ""}, "names no source"),
        ({"close": "close:quote"}, "takes no unit"),
        ({"volume": 3}, "as text"),
        ({"open_interest_linear": "volume_base"}, "no panel column"),
    ],
)
def test_bad_mappings(tmp_path, table, columns, words):
    path = write_csv(table, tmp_path / "a.csv")
    with pytest.raises(InputError, match=words):
        read_panel(path, LINEAR, columns)


def test_names_state_units_and_venues():
    assert unit_in_name("proxy_volume_base_binance") == "base"
    assert unit_in_name("oi_usd") == "quote"
    assert unit_in_name("database") is None
    assert foreign_venue("volume_base_binance", "okx") == "binance"
    assert foreign_venue("volume_base_binance", "binance") is None
    assert foreign_venue("aggregate_volume", "okx") is None


@pytest.mark.parametrize(
    "columns, words",
    [
        ({"open_interest": "open_interest_quote:base"}, "more than any contract"),
        ({"volume": "volume_quote:base"}, "times the open interest"),
        ({"open_interest": "open_interest_base:quote"}, None),
    ],
)
def test_wrong_units(tmp_path, table, columns, words):
    contract = LINEAR if words else INVERSE
    path = write_csv(table, tmp_path / "a.csv")
    if words:
        with pytest.raises(InputError, match=words):
            read_panel(path, contract, columns)
    else:
        # 80,000 USD of open interest against 30 million of volume an hour.
        with pytest.raises(InputError, match="not both in USD"):
            read_panel(path, contract, columns)


def test_inconsistent_pairs(tmp_path, table):
    path = write_csv(table.assign(volume_base=table["volume_base"] * 600), tmp_path / "a.csv")
    with pytest.raises(InputError, match="outside the bar's price range"):
        read_panel(path, LINEAR)
    wrong = table.assign(open_interest_base=table["open_interest_base"] * 100)
    with pytest.raises(InputError, match="times the close"):
        read_panel(write_csv(wrong, tmp_path / "b.csv"), LINEAR)
    volume = table["volume_quote"]
    wrong = table.drop(columns="volume_quote").assign(volume_base=volume / 1e7)
    with pytest.raises(InputError, match="times the typical volume"):
        read_panel(write_csv(wrong, tmp_path / "c.csv"), LINEAR)


def test_aggregate_legs_by_vendor_names(tmp_path, table):
    table = table.assign(oi_stable_margin_base=50_000.0, oi_coin_margin_quote=1e9)
    table["open_interest_quote"] = 50_000.0 * table["close"] + 1e9
    table["open_interest_base"] = table["open_interest_quote"] / table["close"]
    panel = read_panel(write_csv(table, tmp_path / "a.csv"), "aggregate:BTC")
    np.testing.assert_allclose(panel.values("open_interest"), table["open_interest_quote"])
    np.testing.assert_allclose(panel.values("volume"), table["volume_quote"])
    wrong = table.assign(oi_coin_margin_quote=1e9 / 60_000)
    with pytest.raises(InputError, match="sum of its legs"):
        read_panel(write_csv(wrong, tmp_path / "b.csv"), "aggregate:BTC")


def test_dropped_and_unused_columns_are_reported(tmp_path, table):
    table = table.assign(long_liq_quote=np.nan, long_short_ratio=1.0)
    panel = read_panel(write_csv(table, tmp_path / "a.csv"), LINEAR)
    assert panel.provenance["dropped"] == {
        "long_liquidations": "column 'long_liq_quote' is all NaN"
    }
    assert "long_short_ratio" in panel.provenance["unused_columns"]
    table["volume_base"] = np.nan
    panel = read_panel(write_csv(table, tmp_path / "b.csv"), LINEAR)
    assert panel.provenance["conversions"]["volume"].startswith("volume_quote: quote / price")


def test_contract_is_needed(tmp_path, table):
    path = write_csv(table, tmp_path / "a.csv")
    with pytest.raises(InputError, match="give contract="):
        read_panel(path)
    with pytest.raises(InputError, match="binance:BTCUSDT"):
        read_panel(path, "binance:NOSUCH")
