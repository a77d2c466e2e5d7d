"""Levels against paths: brute force, symmetry, the split of variance, and what is not known."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from liqbayes.analysis import Options, Workspace
from liqbayes.analysis.forward import expected_liquidated, reach_probability, section
from liqbayes.analysis.paths import PathSet
from liqbayes.errors import InputError
from liqbayes.simulate import market_preset, simulate_market
from tests.analysis.made import MARK, book, paths_of
from tests.model import markets
from tests.outputs import fits

EDGES = MARK * np.geomspace(0.5, 2, 41)
BARS = {"1h": 1, "3h": 3}


def some_levels(seed: int = 1, chains: int = 2, draws: int = 5) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    quote = rng.gamma(0.5, 100.0, (chains, draws, 2, 40))
    quote[:, :, 0, 20:] = 0.0
    quote[:, :, 1, :20] = 0.0
    return book(quote, EDGES)


def some_paths(seed: int = 2, n: int = 60, scale: float = 0.05) -> PathSet:
    rng = np.random.default_rng(seed)
    middle = MARK * np.exp(np.cumsum(rng.normal(0, scale, (n, 3)), axis=1))
    spread = np.exp(np.abs(rng.normal(0, scale, (n, 3))))
    return paths_of(np.stack([middle / spread, middle * spread], axis=2).tolist())


def by_hand(levels: xr.Dataset, paths: PathSet, bars: int) -> np.ndarray:
    """Liquidated (kind, draw, path), one level at a time; part of a bin by log price."""
    quote = levels["quote"].to_numpy().reshape(-1, 2, 40)
    out = np.zeros((3, quote.shape[0], paths.n_paths))
    for k in range(paths.n_paths):
        low, high = (float(x[k, bars - 1]) * MARK for x in (paths.low, paths.high))
        for b in range(40):
            width = np.log(EDGES[b + 1] / EDGES[b])
            fell = np.clip(np.log(EDGES[b + 1] / low) / width, 0, 1)
            rose = np.clip(np.log(high / EDGES[b]) / width, 0, 1)
            out[0, :, k] += quote[:, 0, b] * fell
            out[1, :, k] += quote[:, 1, b] * rose
    out[2] = out[0] - out[1]
    return out


def test_amounts_are_those_of_running_each_level_against_each_path() -> None:
    levels, paths = some_levels(), some_paths()
    found = expected_liquidated(levels, paths, BARS)
    for name, bars in BARS.items():
        values = by_hand(levels, paths, bars)
        at = found.sel(horizon=name)
        assert at["mean"].to_numpy() == pytest.approx(values.mean(axis=(1, 2)), rel=1e-4)
        expected = at["expected"].to_numpy().reshape(-1, 3).T
        assert expected == pytest.approx(values.mean(axis=2), rel=1e-4)
        for j in range(3):
            quantiles = np.quantile(values[j], [0.05, 0.5, 0.95])
            total = at["total"].isel(kind=j).to_numpy()
            assert total == pytest.approx(quantiles, rel=1e-3, abs=0.1)
            # law of total variance: what paths leave and what draws leave add up
            process = values[j].var(axis=1).mean()
            share = float(at["process_share"].isel(kind=j))
            assert share == pytest.approx(process / values[j].var(), rel=1e-3)
        assert float(at["p_positive"].sel(kind="delta")) == pytest.approx((values[2] > 0).mean())


def test_what_is_unknown_of_volatility_is_told_from_what_price_does() -> None:
    def shares(scales: list[float], sets: int) -> tuple[float, float]:
        rng, each = np.random.default_rng(5), 300
        middle = MARK * np.exp(np.repeat(scales, each)[:, None] * rng.normal(0, 1, (2 * each, 3)))
        drawn = paths_of(np.stack([middle * 0.999, middle * 1.001], axis=2).tolist())
        at = expected_liquidated(some_levels(), replace(drawn, sets=sets), BARS)
        # of long liquidations: a wider law has more of them
        one = at.sel(kind="long", horizon="3h")
        return float(one["process_share"]), float(one["volatility_share"])

    same, other, unsplit = shares([0.1, 0.1], 2), shares([0.02, 0.15], 2), shares([0.02, 0.15], 1)
    assert same[1] < 0.02 and np.isnan(unsplit[1])
    # half of the paths see hardly a level and the others many
    assert 0.15 < other[1] < 0.9
    # all of price's variance is split between the two
    assert sum(other) == pytest.approx(unsplit[0], rel=1e-6)


def test_a_mirrored_market_has_the_opposite_delta() -> None:
    levels, paths = some_levels(), some_paths()
    other = book(levels["quote"].to_numpy()[:, :, ::-1, ::-1], EDGES)
    lows = np.stack([MARK / paths.bar_high, MARK / paths.bar_low], axis=2)
    mirrored = paths_of(lows.tolist())
    one, two = (expected_liquidated(x, p, BARS) for x, p in ((levels, paths), (other, mirrored)))
    delta = one["mean"].sel(kind="delta").to_numpy()
    assert two["mean"].sel(kind="delta").to_numpy() == pytest.approx(-delta, rel=1e-4)
    assert two["mean"].sel(kind="long").to_numpy() == pytest.approx(
        one["mean"].sel(kind="short").to_numpy(), rel=1e-4
    )


def test_amounts_rise_with_the_horizon_and_with_the_share_that_is_closed() -> None:
    levels, paths = some_levels(), some_paths()
    closed = xr.DataArray(np.full((2, 5), 0.25), dims=("chain", "draw"))
    whole = expected_liquidated(levels, paths, BARS)["expected"].sel(kind=["long", "short"])
    part = expected_liquidated(levels, paths, BARS, closed=closed)["expected"]
    assert (whole.sel(horizon="3h") >= whole.sel(horizon="1h")).all()
    assert part.sel(kind="long").to_numpy() == pytest.approx(
        0.25 * whole.sel(kind="long").to_numpy(), rel=1e-5
    )


def test_one_book_has_no_interval_but_its_paths_have() -> None:
    found = expected_liquidated(some_levels(chains=1, draws=1), some_paths(), BARS)
    assert found["mean"].notnull().all()
    assert found["of_process"].notnull().all()
    for name in ("total", "of_parameters", "process_share", "volatility_share"):
        assert found[name].isnull().all()


def test_paths_that_leave_the_range_make_the_amounts_unknown() -> None:
    found = expected_liquidated(some_levels(), some_paths(scale=0.8), BARS)
    assert float(found["outside"].sel(horizon="3h")) > 0.01
    assert found["mean"].sel(horizon="3h").isnull().all()


def test_bad_input_is_refused() -> None:
    levels, paths = some_levels(), some_paths()
    with pytest.raises(InputError, match="3"):
        expected_liquidated(levels, paths, {"4h": 4})
    with pytest.raises(InputError, match="mark price"):
        expected_liquidated(levels.assign_attrs(mark_price=MARK * 1.01), paths, BARS)
    with pytest.raises(InputError, match="NaN"):
        expected_liquidated(levels.where(levels["price"] > 600), paths, BARS)
    with pytest.raises(InputError, match="positive"):
        reach_probability(paths, [0.0], BARS)


@pytest.fixture(scope="module")
def work() -> Workspace:
    panel = simulate_market(market_preset("default", bars=320), 3).panel
    fit = fits.fake_fit(panel, markets.small_spec(), draws=20, prior_draws=20)
    return Workspace(fit, Options(horizons=("1h", "4h", "90min", "30d")))


def test_the_topic_says_which_horizons_it_cannot_answer(work: Workspace) -> None:
    found = section(work)
    assert set(found.tables["amounts"]["horizon"]) == {"1h", "4h"}
    told = " ".join(found.findings)
    assert "30d is not identified" in told
    assert "90min is not identified" in told
    moves = found.tables["moves"]
    assert (moves["reach_low"] <= moves["reach_median"]).all()
    assert (moves["reach_median"] <= moves["reach_high"]).all()
    clusters = found.tables["clusters"]
    assert (clusters["passed_median"] <= clusters["reach_median"]).all()
    levels = found.tables["levels"]
    assert levels["distance"].min() >= 0
    assert len(levels) == 2 * work.options.bins


def test_a_panel_too_short_for_a_volatility_model_is_not_identified(linear: xr.DataTree) -> None:
    found = section(Workspace(linear))
    assert found.tables == {}
    assert "Not identified" in found.findings[0]
