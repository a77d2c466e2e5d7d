"""Bad files and fuzzed tables: an InputError with a remedy, or a valid panel, nothing else."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liqbayes.contracts import load_contract
from liqbayes.errors import InputError
from liqbayes.panel import MarketPanel, inspect_panel, read_panel
from liqbayes.panel.read import panel_from_table
from tests.panel.markets import LINEAR, bars, raw, write_csv


def _bad(tmp_path, change, words):
    table = raw()
    table = change(table)
    with pytest.raises(InputError, match=words) as caught:
        read_panel(write_csv(table, tmp_path / "a.csv"), LINEAR)
    return str(caught.value)


def _with(column, row, value):
    def change(table):
        table = table.astype({column: object})
        table.loc[table.index[row], column] = value
        return table

    return change


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda t: pd.concat([t.iloc[:5], t.iloc[4:]]), "duplicate stamps at row 4"),
        (lambda t: t.iloc[::-1], "unsorted stamps"),
        (lambda t: t.drop(columns="high"), "no column high"),
        (lambda t: t.iloc[:2], "at least 3"),
        (lambda t: t.iloc[:0], "bar"),
        (_with("high", 3, 1.0), r"high is below low at row 3 \(2024-06-01 03:00:00\)"),
        (_with("close", 3, -5.0), "close is not positive at row 3"),
        (_with("close", 3, "n/a?"), "'n/a[?]', which is no number, at row 3"),
        (_with("volume_base", 2, "1,000"), "which is no number, at row 2"),
        (_with("close", 3, "inf"), "close is infinite at row 3"),
        (_with("open_interest_base", 7, 0.0), "leave these cells empty"),
        (_with("open_interest_base", 7, -3.0), "row 7"),
        (lambda t: t.assign(open_interest_base=0.0), "row 0 .* and 44 more"),
        (lambda t: t.assign(close=np.nan), "close are all NaN|'close' is all NaN|all NaN"),
    ],
)
def test_bad_tables_name_rows_and_remedy(tmp_path, change, words):
    _bad(tmp_path, change, words)


def test_bad_files(tmp_path):
    path = tmp_path / "a"
    with pytest.raises(InputError, match="there is no file"):
        read_panel(path, LINEAR)
    good = tmp_path / "good.parquet"
    raw().to_parquet(good)
    content = good.read_bytes()
    for data, words in (
        (b"", "an empty file"),
        (b"\n\n", "empty"),
        (b"Salted__" + bytes(range(200)), "encrypted"),
        (bytes(range(256)), "binary"),
        (content[: len(content) // 2], r"truncated parquet file: .*[^.]\. Write or download"),
        (b"PK\x03\x04 no zip", "damaged, truncated"),
        (b"\x1f\x8b\x08 no gzip", "damaged gzip"),
        (b"a,b\n1,2,3\n", "cannot be parsed"),
        (b"a,a\n1,2\n", "occur twice"),
        (b"SQLite format 3\0", "SQLite"),
        ("time,open\n2024,ä".encode("latin-1"), "binary|UTF-8"),
    ):
        path.write_bytes(data)
        with pytest.raises(InputError, match=words):
            read_panel(path, LINEAR)
        assert inspect_panel(path).findings[0].level == "error"


_CELLS = st.one_of(
    st.floats(),
    st.integers(-(10**30), 10**30),
    st.text(max_size=6),
    st.none(),
    st.booleans(),
    st.just("2024-06-01 05:00"),
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    column=st.sampled_from(
        [
            "timestamp",
            "open",
            "high",
            "close",
            "volume_base",
            "volume_quote",
            "open_interest_base",
            "long_liq_quote",
        ]
    ),
    changes=st.dictionaries(st.integers(0, 11), _CELLS, min_size=1, max_size=12),
    contract=st.sampled_from([LINEAR, "okx:BTC-USD-SWAP", "aggregate:BTC"]),
)
def test_fuzzed_cells(column, changes, contract):
    table = raw(12).assign(long_liq_quote=1e5).reset_index().astype({column: object})
    for row, value in changes.items():
        table.at[row, column] = value
    try:
        panel = panel_from_table(table, load_contract(contract))
    except InputError as error:
        assert len(str(error)) > 20
        return
    assert isinstance(panel, MarketPanel)
    for name in panel.columns:
        assert not np.isinf(panel.values(name)).any()
    inspect_panel(panel)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    at=st.integers(0, 1200),
    junk=st.binary(max_size=20),
    cut=st.integers(0, 400),
)
def test_fuzzed_csv_bytes(tmp_path, at, junk, cut):
    content = raw(12).to_csv().encode()
    path = tmp_path / "fuzz.csv"
    path.write_bytes(content[:at] + junk + content[at + cut :])
    try:
        read_panel(path, LINEAR)
    except InputError:
        pass
    inspect_panel(path)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(at=st.integers(0, 6000), junk=st.binary(min_size=1, max_size=8))
def test_fuzzed_panel_files(tmp_path, at, junk):
    path = tmp_path / "fuzz.parquet"
    MarketPanel.from_frame(bars(12), LINEAR).to_parquet(path)
    content = path.read_bytes()
    path.write_bytes(content[:at] + junk + content[at + len(junk) :])
    try:
        read_panel(path)
    except InputError:
        pass
    inspect_panel(path)


@given(st.text(max_size=30), st.sampled_from(["volume", "close", "open_interest_linear", "x"]))
def test_fuzzed_mapping(source, name):
    try:
        panel_from_table(raw(6), load_contract(LINEAR), columns={name: source})
    except InputError:
        pass
