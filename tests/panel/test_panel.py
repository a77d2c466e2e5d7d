import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from liqbayes.contracts import load_contract
from liqbayes.errors import InputError
from liqbayes.panel import MarketPanel, read_panel
from tests.panel.markets import INVERSE, LINEAR, bars


def test_units_stamps_and_order():
    panel = MarketPanel.from_frame(bars().tz_localize("UTC"), LINEAR)
    assert panel.bar_seconds == 3600
    assert panel.n_bars == 48
    assert panel.time.dtype == "datetime64[ns]"
    assert panel.time[0] == np.datetime64("2024-06-01")
    assert panel.data["volume"].attrs["units"] == "BTC"
    assert panel.data["close"].attrs["units"] == "USDT/BTC"
    assert MarketPanel.from_frame(bars(), INVERSE).data["volume"].attrs["units"] == "USD"


def test_nothing_can_be_changed():
    frame = bars()
    panel = MarketPanel.from_frame(frame, LINEAR)
    before = panel.content_hash
    frame.iloc[:] = 1.0
    for array in (panel.values("close"), panel.data["close"].values, panel.time):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[1]
    with pytest.raises(dataclasses.FrozenInstanceError):
        panel.bar_seconds = 60
    panel.data["close"] = panel.data["close"] * 0
    panel.provenance["proxy"]["volume"] = "x"
    copied = panel.to_frame()
    copied["close"] = 0.0
    again = MarketPanel.from_frame(panel.to_frame(), LINEAR)
    assert again.content_hash == before
    assert panel.values("close")[5] == pytest.approx(bars()["close"].iloc[5])


def test_missing_bars_become_unknown_rows():
    panel = MarketPanel.from_frame(bars().drop(bars().index[[5, 6]]), LINEAR)
    assert panel.n_bars == 48
    assert np.flatnonzero(np.isnan(panel.values("close"))).tolist() == [5, 6]
    assert panel.provenance["missing_bars"] == 2


def test_optional_empty_columns_are_dropped_and_reported():
    frame = bars().assign(long_liquidations=np.nan)
    panel = MarketPanel.from_frame(frame, LINEAR)
    assert not panel.has("long_liquidations")
    assert panel.provenance["dropped"] == {"long_liquidations": "all NaN"}
    with pytest.raises(InputError, match="dropped: all NaN"):
        panel.values("long_liquidations")


def test_required_empty_or_missing_columns_are_errors():
    with pytest.raises(InputError, match="'low' is all NaN"):
        MarketPanel.from_frame(bars().assign(low=np.nan), LINEAR)
    with pytest.raises(InputError, match="low"):
        MarketPanel.from_frame(bars().drop(columns="low"), LINEAR)
    with pytest.raises(InputError, match="unknown column"):
        MarketPanel.from_frame(bars().assign(oi=1.0), LINEAR)
    with pytest.raises(InputError, match="DatetimeIndex"):
        MarketPanel.from_frame(bars().reset_index(drop=True), LINEAR)
    with pytest.raises(InputError, match="open_interest_linear"):
        MarketPanel.from_frame(bars().assign(open_interest_linear=1.0), LINEAR)


@pytest.mark.parametrize(
    "column, value, words",
    [
        ("high", 1.0, "high is below low"),
        ("close", 1e9, "close is above high"),
        ("open", 1.0, "open is below low"),
        ("close", 0.0, "close is not positive"),
        ("open_interest", 0.0, "zero or negative"),
        ("open_interest", -1.0, "zero or negative"),
        ("volume", -1.0, "volume is negative"),
        ("volume", np.inf, "volume is infinite"),
        ("taker_buy_volume", 1e6, "exceeds volume"),
        ("funding_rate", 1.0, "fraction"),
        ("leverage_ratio", 0.0, "not positive"),
        ("short_liquidations", -2.0, "negative"),
        ("mark_high", 0.0, "mark_high is not positive"),
    ],
)
def test_impossible_values_are_named(column, value, words):
    frame = bars()
    if column not in frame:
        frame[column] = 100.0 if column != "funding_rate" else 1e-4
    frame.loc[frame.index[9], column] = value
    with pytest.raises(InputError, match=words) as caught:
        MarketPanel.from_frame(frame, LINEAR)
    assert "row 9 (2024-06-01 09:00:00)" in str(caught.value)


def test_hash_sees_data_and_not_the_file_name():
    first = MarketPanel.from_frame(bars(), LINEAR, provenance={"source": "a"})
    same = MarketPanel.from_frame(bars(), LINEAR, provenance={"source": "b"})
    assert first.content_hash == same.content_hash
    frame = bars()
    frame.iloc[3, 3] += 1e-6
    others = [
        MarketPanel.from_frame(frame, LINEAR),
        MarketPanel.from_frame(bars(), "binance:ETHUSDT"),
        MarketPanel.from_frame(bars(), LINEAR, provenance={"proxy": {"volume": "okx"}}),
        first.with_open_interest_offset(-1800),
        first.without("volume"),
        first.slice("2024-06-01 01:00"),
    ]
    assert len({first.content_hash, *(panel.content_hash for panel in others)}) == 7


