"""Every quirk of Binance's public archive, in files made in its documented format."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from liqbayes.errors import InputError
from liqbayes.panel import inspect_panel, read_binance_archives, read_panel
from liqbayes.panel.archive_files import (
    FUNDING_NAMES,
    KLINE_NAMES,
    LIQUIDATION_NAMES,
    METRICS_NAMES,
)
from tests.panel.markets import INVERSE, LINEAR, bars, zip_csv

DAY = "2024-06-01"


def minutes(n=24 * 12, start=DAY, seed=1):
    """Five-minute bars of one day."""
    return bars(n, freq="5min", start=start, seed=seed)


def kline_rows(table, *, unit=10**6, coin_margined=False):
    """Rows in the archive's column order; COIN-M: volume in contracts, quote_volume in coins."""
    stamps = table.index.as_unit("ns").asi8
    price = table[["open", "high", "low", "close"]].mean(axis=1)
    contracts = (table["volume"] * price / 100).round()
    volume = contracts if coin_margined else table["volume"]
    other = contracts * 100 / price if coin_margined else table["volume"] * price
    step = stamps[1] - stamps[0]
    return pd.DataFrame(
        {
            "open_time": stamps // unit,
            **{name: table[name] for name in ("open", "high", "low", "close")},
            "volume": volume,
            "close_time": (stamps + step) // unit - 1,
            "quote_volume": other,
            "count": 10,
            "taker_buy_volume": volume / 2,
            "taker_buy_quote_volume": other / 2,
            "ignore": 0,
        }
    )[KLINE_NAMES]


def put_klines(folder, table, *, symbol="BTCUSDT", header=True, date=DAY, kind="klines", **kwargs):
    text = kline_rows(table, **kwargs).to_csv(index=False, header=header)
    return zip_csv(folder / kind, f"{symbol}-5m-{date}", text)


def metric_rows(stamps, values, *, symbol="BTCUSDT", price=60_000.0):
    table = pd.DataFrame(
        {
            "create_time": [stamp.strftime("%Y-%m-%d %H:%M:%S") for stamp in stamps],
            "symbol": symbol,
            "sum_open_interest": values,
            "sum_open_interest_value": np.asarray(values) * price,
        }
    )
    return table.reindex(columns=METRICS_NAMES, fill_value=1.0)


def put_metrics(folder, rows, *, symbol="BTCUSDT", date=DAY, header=True):
    text = rows.to_csv(index=False, header=header)
    return zip_csv(folder / "metrics", f"{symbol}-metrics-{date}", text)


def snapshots(start=DAY, n=288):
    return pd.date_range(start, periods=n, freq="5min")


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("unit", [10**6, 10**3])
def test_klines_header_or_none_ms_or_us(tmp_path, header, unit):
    table = minutes()
    put_klines(tmp_path, table, header=header, unit=unit)
    panel = read_binance_archives(tmp_path, LINEAR)
    assert panel.bar_seconds == 300
    np.testing.assert_allclose(panel.values("close"), table["close"], rtol=1e-14)
    np.testing.assert_allclose(panel.values("volume"), table["volume"], rtol=1e-14)
    np.testing.assert_allclose(panel.values("taker_buy_volume"), table["volume"] / 2, rtol=1e-14)
    assert panel.time[0] == np.datetime64(DAY)


def test_klines_of_two_files_unsorted_doubled_and_in_different_units(tmp_path):
    table = minutes(576)
    first, second = table.iloc[:300], table.iloc[288:]
    put_klines(tmp_path, first.iloc[::-1], date="2024-06-01")
    put_klines(tmp_path, second, date="2024-06-02", header=False, unit=10**3)
    panel = read_binance_archives(tmp_path, LINEAR)
    np.testing.assert_allclose(panel.values("close"), table["close"], rtol=1e-14)
    assert "12 repeated klines dropped" in panel.provenance["notes"]


