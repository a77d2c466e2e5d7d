import json

import numpy as np
import pandas as pd
import pytest

from liqbayes.errors import InputError
from liqbayes.panel import MarketPanel, inspect_panel
from liqbayes.panel.inspect import infer_contract
from tests.panel.markets import INVERSE, LINEAR, bars, raw, write_csv


def _found(report):
    return {finding.check: finding for finding in report.findings}


def _warned(report):
    return {finding.check for finding in report.findings if finding.level != "info"}


def _panel(frame, contract=LINEAR, **kwargs):
    return MarketPanel.from_frame(frame, contract, **kwargs)


def _stamped(n, *, share, seed=0):
    """Bars whose open interest is read at a share of the bar after bar open."""
    rng = np.random.default_rng(seed)
    steps = 60
    vol = np.exp(0.8 * rng.normal(size=n)).repeat(steps)
    path = 60_000 * np.exp(np.cumsum(0.0004 * vol * rng.normal(size=n * steps)))
    flow = 4.0 * vol * rng.normal(size=n * steps)
    held = 80_000 + np.cumsum(flow)
    blocks = path.reshape(n, steps)
    close = blocks[:, -1]
    opens = np.concatenate(([60_000.0], close[:-1]))
    read = np.arange(n) * steps + round(share * steps) - 1
    frame = pd.DataFrame(
        {
            "open": opens,
            "high": np.maximum(opens, blocks.max(axis=1)),
            "low": np.minimum(opens, blocks.min(axis=1)),
            "close": close,
            "volume": np.abs(flow).reshape(n, steps).sum(axis=1),
            "open_interest": held[read],
        },
        index=pd.date_range("2024-01-01", periods=n, freq="1h", name="timestamp"),
    )
    return frame, path[read]


def test_a_clean_panel_has_no_warnings():
    report = inspect_panel(_panel(_stamped(1000, share=1.0)[0]))
    assert _warned(report) == set()
    assert report.is_panel
    assert report.measures["usable_share"] == 1.0
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["n_bars"] == 1000


def test_gaps_and_usable_share():
    frame = bars(100)
    frame.loc[frame.index[20:23], ["open", "high", "low", "close"]] = np.nan
    frame.loc[frame.index[50:54], "open_interest"] = np.nan
    report = inspect_panel(_panel(frame))
    assert {"gaps", "open interest gaps"} <= _warned(report)
    assert report.measures["usable_share"] == 0.97
    assert report.measures["longest_segment_bars"] == 77
    assert report.measures["open_interest_longest_gap_bars"] == 4
    assert _found(report)["gaps"].rows[0] == "2024-06-01 20:00:00"


def test_stale_open_interest():
    frame = bars(100)
    frame.loc[frame.index[30:40], "open_interest"] = frame["open_interest"].iloc[30]
    assert _found(inspect_panel(_panel(frame)))["stale open interest"].n_rows == 9


def test_flow_above_volume_is_a_flag():
    frame = bars(200)
    frame.loc[frame.index[60:], "open_interest"] += 5_000
    report = inspect_panel(_panel(frame))
    finding = _found(report)["flow above volume"]
    assert (finding.level, finding.rows) == ("info", ("2024-06-03 12:00:00",))


def test_spikes_and_outliers_are_told_apart():
    frame = bars(300)
    frame.loc[frame.index[100], "open_interest"] *= 1.5
    frame.loc[frame.index[200:], "open_interest"] *= 0.7
    report = inspect_panel(_panel(frame))
    assert _found(report)["open interest spikes"].rows == ("2024-06-05 04:00:00",)
    assert "2024-06-09 08:00:00" in _found(report)["open interest outliers"].rows


@pytest.mark.parametrize(
    "contract, power, warned",
    [(LINEAR, 0, False), (LINEAR, 1, True), (INVERSE, 0, False), (INVERSE, -1, True)],
)
def test_open_interest_in_the_wrong_currency(contract, power, warned):
    frame, _ = _stamped(800, share=1.0)
    frame["open_interest"] *= (frame["close"] / 60_000) ** power
    report = inspect_panel(_panel(frame, contract))
    assert ("unit of open interest" in _warned(report)) == warned
    slope = report.measures["open_interest_slope_on_return"]
    assert slope["value"] == pytest.approx(power, abs=0.35)


@pytest.mark.parametrize("share", [1.0, 0.5, 1 / 60])
def test_stamp_of_open_interest_is_estimated_two_ways(tmp_path, share):
    frame, price = _stamped(1500, share=share)
    offset = (share - 1) * 3600
    measures = inspect_panel(_panel(frame)).measures
    estimate = measures["open_interest_offset_by_activity_seconds"]
    assert estimate["value"] == pytest.approx(offset, abs=600)
    table = frame.rename(
        columns={"volume": "volume_base", "open_interest": "open_interest_base"}
    ).assign(open_interest_quote=frame["open_interest"] * price)
    table.to_parquet(tmp_path / "a.parquet")
    report = inspect_panel(tmp_path / "a.parquet", LINEAR)
    if share < 1:
        estimate = report.measures["open_interest_offset_by_price_seconds"]
        assert estimate["value"] == pytest.approx(offset, abs=200)
    else:  # the ratio is the close itself: computed, so it says nothing
        assert report.measures["open_interest_offset_by_price_seconds"] is None
    table["open_interest_quote"] = frame["open_interest"] * np.sqrt(frame["open"] * frame["close"])
    table.to_parquet(tmp_path / "computed.parquet")
    computed = inspect_panel(tmp_path / "computed.parquet", LINEAR)
    assert computed.measures["open_interest_offset_by_price_seconds"] is None
    assert ("open interest stamp" in _warned(report)) == (share < 1)
    if share < 1:
        (remedy,) = [f.remedy for f in report.findings if f.check == "open interest stamp"]
        advised = -1800 if share == 0.5 else -3600
        assert f"read_panel(..., open_interest_offset_seconds={advised})" in remedy
    stated = _panel(frame).with_open_interest_offset(offset)
    assert "open interest stamp" not in _warned(inspect_panel(stated))


