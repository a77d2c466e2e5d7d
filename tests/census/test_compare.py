"""Comparison with positions: bounds, verdicts, and an inclusion model that finds the selection."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqbayes.census import census_of
from liqbayes.census.bootstrap import AccountDraws
from liqbayes.census.compare import coverage
from liqbayes.census.fits import panel_until
from liqbayes.census.inclusion import bounds, features, fit_inclusion
from liqbayes.census.quantities import names, of_fit, of_positions, rule_levels
from liqbayes.census.verdicts import verdict, verdicts
from liqbayes.errors import InputError
from liqbayes.outputs import at_risk
from tests.census import simulated
from tests.outputs import fits

SHARES = st.floats(0, 1)


@given(SHARES, SHARES, SHARES)
def test_bounds_hold_whatever_the_rest_is(share: float, observed: float, rest: float) -> None:
    low, high = bounds(share, observed)
    whole = observed * share + (1 - observed) * rest
    assert low - 1e-12 <= whole <= high + 1e-12
    assert high - low == pytest.approx(1 - observed)


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        ((0.0, 0.1, 0.2, 0.8), "refuted"),
        ((0.9, 0.95, 0.2, 0.8), "refuted"),
        ((0.3, 0.4, 0.2, 0.8), "inside"),
        ((0.1, 0.4, 0.2, 0.8), "open"),
        ((np.nan, np.nan, 0.2, 0.8), "unknown"),
    ],
)
def test_only_what_lies_outside_is_refuted(
    ends: tuple[float, float, float, float], words: str
) -> None:
    assert verdict(*ends) == words


def positions() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "side": [1, 1, -1, -1],
            "size": [1.0, 1.0, 1.0, 1.0],
            "liquidation_price": [96.0, np.nan, 130.0, 101.0],
            "entry_price": [110.0, 90.0, 90.0, 120.0],
            "set_leverage": [10.0, 2.0, 5.0, 20.0],
        }
    )


def test_quantities_of_positions() -> None:
    found = pd.DataFrame(of_positions(positions(), 100.0).T, columns=names())
    assert found["at risk, 0.05"].tolist() == [1, 0, 0, 1]
    assert found["leverage of 3 or more"].tolist() == [1, 0, 1, 1]
    assert found["leverage of 50 or more"].tolist() == [0, 0, 0, 1]
    assert found["under water"].tolist() == [1, 0, 1, 0]


def test_the_usual_rule() -> None:
    assert rule_levels(positions()).tolist() == pytest.approx([99.0, 45.0, 108.0, 126.0])


def test_quantities_of_a_fit_are_its_outputs() -> None:
    fit = fits.linear_fit(draws=10)
    found = of_fit(fit)
    assert found.shape == (20, 2, len(names()))
    assert ((found >= 0) & (found <= 1)).all()
    # ascending in the move; leverage of 3 is a move of a third
    assert (np.diff(found[:, :, :3], axis=2) >= 0).all()
    assert (found[:, :, 5] >= found[:, :, 2]).all()
    risk = at_risk(fit, moves=sorted({0.02, 0.05, 0.1, 0.125, 0.2, 1 / 3}))
    np.testing.assert_allclose(found[:, :, 0], risk.sel(move=0.05).to_numpy().reshape(20, 2))


def test_the_inclusion_model_finds_that_large_accounts_are_shown() -> None:
    rng = np.random.default_rng(6)
    n, times = 200, 20
    value = 10 ** rng.uniform(4, 8, n)
    chance = 1 / (1 + np.exp(-1.0 * (np.log10(value) - 6)))
    rows = [
        (t, i, value[i])
        for t in range(times)
        for i in range(n)
        if t in (0, times - 1) or rng.uniform() < chance[i]
    ]
    frame = pd.DataFrame(rows, columns=["hour", "account", "size"])
    table = census_of(
        frame.assign(
            time=simulated.START + pd.to_timedelta(2 * frame.pop("hour"), unit="h").to_numpy(),
            market="BTC",
            side="long",
            liquidation_price=0.5,
            mark_price=1.0,
            entry_price=1.0,
        )
    )
    accounts = AccountDraws.of(n, rng, 60)
    model = fit_inclusion(table, accounts.weights)
    low, high = np.quantile(model.coefficients[:, 1], [0.02, 0.98])
    assert low < 1.0 < high
    assert low > 0.5
    weights = model.weights(features(table).to_numpy()[:3])
    assert (weights >= 1).all()


def test_panels_are_cut_at_bars_that_had_ended() -> None:
    panel = simulated.panel()
    cut = panel_until(panel, simulated.START + np.timedelta64(630, "m"))
    assert cut.n_bars == 10
    assert panel_until(panel, simulated.START + np.timedelta64(999, "h")) is panel
    with pytest.raises(InputError, match="no bar"):
        panel_until(panel, simulated.START)


def test_a_census_larger_than_open_interest_is_refused() -> None:
    with pytest.raises(InputError, match="times its open interest"):
        coverage(positions().iloc[:2], 1.5, "BTC", 1)
    assert coverage(positions().iloc[:2], 8.0, "BTC", 1) == 0.25


def test_verdicts_are_counted() -> None:
    columns = ["low", "median", "high", "observed", "bound_low", "bound_high"]
    table = pd.DataFrame(
        [[0.1, 0.2, 0.3, 0.5, 0.4, 0.9], [0.5, 0.6, 0.7, 0.5, 0.4, 0.9]], columns=columns
    ).assign(
        quantity="q",
        side="long",
        source="s",
        verdict=["refuted", "inside"],
        inclusion_low=0.5,
        inclusion_median=0.55,
        inclusion_high=0.6,
    )
    row = verdicts(table).iloc[0]
    assert (row["refuted"], row["inside"], row["open"], row["snapshots"]) == (1, 1, 0, 2)
    assert row["holds_inclusion"] == 1
