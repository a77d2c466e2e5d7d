"""The tables: exactly the promised columns, and numbers that follow from the draws."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from liqbayes.report import delta_table, entry_table, levels_table, leverage_table
from liqbayes.report.reduce import bin_prior_share, plain, triple
from tests.plots import synthetic

LEVELS = (
    "side price_low price_high distance quantity_lo quantity quantity_hi quote_lo quote quote_hi "
    "cumulative_quote_lo cumulative_quote cumulative_quote_hi p_nonzero visited prior_share"
).split()
DELTA = (
    "start end long_quote_lo long_quote long_quote_hi short_quote_lo short_quote short_quote_hi "
    "delta_quote_lo delta_quote delta_quote_hi p_positive"
).split()


@pytest.fixture(scope="module")
def levels() -> xr.Dataset:
    return synthetic.levels(draws=50)


@pytest.fixture(scope="module")
def table(levels: xr.Dataset) -> pd.DataFrame:
    return levels_table(levels, xr.zeros_like(levels["quantity"][0, 0]) + 0.25)


def test_levels_has_a_row_a_side_and_bin_and_the_promised_columns(table: pd.DataFrame) -> None:
    assert list(table.columns) == LEVELS
    assert table["side"].tolist() == ["long"] * 400 + ["short"] * 400
    assert (table["prior_share"] == 0.25).all()
    assert table["visited"].dtype == bool


def test_levels_intervals_are_quantiles_of_the_draws(
    levels: xr.Dataset, table: pd.DataFrame
) -> None:
    row = table[table["side"] == "short"].iloc[220]
    draws = levels["quantity"].sel(side="short").isel(price=220).to_numpy().ravel()
    expected = np.quantile(draws, [0.05, 0.5, 0.95])
    np.testing.assert_allclose(
        row[["quantity_lo", "quantity", "quantity_hi"]].astype(float), expected
    )
    # The invented lumps are zero or far above the limit of one millionth.
    assert row["p_nonzero"] == pytest.approx((draws > 0.1).mean())
    assert 0 < row["p_nonzero"] < 1


def test_cumulative_grows_away_from_the_mark_and_ends_at_the_total(
    levels: xr.Dataset, table: pd.DataFrame
) -> None:
    totals = levels["quote"].sum("price").quantile(0.5, ("chain", "draw"))
    long, short = (
        table[table["side"] == s]["cumulative_quote"].to_numpy() for s in ("long", "short")
    )
    assert (np.diff(long) <= 1e-6).all() and (np.diff(short) >= -1e-6).all()
    assert long[0] == pytest.approx(float(totals.sel(side="long")))
    assert short[-1] == pytest.approx(float(totals.sel(side="short")))


def test_distance_is_a_signed_fraction_of_the_mark(levels: xr.Dataset, table: pd.DataFrame) -> None:
    row = table.iloc[10]
    middle = np.sqrt(row["price_low"] * row["price_high"])
    assert row["distance"] == pytest.approx(middle / levels.attrs["mark_price"] - 1)
    assert row["distance"] < 0 < table.iloc[390]["distance"]


def test_delta_keeps_a_row_for_windows_that_are_not_covered() -> None:
    delta = synthetic.delta(known=5)
    table = delta_table(delta)
    assert list(table.columns) == DELTA
    assert len(table) == 7
    amounts = [c for c in DELTA if c not in ("start", "end")]
    assert table.loc[5:, amounts].isna().all(axis=None)
    assert table.loc[:4, amounts].notna().all(axis=None)
    lengths = (table["end"] - table["start"]).dt.total_seconds() / 3600
    assert lengths.tolist() == [1, 4, 12, 24, 72, 168, 720]
    draws = delta["delta"].isel(window=2).to_numpy()
    assert table["p_positive"][2] == pytest.approx((draws > 0).mean())
    assert table["delta_quote"][2] == pytest.approx(np.median(draws))


def test_leverage_is_ascending_within_each_side_and_weighting() -> None:
    share, broad = synthetic.leverage(draws=20), synthetic.leverage(draws=20, concentration=12.0)
    table = leverage_table(
        {"open_interest": share, "opened": share}, {"open_interest": broad, "opened": broad}
    )
    for _, part in table.groupby(["weighting", "side"]):
        assert (part["leverage_low"].diff().dropna() > 0).all()
        assert part["leverage_low"].iloc[0] == 0.0
    cell = share.isel(leverage=3).sel(side="long")
    row = table[(table["leverage_low"] == float(cell["leverage_low"])) & (table["side"] == "long")]
    assert row["share"].iloc[0] == pytest.approx(float(cell.median()))
    wide = table["prior_hi"] - table["prior_lo"]
    assert (wide > table["share_hi"] - table["share_lo"]).mean() > 0.8


def test_entry_has_posterior_and_prior() -> None:
    table = entry_table(synthetic.entry(draws=20), synthetic.entry(draws=20, concentration=60.0))
    assert list(table.columns) == (
        "side price_low price_high share_lo share share_hi prior_lo prior prior_hi".split()
    )
    assert len(table) == 800


def test_bin_prior_share_is_one_without_data_and_small_with_much() -> None:
    rng = np.random.default_rng(0)
    dims = ("chain", "draw", "bin")
    prior = xr.DataArray(rng.normal(size=(2, 2000, 2)), dims=dims)
    narrow = prior * xr.DataArray([1.5, 0.1], dims="bin")
    share = bin_prior_share(narrow, prior)
    assert share[0] == 1.0, "wider than the prior still counts as all prior"
    assert float(share[1]) == pytest.approx(0.01)
    assert np.isnan(bin_prior_share(prior, 0.0 * prior)).all(), (
        "a prior without spread tells nothing"
    )


def test_unknown_stays_unknown() -> None:
    draws = xr.DataArray([[1.0, np.nan, 3.0]], dims=("chain", "draw"))
    assert triple(draws) is None
    assert plain({"a": float("nan"), "b": [np.float64(2.0), float("inf")], "c": np.int64(3)}) == {
        "a": None,
        "b": [2.0, None],
        "c": 3,
    }
