"""Maps from files: what is read, and that only InputError leaves the reader."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liqbayes.contracts import load_contract
from liqbayes.errors import InputError
from liqbayes.judge import map_of_table, read_map, write_map
from liqbayes.judge.reader import in_quantity
from tests.judge.markets import known_market

GOOD = pd.DataFrame(
    {
        "time": ["2024-01-01T02:00:00", "2024-01-01T01:00:00", "2024-01-01T01:00:00"],
        "side": ["long", "SHORT ", "long"],
        "price": [95.0, 105.0, 96.0],
        "amount": [1.0, 0.0, 2.5],
    }
)


def test_rows_in_any_order_and_case(tmp_path: Path) -> None:
    path = tmp_path / "map.csv"
    GOOD.rename(columns={"side": " Side"}).to_csv(path, index=False)
    levels = read_map(path)
    assert [str(t)[:13] for t in levels.time] == ["2024-01-01T01", "2024-01-01T02"]
    assert levels.snapshot.tolist() == [1, 0, 0] and levels.side.tolist() == [0, 1, 0]
    assert levels.amount.tolist() == [1.0, 0.0, 2.5]
    np.testing.assert_array_equal(levels.low, levels.high)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_what_is_written_is_read(tmp_path: Path, suffix: str) -> None:
    _, levels = known_market(0, 60)
    path = tmp_path / f"map{suffix}"
    if suffix == ".csv":
        write_map(levels, path)
        with pytest.raises(InputError, match="exists"):
            write_map(levels, path)
        write_map(levels, path, force=True)
    elif suffix == ".parquet":
        levels.table().to_parquet(path)
    else:
        levels.table().to_csv(path, index=False)
    back = read_map(path)
    np.testing.assert_array_equal(back.time, levels.time)
    for name in ("low", "high", "amount"):
        np.testing.assert_allclose(getattr(back, name), getattr(levels, name), rtol=1e-9)
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"amount": [1.0, -2.0, 3.0]}, "amount is negative.*row 1"),
        ({"amount": [1.0, np.nan, 3.0]}, "amount is missing.*row 1"),
        ({"amount": [1.0, np.inf, 3.0]}, "amount is missing or not finite"),
        ({"amount": ["1", "many", "3"]}, "no number"),
        ({"amount": [1e300] * 3}, "more than any market"),
        ({"price": [95.0, 0.0, 96.0]}, "price is missing, not positive"),
        ({"price": [95.0, -5.0, 96.0]}, "price is missing, not positive"),
        ({"price": [95.0, np.nan, 96.0]}, "price is missing"),
        ({"side": ["long", "buy", "long"]}, "side is 'buy' at row 1"),
        ({"side": [None, "short", "long"]}, "side"),
        ({"time": ["yesterday"] * 3}, "stamp|time"),
        ({"time": ["2024-01-01T02:00:00", None, "2024-01-01T01:00:00"]}, "missing at row 1"),
        ({"time": ["1066-10-14T00:00:00"] * 3}, "range of dates|outside"),
        ({"price_low": [94.0] * 3}, "without the other limit"),
        ({"price_low": [97.0, 104.0, 95.0], "price_high": [95.0, 106.0, 97.0]}, "above price_high"),
        ({"price_low": [90.0, 104.0, 95.0], "price_high": [94.0, 106.0, 97.0]}, "lies outside"),
    ],
)
def test_what_is_refused_says_where_and_why(change: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        map_of_table(GOOD.assign(**change))


@pytest.mark.parametrize("name", ["time", "side", "price", "amount"])
def test_missing_column(name: str) -> None:
    with pytest.raises(InputError, match=name):
        map_of_table(GOOD.drop(columns=name))


def test_no_file_no_rows_no_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        read_map(tmp_path / "none.csv")
    path = tmp_path / "map.csv"
    path.write_bytes(b"")
    with pytest.raises(InputError, match="empty"):
        read_map(path)
    path.write_text("time,side,price,amount\n")
    with pytest.raises(InputError, match="no rows"):
        read_map(path)


CELL = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["long", "short", "2024-01-01", "1704067200", "1e309", "-1", "nan", "0", "1"]),
    st.floats(allow_nan=True).map(repr),
    st.integers(-(10**25), 10**25).map(str),
)
HEADER = st.lists(
    st.sampled_from(["time", "side", "price", "amount", "price_low", "price_high", "x", ""]),
    min_size=1,
    max_size=7,
)


@settings(max_examples=150)
@given(header=HEADER, rows=st.lists(st.lists(CELL, min_size=1, max_size=7), max_size=6))
def test_hostile_tables(tmp_path_factory: pytest.TempPathFactory, header: list, rows: list) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "map.csv"
    text = "\n".join(",".join(cells) for cells in [header, *rows])
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    _read_or_refuse(path)


@settings(max_examples=150)
@given(data=st.binary(max_size=400), whole=st.booleans())
def test_hostile_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes, whole: bool) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "map.csv"
    path.write_bytes(data if whole else GOOD.to_csv(index=False).encode() + data)
    _read_or_refuse(path)


@settings(max_examples=150)
@given(
    time=st.lists(st.one_of(st.none(), st.datetimes(), st.integers(), st.floats()), max_size=4),
    price=st.lists(st.one_of(st.none(), st.floats(), st.booleans(), st.binary()), max_size=4),
)
def test_hostile_objects(time: list, price: list) -> None:
    n = min(len(time), len(price))
    columns = {"time": time[:n], "price": price[:n], "amount": price[:n], "side": ["long"] * n}
    table = pd.DataFrame({name: pd.Series(v, dtype=object) for name, v in columns.items()})
    try:
        map_of_table(table)
    except InputError as error:
        assert len(str(error)) > 10


def _read_or_refuse(path: Path) -> None:
    try:
        levels = read_map(path)
    except InputError as error:
        assert len(str(error)) > 10
        return
    assert (levels.amount >= 0).all() and (levels.low > 0).all()
    assert np.isfinite(levels.totals()).all()


def test_units() -> None:
    levels = map_of_table(GOOD)
    linear, inverse = load_contract("binance:BTCUSDT"), load_contract("binance:BTCUSD_PERP")
    assert in_quantity(levels, "relative", linear) is levels
    np.testing.assert_allclose(
        in_quantity(levels, "quote", linear).amount, levels.amount / levels.price
    )
    np.testing.assert_allclose(in_quantity(levels, "quote", inverse).amount, levels.amount)
    with pytest.raises(InputError, match=r"lots.*relative, quantity, quote"):
        in_quantity(levels, "lots", linear)