def test_slice_and_without():
    panel = MarketPanel.from_frame(bars(), LINEAR)
    part = panel.slice("2024-06-01 10:00", "2024-06-01 20:00")
    assert part.n_bars == 10
    assert part.time[0] == np.datetime64("2024-06-01T10")
    with pytest.raises(InputError, match="at least 3"):
        panel.slice("2024-06-01 10:00", "2024-06-01 12:00")
    assert panel.without("volume").provenance["dropped"] == {"volume": "left out by the user"}
    with pytest.raises(InputError, match="required"):
        panel.without("close")
    with pytest.raises(InputError, match="no column 'funding_rate'"):
        panel.without("funding_rate")


def test_parquet_round_trip(tmp_path):
    positions = pd.DataFrame(
        {
            "time": pd.to_datetime(["2024-06-01 03:00", "2024-06-01 03:00"]),
            "side": ["long", "short"],
            "size": [1.5, 2.5],
            "entry_price": [60_000.0, np.nan],
            "liquidation_price": [np.nan, 1 / 3],
            "margin_mode": ["cross", None],
        }
    )
    frame = bars().drop(bars().index[4]).assign(funding_rate=np.nan)
    frame.loc[frame.index[8], "funding_rate"] = 1e-4
    panel = MarketPanel.from_frame(
        frame,
        LINEAR,
        provenance={"source": "made up", "proxy": {"volume": "okx"}},
        positions=positions,
    ).with_open_interest_offset(-60)
    path = tmp_path / "panel.parquet"
    panel.to_parquet(path)
    back = read_panel(path)
    assert back.contract == panel.contract
    assert back.content_hash == panel.content_hash
    assert back.provenance == panel.provenance
    assert back.data.identical(panel.data)
    pd.testing.assert_frame_equal(back.positions, panel.positions)
    assert read_panel(path, LINEAR, since="2024-06-01 06:00").n_bars == 42
    assert not list(tmp_path.glob("*.part"))
    with pytest.raises(InputError, match="not of okx"):
        read_panel(path, "okx:BTC-USDT-SWAP")
    with pytest.raises(InputError, match="leave columns out"):
        read_panel(path, columns={"volume": "volume"})


def test_netcdf_and_meta_round_trip(tmp_path):
    panel = MarketPanel.from_frame(bars(), LINEAR)
    path = tmp_path / "panel.nc"
    panel.data.to_netcdf(path, engine="h5netcdf")
    with xr.open_dataset(path, engine="h5netcdf") as stored:
        data = stored.load()
    meta = json.loads(json.dumps(panel.meta()))
    back = MarketPanel.from_dataset(data, load_contract(LINEAR), meta)
    assert back.content_hash == panel.content_hash


def test_aggregate_total_follows_from_the_legs():
    frame = bars().drop(columns="open_interest").assign(volume=4e9)
    frame["open_interest_linear"] = 50_000.0
    frame["open_interest_inverse"] = 1e9
    panel = MarketPanel.from_frame(frame, "aggregate:BTC")
    expected = 50_000.0 * frame["close"] + 1e9
    np.testing.assert_allclose(panel.values("open_interest"), expected, rtol=1e-15)
    assert panel.data["open_interest"].attrs["units"] == "USD"
    assert panel.data["open_interest_linear"].attrs["units"] == "BTC"
    with pytest.raises(InputError, match="is not open_interest_linear"):
        MarketPanel.from_frame(frame.assign(open_interest=expected * 1.1), "aggregate:BTC")
    with pytest.raises(InputError, match="without the other leg"):
        MarketPanel.from_frame(frame.drop(columns="open_interest_inverse"), "aggregate:BTC")


def test_provenance_must_be_plain():
    with pytest.raises(InputError, match="plain JSON"):
        MarketPanel.from_frame(bars(), LINEAR, provenance={"x": np.nan})
    with pytest.raises(InputError, match="relative to bar close"):
        MarketPanel.from_frame(bars(), LINEAR, provenance={"open_interest_offset_seconds": "early"})


@pytest.mark.parametrize(
    "change, words",
    [
        ({"side": ["long", "buy"]}, "'buy' at row 1"),
        ({"size": [1.0, 0.0]}, "size must be positive"),
        ({"size": [1.0, np.nan]}, "row 1"),
        ({"entry_price": [-1.0, 1.0]}, "entry_price"),
        ({"margin_mode": ["cross", "both"]}, "'both'"),
        ({"account": [1, 2]}, "account"),
        ({"time": ["2024-06-01", "soon"]}, "row 1"),
    ],
)
def test_positions_are_validated(change, words):
    table = pd.DataFrame(
        {"time": ["2024-06-01", "2024-06-02"], "side": ["long", "short"], "size": [1.0, 2.0]}
    )
    good = MarketPanel.from_frame(bars(), LINEAR, positions=table).positions
    assert good["margin_mode"].tolist() == ["unknown", "unknown"]
    assert good["liquidation_price"].isna().all()
    with pytest.raises(InputError, match=words):
        MarketPanel.from_frame(bars(), LINEAR, positions=table.assign(**change))