def test_conflicting_klines_are_an_error(tmp_path):
    put_klines(tmp_path, minutes(), date="2024-06-01")
    put_klines(tmp_path, minutes(seed=2), date="2024-06-02")
    with pytest.raises(InputError, match=r"two different klines.*2024-06-01 00:00:00"):
        read_binance_archives(tmp_path, LINEAR)


def test_aggregation_to_bars(tmp_path):
    table = minutes()
    put_klines(tmp_path, table)
    panel = read_binance_archives(tmp_path, LINEAR, "1h")
    assert panel.n_bars == 24
    blocks = [table.iloc[12 * i : 12 * i + 12] for i in range(24)]
    np.testing.assert_allclose(panel.values("open"), [b["open"].iloc[0] for b in blocks])
    np.testing.assert_allclose(panel.values("high"), [b["high"].max() for b in blocks])
    np.testing.assert_allclose(panel.values("low"), [b["low"].min() for b in blocks])
    np.testing.assert_allclose(panel.values("close"), [b["close"].iloc[-1] for b in blocks])
    np.testing.assert_allclose(panel.values("volume"), [b["volume"].sum() for b in blocks])
    with pytest.raises(InputError, match="no multiple"):
        read_binance_archives(tmp_path, LINEAR, "7m")


def test_missing_klines_are_unknown_and_unfinished_bars_dropped(tmp_path):
    table = minutes().drop(minutes().index[[40, 287]])
    put_klines(tmp_path, table)
    panel = read_binance_archives(tmp_path, LINEAR, "1h")
    assert panel.n_bars == 23
    assert np.flatnonzero(np.isnan(panel.values("volume"))).tolist() == [3]
    notes = panel.provenance["notes"]
    assert "1 unfinished bars at the ends dropped" in notes
    assert "1 bars with missing klines taken as unknown" in notes


def test_coin_margined_units(tmp_path):
    table = minutes()
    put_klines(tmp_path, table, symbol="BTCUSD_PERP", coin_margined=True)
    contracts = 7_000_000.0
    rows = metric_rows(snapshots(), np.full(288, contracts), symbol="BTCUSD_PERP")
    rows["sum_open_interest_value"] = contracts * 100 / 60_000  # in coins
    put_metrics(tmp_path, rows, symbol="BTCUSD_PERP")
    panel = read_binance_archives(tmp_path, INVERSE)
    expected = kline_rows(table, coin_margined=True)["volume"] * 100
    np.testing.assert_allclose(panel.values("volume"), expected, rtol=1e-14)
    assert np.nanmax(np.abs(panel.values("open_interest") - contracts * 100)) == 0
    assert panel.data["volume"].attrs["units"] == "USD"


def test_files_of_the_other_market_are_told_by_their_units(tmp_path):
    put_klines(tmp_path, minutes(), symbol="BTCUSDT", coin_margined=True)
    with pytest.raises(InputError, match="imply a price"):
        read_binance_archives(tmp_path, LINEAR)


def test_metrics_before_the_switch_hold_the_snapshot_of_their_stamp(tmp_path):
    start = "2024-03-02"
    put_klines(tmp_path, minutes(start=start), date=start)
    values = 80_000 + np.arange(288.0)
    put_metrics(tmp_path, metric_rows(snapshots(start), values), date=start)
    panel = read_binance_archives(tmp_path, LINEAR)
    # The bar from 00:00 closes at 00:05, which is row 1.
    np.testing.assert_allclose(panel.values("open_interest")[:-1], values[1:])
    assert np.isnan(panel.values("open_interest")[-1])


def test_metrics_after_the_switch_hold_the_snapshot_five_minutes_later(tmp_path):
    start = "2024-03-05"
    put_klines(tmp_path, minutes(start=start), date=start)
    values = 80_000 + np.arange(288.0)
    put_metrics(tmp_path, metric_rows(snapshots(start), values), date=start)
    panel = read_binance_archives(tmp_path, LINEAR)
    # The bar from 00:00 closes at 00:05, which is row 0.
    np.testing.assert_allclose(panel.values("open_interest"), values)
    assert any("2024-03-04" in note for note in panel.provenance["notes"])


