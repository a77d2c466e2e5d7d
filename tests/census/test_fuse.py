"""Census fusion: what is known enters exactly, everything sums to open interest."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from liqbayes.census import fuse_positions
from liqbayes.census.exam import RESOLUTION, exam_verdicts, interval, predict_part, tails
from liqbayes.census.fuse import known_within, lumpy_part, side_positions, within_part
from liqbayes.census.write import fused_tables
from liqbayes.errors import InputError
from liqbayes.outputs import at_risk, liquidation_levels
from liqbayes.sampling.fit import panel_of
from tests.outputs import fits


@pytest.fixture(scope="module")
def fit() -> xr.DataTree:
    return fits.linear_fit(draws=20)


def known(fit: xr.DataTree, share: float = 0.2) -> pd.DataFrame:
    levels = liquidation_levels(fit, bins=20, kind="expected")
    price, interest = (
        levels.attrs["mark_price"],
        float(panel_of(fit)[0].values("open_interest")[-1]),
    )
    return pd.DataFrame(
        {
            "time": pd.Timestamp(levels.attrs["as_of"]),
            "side": ["long", "long", "long", "short"],
            "size": np.array([0.3, 0.5, 0.2, 0.5]) * share * interest,
            "liquidation_price": [0.97 * price, 0.3 * price, np.nan, 1.08 * price],
        }
    )


@pytest.mark.parametrize("kind", ["realised", "expected"])
def test_everything_sums_to_open_interest_and_holds_what_is_known(
    fit: xr.DataTree, kind: str
) -> None:
    table = known(fit)
    fused = fuse_positions(fit, table, bins=50, kind=kind)
    expected = liquidation_levels(fit, bins=50, kind="expected")

    def total(data: xr.Dataset) -> xr.DataArray:
        return data["quantity"].sum("price") + data["below"] + data["above"] + data["none"]

    np.testing.assert_allclose(total(fused), total(expected), rtol=1e-9)
    assert (fused["quantity"] >= fused["known"] - 1e-9).all()
    assert float(fused["known"].sel(side="long").sum()) == pytest.approx(table["size"][0])
    assert float(fused["known_below"].sel(side="long")) == pytest.approx(table["size"][1])
    assert float(fused["known_none"].sel(side="long")) == pytest.approx(table["size"][2])
    np.testing.assert_allclose(fused["share_observed_side"], [0.2, 0.1], rtol=1e-9)
    inside = fused["share_observed"].fillna(0.0)
    assert ((inside >= 0) & (inside <= 1)).all()


def test_expected_fusion_is_known_plus_a_scaled_posterior(fit: xr.DataTree) -> None:
    table = known(fit)
    fused = fuse_positions(fit, table, bins=50, kind="expected", moves=(0.05, 0.1))
    levels = liquidation_levels(fit, bins=50, kind="expected")
    rest = levels["quantity"].sel(side="long") * 0.8
    np.testing.assert_allclose(
        fused["quantity"].sel(side="long"), rest + fused["known"].sel(side="long"), rtol=1e-9
    )
    risk = at_risk(fit, moves=(0.05, 0.1), kind="expected").sel(side="long")
    # the level at 3 % is 0.3 of the known long size, which is 0.2 of open interest
    np.testing.assert_allclose(fused["at_risk"].sel(side="long"), 0.8 * risk + 0.06, rtol=1e-9)


def test_a_census_of_everything_leaves_nothing_to_guess(fit: xr.DataTree) -> None:
    table = known(fit, share=1.0)
    fused = fuse_positions(fit, table, bins=50, moves=(0.05, 0.1))
    risk = fused["at_risk"].sel(side="long")
    np.testing.assert_allclose(risk, 0.3, atol=1e-9)
    tables = fused_tables(fused)
    assert set(tables) == {"fused", "at_risk"}
    assert tables["fused"]["share_observed_median"].isin([1.0]).any()


def test_a_simulated_market_knows_its_own_positions(fit: xr.DataTree) -> None:
    fused = fuse_positions(fit, bins=50)
    truth = panel_of(fit)[0].positions
    assert truth is not None
    for side in ("long", "short"):
        size = truth.loc[truth["side"] == side, "size"].sum() / fits.open_interest(fit)
        assert float(fused["share_observed_side"].sel(side=side)) == pytest.approx(size, rel=1e-6)


def test_impossible_censuses_are_refused(fit: xr.DataTree) -> None:
    table = known(fit)
    with pytest.raises(InputError, match="times open interest"):
        fuse_positions(fit, known(fit, share=1.5))
    with pytest.raises(InputError, match="hours from the"):
        fuse_positions(fit, table.assign(time=table["time"] + pd.Timedelta(days=1)))
    with pytest.raises(InputError, match="is empty"):
        fuse_positions(fit, table.iloc[:0])


@given(
    st.integers(1, 6),
    st.floats(0.01, 0.99),
    st.floats(1e-3, 1e4),
)
def test_lumpy_parts_are_shares(bins: int, part: float, positions: float) -> None:
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(bins), size=5)
    drawn = lumpy_part(shares, np.full(5, positions), part, rng)
    assert drawn.shape == shares.shape
    np.testing.assert_allclose(drawn.sum(axis=-1), 1.0)
    assert (drawn >= 0).all()


def test_a_part_is_lumpier_than_the_whole_by_its_share() -> None:
    """Variance of a Dirichlet share is p (1 - p) / (N + 1), with N thinned to the part."""
    rng = np.random.default_rng(1)
    n, p = 200_000, 0.2
    expected = np.full((n, 1), p)
    for part in (1.0, 0.1):
        drawn = within_part(expected, np.full(n, 100.0), part, rng)[:, 0]
        assert drawn.mean() == pytest.approx(p, abs=0.002)
        assert drawn.var() == pytest.approx(p * (1 - p) / (100 * part + 1), rel=0.03)


@given(st.lists(st.floats(0.1, 50.0), min_size=1, max_size=30), st.floats(0.01, 1.0))
def test_a_side_is_no_less_lumpy_than_what_is_known(sizes: list[float], part: float) -> None:
    draws = np.array([[3.0, 40.0], [300.0, 5000.0]])
    shares = np.array([part, 0.0])
    found = side_positions(draws, [sizes, []], shares)
    # one account of many says little, equal accounts say as many as there are
    assert (found[:, 0] <= draws[:, 0]).all() and (found[:, 0] <= len(sizes) / part + 1e-9).all()
    assert (found[:, 1] == draws[:, 1]).all()
    equal = side_positions(draws, [np.ones(len(sizes)), []], shares)
    np.testing.assert_allclose(equal[:, 0], np.minimum(draws[:, 0], len(sizes) / part))


def test_one_large_account_widens_the_remainder(fit: xr.DataTree) -> None:
    """The same known size in one account or in many: the same levels, the rest lumpier."""
    one = known(fit).iloc[[0, 3]]
    many = pd.concat([one.assign(size=one["size"] / 400)] * 400, ignore_index=True)
    lumpy, smooth = (fuse_positions(fit, t)["at_risk"].std(("chain", "draw")) for t in (one, many))
    assert (lumpy.mean("move") > 1.1 * smooth.mean("move")).all()


def test_intervals_cover_a_book_of_their_own_law() -> None:
    """Books of gamma lumps, half of which is hidden: the law that the fusion assumes."""
    rng = np.random.default_rng(2)
    lumps, moves = 60.0, np.array([0.05, 0.2])
    expected = np.tile(moves, (300, 1))
    trials, hits = 400, 0
    low, high = interval(predict_part(expected, np.full(300, lumps), 0.3, rng)[:, 1])
    for _ in range(trials):
        mass = rng.standard_gamma(lumps * 0.3 * np.array([0.05, 0.15, 0.8]))
        hits += low <= mass[:2].sum() / mass.sum() <= high
    assert abs(hits / trials - 0.9) < 3.5 * np.sqrt(0.09 / trials) + 0.02


def test_a_limit_below_the_resolution_is_none() -> None:
    low, _ = interval(np.linspace(0, RESOLUTION * 5, 100))
    assert low == 0.0


def test_known_positions_within_moves() -> None:
    table = pd.DataFrame(
        {
            "side": ["long", "long", "short"],
            "size": [1.0, 3.0, 2.0],
            "liquidation_price": [96.0, np.nan, 104.0],
        }
    )
    assert known_within(table, "long", 100.0, (0.03, 0.05)).tolist() == [0.0, 0.25]
    assert known_within(table, "short", 100.0, (0.03, 0.05)).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("rate", [0.1, 0.6, 0.98])
def test_a_truth_of_the_same_law_is_held_as_often_as_it_should(rate: float) -> None:
    """With any share of zeros; the closed interval of the same draws holds more."""
    rng = np.random.default_rng(7)

    def drawn(n: int) -> np.ndarray:
        return np.where(rng.random(n) < rate, 0.0, rng.beta(2, 20, n))

    rows = [(drawn(400), float(drawn(1)[0])) for _ in range(3_000)]
    below, above = np.array([tails(draws, truth) for draws, truth in rows]).T
    assert below.mean() == pytest.approx(0.05, abs=0.015)
    assert above.mean() == pytest.approx(0.05, abs=0.015)
    limits = [(*interval(draws), truth) for draws, truth in rows]
    assert np.mean([low <= truth <= high for low, high, truth in limits]) > 0.93


def test_the_band_is_that_of_the_splits() -> None:
    table = pd.DataFrame(
        {
            "law": "posterior",
            "side": ["long", "short"] * 50,
            "move": 0.1,
            "covered": [1.0] * 70 + [0.0] * 30,
            "below": 0.0,
            "above": 0.0,
            "inside": True,
            "width_both": 0.1,
            "width_both_without": 0.2,
        }
    )
    judged = exam_verdicts(table, 50)
    both = judged[judged["side"] == "both"].iloc[0]
    assert (both["band_low"], both["band_high"]) == (0.82, 0.98)
    assert both["coverage"] == 0.7
    assert not both["passed"]
    assert both["width_ratio"] == pytest.approx(0.5)