def test_turnover_and_volume():
    frame = bars(100)
    assert "turnover" in _warned(inspect_panel(_panel(frame.assign(volume=frame["volume"] * 1e4))))
    report = inspect_panel(_panel(frame.drop(columns="volume")))
    assert "volume" in _warned(report)


def test_funding():
    frame = bars(100)
    frame["funding_rate"] = np.nan
    frame.iloc[::8, -1] = 1e-4
    report = inspect_panel(_panel(frame))
    assert report.measures["funding_interval_hours"] == 8
    assert not {"funding interval", "funding size"} & _warned(report)
    frame.iloc[40, -1] = np.nan
    assert inspect_panel(_panel(frame)).measures["funding_missing"] == 1
    # Repeated on every row, and in per cent.
    report = inspect_panel(_panel(frame.assign(funding_rate=0.01)))
    assert {"funding interval", "funding size"} <= _warned(report)


def test_feed_coverage_zeros_throttling_and_break():
    n = 400
    rng = np.random.default_rng(3)
    frame = bars(n, freq="1D", start="2021-01-01")
    level = np.where(np.arange(n) < 180, 1600.0, 160.0) * rng.lognormal(0, 0.2, n)
    frame["volume"] *= 100
    frame["long_liquidations"] = level / 2
    frame["short_liquidations"] = level / 2
    frame.loc[frame.index[:10], "long_liquidations"] = np.nan
    frame.loc[frame.index[20:60], "short_liquidations"] = 0.0
    report = inspect_panel(_panel(frame))
    assert report.measures["long_liquidations_known_share"] == 0.975
    assert report.measures["short_liquidations_zero_share"] == 0.1
    assert report.measures["feed_max_orders_per_second"] == 1
    assert "lower bound" in _found(report)["feed throttling"].what
    day = pd.Timestamp(report.measures["feed_break"]["day"])
    assert abs(day - frame.index[180]) < pd.Timedelta(days=15)
    assert "feed break" in _warned(report)
    one = inspect_panel(_panel(frame.drop(columns="short_liquidations")))
    assert "liquidation feed" in _warned(one)


def test_positions_are_compared_with_open_interest():
    table = pd.DataFrame(
        {"time": ["2024-06-01 05:00"] * 2, "side": ["long", "short"], "size": [8_000.0, 90_000.0]}
    )
    report = inspect_panel(_panel(bars(), positions=table))
    assert report.measures["positions_long_share"] == pytest.approx(0.1, rel=0.05)
    assert "positions" in _warned(report)


def test_contract_is_inferred_from_the_file_name(tmp_path):
    assert infer_contract("okx_btcusdswap_1h.parquet").name == "okx:BTC-USD-SWAP"
    assert infer_contract("gate-BTC_USDT.csv").name == "gate:BTC_USDT"
    assert infer_contract("coinglass_agg_eth_1d.parquet").name == "aggregate:ETH"
    assert infer_contract("prices.csv") is None
    report = inspect_panel(write_csv(raw(), tmp_path / "binance_btcusdt.csv"))
    assert (report.contract, report.contract_inferred) == (LINEAR, True)
    report = inspect_panel(write_csv(raw(), tmp_path / "prices.csv"))
    assert (report.contract, report.kind) == (None, "panel")
    assert "contract" in _warned(report)
    MarketPanel.from_frame(bars(), INVERSE).to_parquet(tmp_path / "panel.parquet")
    report = inspect_panel(tmp_path / "panel.parquet")
    assert (report.contract, report.contract_inferred) == (INVERSE, False)


@pytest.mark.parametrize(
    "columns, kind",
    [
        ("timestamp,funding_rate", "funding history"),
        ("time,user,coin,szi,entry_px,cum_realized_pnl", "position events"),
        ("snapshot_utc,coin,size,entry_price,liquidation_price", "positions"),
        ("time,side,price,size", "trades"),
        ("timestamp,open_interest", "open interest history"),
        ("timestamp,rain", "table"),
    ],
)
def test_other_tables_are_named(tmp_path, columns, kind):
    path = tmp_path / "a.csv"
    cells = ["2024-01-01"] + ["1"] * columns.count(",")
    path.write_text(f"{columns}\n{','.join(cells)}\n")
    report = inspect_panel(path)
    assert report.kind == kind
    assert not report.is_panel
    assert report.findings[0].level == "error"
    assert str(report)


def test_unreadable_and_bad_panels_are_reported(tmp_path):
    path = tmp_path / "cipher.bin"
    path.write_bytes(b"Salted__" + bytes(64))
    assert "encrypted" in inspect_panel(path).description
    table = raw()
    table.iloc[4, 1] = 0.0
    report = inspect_panel(write_csv(table, tmp_path / "binance_btcusdt.csv"))
    assert not report.is_panel
    assert "row 4" in report.findings[0].what
    with pytest.raises(InputError, match="there is no file"):
        inspect_panel(tmp_path / "nothing")
    with pytest.raises(InputError, match="unknown contract"):
        inspect_panel(path, "binance:NOSUCH")