def test_metrics_across_the_switch(tmp_path):
    start = "2024-03-03 12:00"
    put_klines(tmp_path, minutes(start=start), date="2024-03-03")
    stamps = snapshots(start)
    put_metrics(tmp_path, metric_rows(stamps, 80_000 + np.arange(288.0)), date="2024-03-03")
    panel = read_binance_archives(tmp_path, LINEAR)
    values = panel.values("open_interest") - 80_000
    switch = 144  # the bar from 2024-03-04 00:00
    # Nothing was recorded at midnight itself: the old rows end at 23:55, the new begin at 00:05.
    assert np.isnan(values[switch - 1])
    assert values[switch - 2] == 143
    assert values[switch] == 144
    hourly = read_binance_archives(tmp_path, LINEAR, "1h").values("open_interest") - 80_000
    assert hourly[11] == 143  # five minutes old, still the last before the close
    assert hourly[12] == 155


def test_metrics_unsorted_doubled_late_seconds_zeros_and_foreign_rows(tmp_path):
    put_klines(tmp_path, minutes())
    values = 80_000 + np.arange(288.0)
    stamps = snapshots() + pd.to_timedelta(np.arange(288) % 2, unit="s")
    rows = metric_rows(stamps, values)
    doubled = rows.iloc[10:40].assign(
        sum_open_interest=lambda r: np.where(np.arange(30) < 5, 0.0, r["sum_open_interest"])
    )
    other = metric_rows(snapshots(), np.full(288, 5.0), symbol="BTCUSDT_240628")
    rows.loc[100, "sum_open_interest"] = 0.0
    mixed = pd.concat([rows, doubled, other]).sample(frac=1.0, random_state=0)
    put_metrics(tmp_path, mixed)
    panel = read_binance_archives(tmp_path, LINEAR)
    expected = values.copy()
    expected[100] = np.nan
    np.testing.assert_allclose(panel.values("open_interest"), expected)
    notes = " | ".join(panel.provenance["notes"])
    for words in ("288 metrics rows of other symbols", "30 repeated", "1 metrics rows with zero"):
        assert words in notes


def test_metrics_gap_stays_unknown(tmp_path):
    put_klines(tmp_path, minutes())
    rows = metric_rows(snapshots(), 80_000 + np.arange(288.0)).drop(index=range(60, 120))
    put_metrics(tmp_path, rows)
    panel = read_binance_archives(tmp_path, LINEAR)
    assert np.flatnonzero(np.isnan(panel.values("open_interest"))).tolist() == list(range(60, 120))


def test_metrics_flicker_and_ramp_are_taken_out_and_a_real_drop_is_kept(tmp_path):
    put_klines(tmp_path, minutes())
    values = 80_000 + 10.0 * np.arange(288)
    values[200:] *= 0.7  # a liquidation cascade: it stays down
    clean = values.copy()
    values[[50, 53]] *= 0.55  # partial sums between full ones
    values[110:114] *= [0.3, 0.5, 0.7, 0.9]  # partial sums after an outage
    rows = metric_rows(snapshots(), values).drop(index=range(100, 110))
    put_metrics(tmp_path, rows)
    panel = read_binance_archives(tmp_path, LINEAR)
    expected = clean.copy()
    expected[[50, 53, *range(100, 114)]] = np.nan
    np.testing.assert_allclose(panel.values("open_interest"), expected)
    notes = " | ".join(panel.provenance["notes"])
    assert "2 metrics rows flickering" in notes
    assert "4 metrics rows in the ramp" in notes


def test_metrics_of_another_symbol_or_market(tmp_path):
    put_klines(tmp_path, minutes())
    put_metrics(tmp_path, metric_rows(snapshots(), np.full(288, 9.0), symbol="ETHUSDT"))
    with pytest.raises(InputError, match="of ETHUSDT, not of BTCUSDT"):
        read_binance_archives(tmp_path, LINEAR)
    put_metrics(tmp_path, metric_rows(snapshots(), np.full(288, 9e4), price=3_000.0))
    with pytest.raises(InputError, match="metrics imply a price"):
        read_binance_archives(tmp_path, LINEAR)


