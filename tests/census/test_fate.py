"""Level fate: estimates on censuses with a known truth, and intervals that cover it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqbayes.census import Census, census_of, level_fate, write_fate
from liqbayes.census.bootstrap import AccountDraws, effective
from liqbayes.census.drift import crossing
from liqbayes.census.fate import follow, removal
from liqbayes.census.sightings import Sightings, first_touch
from liqbayes.errors import InputError
from liqbayes.model import load_spec
from tests.census import simulated


def small(rows: list[tuple[object, ...]]) -> Census:
    frame = pd.DataFrame(
        rows, columns=["time", "account", "market", "side", "size", "liquidation_price"]
    )
    frame["time"] = simulated.START + pd.to_timedelta(frame["time"], unit="h").to_numpy()
    return census_of(frame.assign(mark_price=100.0))


def test_an_unseen_account_is_unknown_and_one_that_is_flat_is_known() -> None:
    table = small(
        [
            (0, 1, "BTC", "long", 2.0, 90.0),
            (0, 2, "BTC", "long", 1.0, 90.0),
            (0, 3, "BTC", "long", 4.0, np.nan),
            (24, 1, "ETH", "long", 1.0, 90.0),
            (24, 3, "BTC", "long", 1.0, 90.0),
            (48, 2, "BTC", "long", 0.5, 90.0),
        ]
    )
    s = Sightings.of(table, "BTC")
    low, high = s.kept(s.starts(0), 0, 24.0, 6.0, np.zeros(3))
    # closed; unseen, but half is there later; reduced to a quarter
    assert low == pytest.approx([0.0, 0.5, 0.25])
    assert high == pytest.approx([0.0, 1.0, 0.25])


def test_a_sighting_before_the_touch_says_nothing_of_it() -> None:
    table = small([(0, 1, "BTC", "long", 1.0, 90.0), (20, 1, "BTC", "long", 1.0, 90.0)])
    s = Sightings.of(table, "BTC")
    assert s.kept(np.array([0]), 0, 24.0, 6.0, np.array([22.0])) == (0.0, 1.0)


@given(
    st.lists(st.floats(50, 150), min_size=1, max_size=20),
    st.floats(50, 150),
    st.sampled_from([1, -1]),
)
def test_first_touch_is_the_first_bar_that_reaches(
    price: list[float], level: float, side: int
) -> None:
    path = np.array(price)
    found = first_touch(np.array([level]), np.array([side]), path, path, 0.0)[0]
    reached = [i for i, p in enumerate(price) if (p <= level if side > 0 else p >= level)]
    assert found == (reached[0] if reached else len(price))


def test_positions_without_a_level_are_never_touched() -> None:
    path = np.array([1.0, 1e9])
    assert (first_touch(np.full(2, np.inf), np.array([1, -1]), path, path, 0.0) == 2).all()


@pytest.mark.parametrize("closed", [0.3, 0.9])
def test_closing_at_a_touch_is_recovered(closed: float) -> None:
    rng = np.random.default_rng(3)
    market = simulated.panel()
    table = simulated.census(rng, market, closed=closed, accounts=300, seen=0.9)
    accounts = AccountDraws.of(table.accounts.size, rng, draws=400)
    estimates, _ = removal(follow(table, {"BTC": market}), accounts, rng)
    of = estimates[
        (estimates["level"] == "just before")
        & (estimates["hours"] == 24)
        & (estimates["beyond"] == 0)
        & (estimates["weighting"] == "position")
    ].set_index(["group", "unseen"])
    one = of.loc["closed at a touch"]
    assert one.loc["left out", "median"] == pytest.approx(closed, abs=0.12)
    # bounds are ordered, and hold the truth
    removed = of.loc["touched", "median"]
    assert removed["kept"] <= removed["unknown"] <= removed["gone"]
    assert of.loc["touched", "low"]["kept"] <= closed <= of.loc["touched", "high"]["gone"]


@pytest.mark.slow
def test_intervals_of_closing_cover() -> None:
    rng = np.random.default_rng(8)
    market, closed = simulated.panel(), 0.6
    hits = []
    for _ in range(60):
        table = simulated.census(rng, market, closed=closed, accounts=100, seen=0.9)
        accounts = AccountDraws.of(table.accounts.size, rng, draws=400)
        _, draws = removal(follow(table, {"BTC": market}), accounts, rng)
        low, high = np.quantile(
            draws["just before", 24.0, 0.0, "position", "left out"], [0.05, 0.95]
        )
        hits.append(low <= closed <= high)
    # 90 % less three binomial standard errors and what the bootstrap lacks with few accounts
    assert np.mean(hits) >= 0.90 - 3 * np.sqrt(0.09 / 60) - 0.03


def test_renewal_is_recovered_as_drift() -> None:
    rng = np.random.default_rng(4)
    market = simulated.panel(fall=0.01)
    table = simulated.census(rng, market, renewal_per_day=0.5, accounts=300)
    result = level_fate(table, {"BTC": market}, load_spec("baseline"), draws=200)
    row = result.drift[
        (result.drift["moved_by"] == 0.02)
        & (result.drift["hours"] == 24)
        & (result.drift["weighting"] == "position")
        & (result.drift["group"] == "unchanged size")
    ].iloc[0]
    # redrawn levels land within 2 % of the old one now and then
    assert row["per_day_median"] == pytest.approx(0.5, rel=0.15)
    lives = result.half_life.set_index(["width", "unseen"])
    assert (lives["hours_median"] > 20).all() and (lives["hours_median"] < 60).all()


def test_crossing_interpolates_logarithms() -> None:
    share = [np.array([0.8, 1.0]), np.array([0.25, 0.9])]
    found = crossing([1.0, 3.0], share)
    expected = 1 + 2 * (np.log(0.5) - np.log(0.8)) / (np.log(0.25) - np.log(0.8))
    assert found[0] == pytest.approx(expected)
    assert np.isinf(found[1])


def test_effective_accounts() -> None:
    assert effective(np.array([0, 1, 1]), np.array([2.0, 1.0, 1.0])) == pytest.approx(2.0)
    assert effective(np.array([], int), np.array([])) == 0.0


def test_files_hold_aggregates_and_are_not_replaced(tmp_path) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(5)
    market = simulated.panel()
    result = level_fate(
        simulated.census(rng, market), {"BTC": market}, load_spec("baseline"), seed=1, draws=200
    )
    out = write_fate(result, tmp_path / "fate")
    priors = pd.read_csv(out / "priors.csv")
    assert set(priors["parameter"]) == {"touch_to_close_share", "renewal_hazard_per_day"}
    assert priors.groupby("parameter")["headline"].sum().eq(1).all()
    assert not any("account" == c for f in out.glob("*.csv") for c in pd.read_csv(f))
    with pytest.raises(InputError, match="--force"):
        write_fate(result, out)


def test_a_panel_that_does_not_cover_the_census_is_refused() -> None:
    table = simulated.census(np.random.default_rng(0), simulated.panel())
    with pytest.raises(InputError, match="24 hours later"):
        follow(table, {"BTC": simulated.panel(hours=20)})
    with pytest.raises(InputError, match="no positions in SOL"):
        follow(table, {"SOL": simulated.panel()})
