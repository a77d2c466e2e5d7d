"""Maps of blocks, a run with its files, resuming, and no look ahead; nothing is sampled."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from liqbayes.backtest.model_forecaster import ModelForecaster
from liqbayes.cli.app import app
from liqbayes.errors import InputError
from liqbayes.events import EventPlan, study_events
from liqbayes.events.definitions import MAP, SHIFTED
from liqbayes.events.evidence import band_distances, volatility
from liqbayes.events.maps import maps
from liqbayes.events.unit import evidence_of
from liqbayes.model.rule import evaluator_of
from liqbayes.outputs.context import Context
from liqbayes.outputs.levels import shares_at_risk
from tests.backtest.markets import SPEC, market, posterior
from tests.model.markets import bars, panel

BARS = 500


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run: directory, result, outcome, origins that were fitted."""
    origins = []

    def sampled(self, stop):
        origins.append(stop)
        fit = posterior(self.panel, stop, draws=3)
        fit.about.update({"origin": stop, "max_rhat": 1.01})
        return fit

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ModelForecaster, "_sampled", sampled)
        out = tmp_path_factory.mktemp("run") / "out"
        result, outcome = run(out)
        fitted = list(origins)
        again, _ = run(out)
        assert origins == fitted, "a finished run fits nothing"
        pd.testing.assert_frame_equal(result.tests, again.tests)
        yield out, result, outcome, fitted


def plan(**options):
    return EventPlan(SPEC, market(BARS), **{"refit": "7D", **options})


def run(out, **options):
    with ThreadPoolExecutor(1) as executor:
        return study_events(plan(**options), out, executor, progress=False)


def test_every_block_is_fitted_before_it_and_files_agree(finished):
    out, result, outcome, fitted = finished
    assert outcome.failed == outcome.left == 0
    assert fitted == [start for start, _ in plan().blocks()]
    summary = json.loads((out / "events.json").read_text(encoding="utf-8"))
    assert summary["tests"] == result.tests["p"].notna().sum()
    assert set(summary["conventions"]) == set(summary["findings"])
    assert [len(each) for each in summary["findings"].values()] == [6, 3, 6]
    written = pd.read_csv(out / "events.csv")
    assert np.allclose(written["median"], result.tests["median"], rtol=1e-4, equal_nan=True)
    assert {"low", "median", "high", "detectable"} <= set(written.columns)
    placebo = pd.read_csv(out / "placebos.csv")
    assert set(placebo["placebo"]) == {"sides-mirrored", "shifted-week", "reported ΔL"}


def test_a_run_of_other_definitions_is_refused(finished, monkeypatch):
    monkeypatch.setattr("liqbayes.events.definitions.DENSE_QUANTILE", 0.5)
    with pytest.raises(InputError, match="definitions"):
        run(finished[0])


def test_maps_do_not_depend_on_later_bars():
    source = market(BARS)
    later = source.to_frame()
    later.iloc[420:, :4] *= 1.08
    later.iloc[420:, later.columns.get_loc("open_interest")] *= 0.7
    changed = panel(later)
    one, two = (maps(posterior(p, 300, draws=2), 300, 460) for p in (source, changed))
    for name in (MAP, SHIFTED):
        a, b = (m.log_density[name][:, :, :120] for m in (one, two))
        # a longer grid splits what lies beyond the shorter one, which is rounded there
        assert np.allclose(a, b, atol=2e-3) and np.isfinite(a).all()
    assert (one.dense[:, :, :120] != two.dense[:, :, :120]).mean() < 0.002
    assert np.array_equal(one.flow[:, :, :120], two.flow[:, :, :120], equal_nan=True)


def test_densities_are_those_of_the_exact_levels_at_the_last_bar():
    source = market(BARS)
    fitted = posterior(source, 300, draws=3)
    found = maps(fitted, 300, BARS)
    from liqbayes.model.data import prepare

    evaluator = evaluator_of(SPEC, prepare(SPEC, source, seen=300))
    context = Context(source, evaluator, fitted.z[None], 0, "posterior", "expected")
    sigma = volatility(evaluator.data.path.close, 1.0)[-1:]
    # at-risk moves are fractions of price, bands are logs
    edges = band_distances(sigma, (24,))[0, 0]
    density = np.exp(found.log_density[MAP][:, :, -1, 2]) - 0.01
    for j, moves in enumerate((-np.expm1(-edges), np.expm1(edges))):
        _, quantity = shares_at_risk(context, moves)
        exact = np.diff(quantity[0, :, j]) / np.diff(edges) / evaluator.data.common_interest()[-1]
        assert np.allclose(density[:, j], exact, rtol=0.25, atol=0.02)
        assert density[:, j].sum() == pytest.approx(exact.sum(), rel=0.08)


def test_unknown_bars_have_no_map():
    table = market(BARS).to_frame()
    table.iloc[350:356, table.columns.get_loc("open_interest")] = np.nan
    found = maps(posterior(panel(table), 300, draws=2), 300, 400)
    known = np.isfinite(found.log_density[MAP]).all(axis=(0, 1, 3, 4))
    assert not known[50:56].any() and known[:50].all() and known[56:].all()


def test_a_plan_says_what_it_cannot_run():
    with pytest.raises(InputError, match="rule"):
        EventPlan("fixed-mix", market(BARS))
    with pytest.raises(InputError, match="longer panel"):
        EventPlan(SPEC, market(200))
    with pytest.raises(InputError, match="less than a bar"):
        plan(refit="10min")
    with pytest.raises(InputError, match="horizon"):
        EventPlan(SPEC, panel(bars(BARS, freq="7h")))


def test_evidence_needs_a_finished_block():
    with pytest.raises(InputError, match="budget"):
        evidence_of(market(BARS), [])
    with pytest.raises(InputError, match="broke"):
        evidence_of(market(BARS), [{"key": "0", "error": "it broke"}])


def test_command_refuses_bad_input(tmp_path):
    path = tmp_path / "short.parquet"
    bars(100).reset_index().to_parquet(path)
    found = CliRunner().invoke(
        app,
        ["events", str(path), "--contract", "binance:BTCUSDT", "--out", str(tmp_path / "o")],
    )
    assert found.exit_code == 2 and not (tmp_path / "o").exists()