def test_funding_jitter_header_and_changing_interval(tmp_path):
    put_klines(tmp_path, minutes())
    hours = [0, 8, 12, 16, 17]
    times = [pd.Timestamp(DAY).value // 10**6 + 3_600_000 * h + 3 for h in hours]
    rates = [1e-4, 2e-4, 3e-4, 4e-4, 5e-4]
    table = pd.DataFrame(
        {"calc_time": times, "funding_interval_hours": [8, 8, 4, 4, 1], "last_funding_rate": rates}
    )[FUNDING_NAMES]
    for header in (True, False):
        text = pd.concat([table, table.iloc[:2]]).to_csv(index=False, header=header)
        zip_csv(tmp_path / "fundingRate", "BTCUSDT-fundingRate-2024-06", text)
        panel = read_binance_archives(tmp_path, LINEAR, "1h")
        known = np.flatnonzero(np.isfinite(panel.values("funding_rate")))
        assert known.tolist() == hours
        np.testing.assert_allclose(panel.values("funding_rate")[known], rates)
    four = read_binance_archives(tmp_path, LINEAR, "4h").values("funding_rate")
    np.testing.assert_allclose(four, [1e-4, np.nan, 2e-4, 3e-4, 9e-4, np.nan])


def liquidation_rows(coin_margined=False):
    at = pd.Timestamp(DAY).value // 10**6 + 3_600_000 * 2
    columns = LIQUIDATION_NAMES
    rows = [
        # a long liquidated in three fills, each snapshot repeated; only the last is FILLED
        [at, "SELL", "LIMIT", "IOC", 10, 59_000, 59_100, "PARTIALLY_FILLED", 4, 4],
        [at + 5, "SELL", "LIMIT", "IOC", 10, 59_000, 59_100, "FILLED", 3, 10],
        [at + 5, "SELL", "LIMIT", "IOC", 10, 59_000, 59_100, "FILLED", 6, 10],
        # a short
        [at + 60_000, "BUY", "LIMIT", "IOC", 7, 61_000, 60_900, "FILLED", 7, 7],
    ]
    table = pd.DataFrame(rows, columns=columns)
    return pd.concat([table, table], ignore_index=True)


@pytest.mark.parametrize("header", [True, False])
def test_liquidations_doubled_rows_partial_fills_and_sides(tmp_path, header):
    put_klines(tmp_path, minutes())
    text = liquidation_rows().to_csv(index=False, header=header)
    zip_csv(tmp_path / "liquidationSnapshot", f"BTCUSDT-liquidationSnapshot-{DAY}", text)
    panel = read_binance_archives(tmp_path, LINEAR, "1h")
    longs, shorts = panel.values("long_liquidations"), panel.values("short_liquidations")
    assert longs[2] == 10
    assert shorts[2] == 7
    assert longs.sum() == 10  # the other hours of a covered day are zero, not unknown
    assert shorts.sum() == 7


def test_liquidation_days_without_a_file_are_unknown(tmp_path):
    put_klines(tmp_path, minutes(576))
    text = liquidation_rows().to_csv(index=False)
    zip_csv(tmp_path / "liquidationSnapshot", f"BTCUSDT-liquidationSnapshot-{DAY}", text)
    panel = read_binance_archives(tmp_path, LINEAR, "1h")
    assert np.isfinite(panel.values("long_liquidations")).tolist() == [True] * 24 + [False] * 24


def test_coin_margined_liquidations_are_in_usd(tmp_path):
    put_klines(tmp_path, minutes(), symbol="BTCUSD_PERP", coin_margined=True)
    text = liquidation_rows().to_csv(index=False)
    zip_csv(tmp_path / "liq", f"BTCUSD_PERP-liquidationSnapshot-{DAY}", text)
    panel = read_binance_archives(tmp_path, INVERSE, "1h")
    assert panel.values("long_liquidations")[2] == 1000


def test_stream_captures_with_their_own_column_names(tmp_path):
    put_klines(tmp_path, minutes())
    table = liquidation_rows().rename(
        columns={
            "time": "order_trade_time",
            "last_fill_quantity": "order_last_filled_quantity",
            "accumulated_fill_quantity": "order_filled_accumulated_quantity",
        }
    )
    table.insert(0, "symbol", "BTCUSDT")
    table.assign(usd_size=1.0).to_csv(tmp_path / "capture.csv", index=False)
    panel = read_binance_archives(tmp_path, LINEAR, "1h")
    assert panel.values("long_liquidations")[2] == 10


def test_mark_klines_by_folder(tmp_path):
    table = minutes()
    put_klines(tmp_path, table)
    put_klines(tmp_path, table.assign(volume=0.0), kind="markPriceKlines")
    put_klines(tmp_path, table * 3, kind="premiumIndexKlines")
    panel = read_binance_archives(tmp_path, LINEAR, "1h")
    np.testing.assert_allclose(panel.values("mark_high"), panel.values("high"))
    assert panel.provenance["ignored_files"] == [f"BTCUSDT-5m-{DAY}.zip"]
    lone = tmp_path / "lone"
    put_klines(lone, table.assign(volume=0.0))
    with pytest.raises(InputError, match="markPriceKlines"):
        read_binance_archives(lone, LINEAR)


def test_checksums_truncation_and_foreign_files(tmp_path):
    path = put_klines(tmp_path, minutes())
    beside = path.with_name(path.name + ".CHECKSUM")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    beside.write_text(f"{digest}  {path.name}\n")
    assert read_binance_archives(path, LINEAR).n_bars == 288
    beside.write_text(f"{'0' * 64}  {path.name}\n")
    with pytest.raises(InputError, match="checksum"):
        read_binance_archives(path, LINEAR)
    beside.unlink()
    with pytest.raises(InputError, match="is of BTCUSDT, the contract is ETHUSDT"):
        read_binance_archives(path, "binance:ETHUSDT")
    with pytest.raises(InputError, match="Binance contract"):
        read_binance_archives(path, "okx:BTC-USDT-SWAP")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="truncated"):
        read_binance_archives(path, LINEAR)
    with pytest.raises(InputError, match="truncated"):
        read_panel(path, LINEAR)


