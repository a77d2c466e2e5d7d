"""Each study by hand on small made-up evidence."""

from dataclasses import replace

import numpy as np
import pytest

from liqbayes.events.consumption import Moves, matched, moves
from liqbayes.events.definitions import APPROACHED, DELTA_LEADS, MAP, MIRRORED, RETURN_LEADS, SWEPT
from liqbayes.events.evidence import Evidence
from liqbayes.events.lead import lead
from liqbayes.events.magnetism import attraction, logistic, reach
from liqbayes.events.planted import Planted, planted_evidence
from liqbayes.events.study import study

N = 120


def evidence(low, high, close, dense=(), flow=None):
    """Hours with zones given as (draw, side, bar, band); volatility is near 0.01 a bar."""
    draws = 1 + max((d for d, *_ in dense), default=0)
    zones = np.zeros((draws, 2, N, 5), bool)
    for zone in dense:
        zones[zone] = True
    return Evidence(
        time=np.datetime64("2024-01-01", "ns") + np.arange(N) * np.timedelta64(1, "h"),
        bar_hours=1.0,
        high=high,
        low=low,
        close=close,
        log_density={MAP: np.zeros((draws, 2, N, 3, 5), np.float32)},
        dense=zones,
        flow=np.zeros((draws, 2, N)) if flow is None else flow,
    )


def flat():
    close = 100.0 * np.exp(0.01 * (np.arange(N) % 2))
    return close.copy(), close.copy(), close


def test_moves_are_sorted_by_what_they_met():
    low, high, close = flat()
    # falls of 2, of 1.1 and of 1.5 volatilities from the closes before
    for bar, size in ((81, 2.0), (83, 1.1), (85, 1.5), (87, 1.1), (89, 2.0)):
        low[bar] = close[bar - 1] * np.exp(-0.01 * size)
    zones = [(0, 0, 80, 1), (0, 0, 82, 2), (0, 0, 84, 2), (1, 0, 86, 2), (0, 1, 88, 1)]
    found = moves(evidence(low, high, close, zones))
    assert found.arms[SWEPT][0, 0].nonzero()[0].tolist() == [81]
    assert found.arms[APPROACHED][0, 0].nonzero()[0].tolist() == [83]
    # it ended inside a dense zone: neither arm nor control
    assert not found.control[0, 0, 85] and not found.arms[SWEPT][0, 0, 85]
    # another draw of the map has its own zones
    assert found.arms[APPROACHED][1, 0].nonzero()[0].tolist() == [87]
    assert found.control[0, 0, 87] and found.control[1, 0, 81]
    # a zone of the other side is none of this side's, but in the placebo
    assert found.control[0, 0, 89]
    mirrored = moves(evidence(low, high, close, zones), mirrored=True)
    assert mirrored.arms[SWEPT][0, 0].nonzero()[0].tolist() == [89]


def test_cells_hold_side_size_volatility_and_session():
    low, high, close = flat()
    low[81] = close[80] * np.exp(-0.01 * 2.0)
    low[85] = close[84] * np.exp(-0.01 * 2.0)
    high[83] = close[82] * np.exp(0.01 * 2.0)
    found = moves(evidence(low, high, close))
    assert found.coarse[0, 81] == found.coarse[0, 85]
    assert found.coarse[0, 81] != found.coarse[1, 83]
    # bar 81 opens at 9:00, bar 85 at 13:00
    assert found.fine[0, 81] != found.fine[0, 85]
    assert (found.coarse[:, ~found.studied] == -1).all()


def test_matching_by_hand():
    n = 12
    fine, coarse = np.full((1, n), -1), np.full((1, n), -1)
    treated, control = np.zeros((1, n), bool), np.zeros((1, n), bool)
    outcome = np.zeros((1, n))
    # a cell with enough controls
    treated[0, 0], outcome[0, 0] = True, 5.0
    control[0, 1:4], outcome[0, 1:4] = True, [1.0, 2.0, 3.0]
    fine[0, :4], coarse[0, :4] = 0, 0
    # a fine cell without controls, whose coarse cell is the same
    treated[0, 4], outcome[0, 4], fine[0, 4], coarse[0, 4] = True, 8.0, 1, 0
    # a cell without enough controls altogether
    treated[0, 5], outcome[0, 5], fine[0, 5], coarse[0, 5] = True, 99.0, 2, 1
    control[0, 6], fine[0, 6], coarse[0, 6] = True, 2, 1
    found = Moves(fine, coarse, control[None], {}, np.ones(n, bool))
    value, influence, events = matched(outcome, treated, control, found)
    assert events == 2 and value == pytest.approx(((5 - 2) + (8 - 2)) / 2)
    # the contributions sum to nothing, and controls have theirs in proportion to their use
    assert influence.sum() == pytest.approx(0.0, abs=1e-12)
    assert influence[3] == pytest.approx(-(2 / 3) * np.sqrt(3 / 2) * 1.0 / 2)
    assert influence[5] == influence[6] == 0.0
    assert matched(outcome, treated, np.zeros_like(control), found)[2] == 0


