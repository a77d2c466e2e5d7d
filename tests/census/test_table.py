"""Reading a census: what is accepted, and what is refused by name."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from liqbayes.census import census_of, read_census
from liqbayes.errors import InputError


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "snapshot_utc": pd.to_datetime(
                ["2026-02-03T12:00Z", "2026-02-03T18:00Z", "2026-02-03T18:00Z", "2026-02-04T06:00Z"]
            ),
            "account": ["x", "x", "y", "x"],
            "coin": "BTC",
            "side": [1, 1, -1, 1],
            "size": [1.0, 2.0, 3.0, 1.0],
            "liquidation_price": [80.0, np.nan, 130.0, 80.0],
            "mark_price": 100.0,
        }
    )


def test_names_of_public_snapshots_are_understood(tmp_path: Path) -> None:
    for path in (tmp_path / "a.csv", tmp_path / "a.parquet"):
        if path.suffix == ".csv":
            frame().to_csv(path, index=False)
        else:
            frame().to_parquet(path)
        table = read_census(path)
        assert table.markets == ("BTC",)
        assert table.accounts.tolist() == [0, 1]
        assert len(table.times) == 3
        # of two snapshots in a day the one with more accounts
        assert table.daily().astype("datetime64[h]").astype(str).tolist() == [
            "2026-02-03T18",
            "2026-02-04T06",
        ]
        assert table.apart(12.0).size == 2


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("side", "up", "side is 'up'"),
        ("size", -1.0, "size is -1"),
        ("size", np.nan, "size is nan"),
        ("liquidation_price", 120.0, "wrong side of the mark price"),
        ("liquidation_price", -5.0, "must be positive"),
        ("mark_price", 0.0, "mark_price is 0"),
        ("account", "y", "repeat an account"),
    ],
)
def test_impossible_values_are_refused(column: str, value: object, words: str) -> None:
    table = frame().rename(columns={"snapshot_utc": "time", "coin": "market"})
    table[column] = table[column].astype(object)
    table.loc[1, column] = value
    with pytest.raises(InputError, match=words):
        census_of(table)


def test_missing_columns_are_named() -> None:
    with pytest.raises(InputError, match="lack"):
        census_of(frame().drop(columns="size"))
    with pytest.raises(InputError, match="empty"):
        census_of(frame().rename(columns={"snapshot_utc": "time", "coin": "market"}).iloc[:0])


def test_an_unreadable_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_census(tmp_path / "absent.parquet")
    path = tmp_path / "a.csv"
    frame().to_csv(path, index=False)
    with pytest.raises(InputError, match="no column"):
        read_census(path, {"size": "amount"})