def test_folders_without_klines(tmp_path):
    with pytest.raises(InputError, match="found in"):
        read_binance_archives(tmp_path, LINEAR)
    put_metrics(tmp_path, metric_rows(snapshots(), np.full(288, 9.0)))
    with pytest.raises(InputError, match="no klines"):
        read_binance_archives(tmp_path, LINEAR)
    zip_csv(tmp_path, f"BTCUSDT-aggTrades-{DAY}", "a,b\n1,2\n")
    with pytest.raises(InputError, match="cannot use"):
        read_binance_archives(tmp_path / f"BTCUSDT-aggTrades-{DAY}.zip", LINEAR)


def test_read_panel_and_inspect_take_archives(tmp_path):
    path = put_klines(tmp_path, minutes())
    whole = read_panel(tmp_path, LINEAR)
    assert whole.content_hash == read_panel(path, LINEAR).content_hash
    assert read_panel(path, LINEAR, since=f"{DAY} 12:00").n_bars == 144
    with pytest.raises(InputError, match="leave columns out"):
        read_panel(path, LINEAR, {"volume": "volume"})
    assert inspect_panel(tmp_path).kind == "binance archive"
    assert inspect_panel(tmp_path, LINEAR).kind == "panel"
    plain = tmp_path / "renamed.csv"
    plain.write_text(kline_rows(minutes()).to_csv(index=False, header=False))
    assert read_panel(plain, LINEAR).content_hash == whole.content_hash