def test_influence_is_the_derivative_with_respect_to_an_event_s_outcome():
    rng = np.random.default_rng(0)
    data = planted_evidence(Planted(), bars=300, draws=1, seed=5)
    found = moves(data)
    outcome = rng.standard_normal((2, data.n_bars))
    treated, control = found.arms[SWEPT][0], found.control[0]
    value, _, n = matched(outcome, treated, control, found)
    side, bar = (x[0] for x in np.nonzero(treated))
    outcome[side, bar] += 1.0
    moved = matched(outcome, treated, control, found)[0]
    assert moved - value in (pytest.approx(0.0), pytest.approx(1.0 / n))


def test_logistic_regression_agrees_with_a_library():
    statsmodels = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(1)
    x = np.column_stack([np.ones(500), rng.standard_normal((500, 2))])
    y = (rng.random(500) < 1 / (1 + np.exp(-x @ [-1.0, 0.5, 0.0]))).astype(float)
    beta, p, influence = logistic(x, y, np.zeros(3))
    reference = statsmodels.GLM(y, x, family=statsmodels.families.Binomial()).fit(cov_type="HC0")
    assert np.allclose(beta, reference.params, atol=1e-6)
    assert np.allclose(p, reference.fittedvalues, atol=1e-6)
    assert np.allclose(influence.T @ influence, reference.cov_params(), rtol=1e-5)
    separated = (x[:, 1] > 0).astype(float)
    assert np.isnan(logistic(x, separated, np.zeros(3))[0]).all()


def test_reach_is_of_the_bars_after_and_controls_of_those_before():
    data = planted_evidence(Planted(), bars=400, draws=1, seed=2)
    rows = reach(data, 4, data.known(MAP))
    sigma = data.volatility
    for i in np.linspace(0, rows.bar.size - 1, 40).astype(int):
        t, j, k = rows.bar[i], rows.side[i], rows.band[i]
        level = (0.5, 1.0, 1.5, 2.0, 2.5)[k] * sigma[t] * 2.0
        if j == 0:
            went = np.log(data.close[t] / data.low[t + 1 : t + 5].min())
        else:
            went = np.log(data.high[t + 1 : t + 5].max() / data.close[t])
        assert rows.reached[i] == (went >= level)
    # the last bars have no whole horizon
    assert rows.bar.max() == data.n_bars - 5


def test_placebo_of_sides_takes_the_other_side():
    data = planted_evidence(Planted(), bars=500, draws=2, seed=3)
    swapped = replace(data, log_density={MAP: data.log_density[MAP][:, ::-1]})
    assert attraction(data, 4, name=MIRRORED)[0].value == pytest.approx(
        attraction(swapped, 4)[0].value
    )


def test_lead_finds_which_comes_first():
    rng = np.random.default_rng(4)
    n, returns = 900, 0.005 * rng.standard_normal(900)
    signal = rng.standard_normal(n)
    returns[1:] += 0.003 * signal[:-1]
    close = 100 * np.exp(np.cumsum(returns))
    flow = np.stack([np.exp(signal), np.ones(n)])[None] * np.ones((3, 1, 1))
    data = Evidence(
        np.datetime64("2024-01-01", "ns") + np.arange(n) * np.timedelta64(1, "h"),
        *(1.0, close, close, close),
        {MAP: np.zeros((3, 2, n, 3, 5), np.float32)},
        np.zeros((3, 2, n, 5), bool),
        flow,
    )
    first, second = lead(data, 1, DELTA_LEADS), lead(data, 1, RETURN_LEADS)
    assert first.estimate.value > 0.4 and first.p < 0.01 and first.estimate.interval()[0] > 0.3
    assert abs(second.estimate.value) < 0.12
    assert first.detectable() == pytest.approx(2.9 * first.null_spread, rel=0.05)
    # constant liquidations have no rank
    still = replace(data, flow=np.ones_like(flow))
    assert lead(still, 1, DELTA_LEADS).estimate.reason == "nothing varies"


def test_short_evidence_is_not_identified_with_reasons():
    low, high, close = flat()
    table = study(evidence(low, high, close))
    assert (table["verdict"] == "not identified").all()
    assert table["reason"].str.len().gt(5).all()
    assert table[["median", "low", "high", "p", "p_holm"]].isna().all(axis=None)
