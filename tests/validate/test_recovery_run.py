"""Plans, resuming and files of a recovery run; the real fits are in the slow tier."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from liqbayes.cli.app import app
from liqbayes.errors import InputError
from liqbayes.model import list_models, load_spec
from liqbayes.validate import RecoveryPlan, recovery_on_agent_markets
from liqbayes.validate.recovery import run
from liqbayes.validate.recovery.markets import N_DEVELOPMENT
from liqbayes.validate.recovery.outputs import OUTPUTS, draws_of, first_bar_left_out, truth_of
from liqbayes.validate.recovery.unit import in_short
from tests.model.markets import small_spec
from tests.validate.recovery_rows import invented_row


def test_plans_that_cannot_run():
    with pytest.raises(InputError, match="--markets is 0"):
        RecoveryPlan(markets=0)
    with pytest.raises(InputError, match="use 1 to 100"):
        RecoveryPlan(markets=101)


def test_markets_are_added_not_exchanged():
    few, many = RecoveryPlan(markets=3), RecoveryPlan(markets=9)
    assert all(many.units()[key] == unit for key, unit in few.units().items())
    numbers = range(N_DEVELOPMENT, N_DEVELOPMENT + 3)
    assert list(few.units()) == [f"{i:03d}-{arm}" for i in numbers for arm in ("feed", "none")]
    assert few.identity() == many.identity()
    other = RecoveryPlan(model=small_spec())
    assert other.identity()["model"] != few.identity()["model"]


def test_only_shipped_rules_are_compared(monkeypatch):
    monkeypatch.setattr(run, "POINT_RULES", ("baseline", "nowhere"))
    assert RecoveryPlan(model="baseline").rules() == ()
    other = RecoveryPlan(model=small_spec())
    expected = ("baseline",) if other.spec().name != "baseline" else ()
    assert other.rules() == expected
    assert "baseline" in list_models() and load_spec("baseline").name == "baseline"


def invented(unit):
    if (unit.number, unit.arm) == (N_DEVELOPMENT + 1, "feed"):
        raise RuntimeError("no fit")
    return invented_row(unit.number, unit.arm, np.random.default_rng(unit.number))


@pytest.fixture
def without_fits(monkeypatch):
    done = []

    def work(unit):
        done.append((unit.number, unit.arm))
        return invented(unit)

    monkeypatch.setattr(run, "recover", work)
    return done


def test_the_same_run_goes_on_where_it_was(tmp_path, without_fits):
    out = tmp_path / "run"
    with ThreadPoolExecutor(1) as executor:
        recovery_on_agent_markets(RecoveryPlan(markets=2), out, executor, progress=False)
        assert len(without_fits) == 4
        result, outcome = recovery_on_agent_markets(
            RecoveryPlan(markets=6), out, executor, progress=False
        )
        # a fit that failed has its row: it is reported, not tried for ever
        assert len(without_fits) == len(set(without_fits)) == 12
        assert outcome.failed == result.failed == 1 and outcome.left == 0
        first = (out / "recovery.csv").read_bytes()
        recovery_on_agent_markets(RecoveryPlan(markets=6), out, executor, progress=False)
        assert len(without_fits) == 12 and (out / "recovery.csv").read_bytes() == first
        other = RecoveryPlan(model=small_spec(), markets=2)
        with pytest.raises(InputError, match="holds another run"):
            recovery_on_agent_markets(other, out, executor, progress=False)
        recovery_on_agent_markets(other, out, executor, progress=False, force=True)
    names = {path.name for path in out.iterdir()}
    assert names == {
        "run.json", "rows.jsonl", "recovery.json", "recovery.csv", "comparisons.csv",
        "coverage.png",
    }  # fmt: skip
    numbers = pd.read_csv(out / "comparisons.csv")
    assert len(numbers) == 4 * len(OUTPUTS)  # of two markets, after --force
    fitted = numbers.dropna()
    assert (fitted["low"] <= fitted["median"]).all() and (fitted["median"] <= fitted["high"]).all()
    assert len(numbers) - len(fitted) == len(OUTPUTS)  # of the fit that failed
    assert (out / "coverage.png").read_bytes().startswith(b"\x89PNG")
    summary = json.loads((out / "recovery.json").read_text())
    assert summary["schema"] == "liqbayes-recovery-1" and summary["failed"] == 1


def test_nothing_finished_is_no_result(tmp_path, monkeypatch):
    def fails(unit):
        raise RuntimeError("no fit")

    monkeypatch.setattr(run, "recover", fails)
    with ThreadPoolExecutor(1) as executor, pytest.raises(InputError, match="no fit"):
        recovery_on_agent_markets(
            RecoveryPlan(markets=1), tmp_path / "run", executor, progress=False
        )


def test_command_says_what_it_needs(tmp_path):
    done = CliRunner().invoke(
        app, ["validate", "recovery", "--out", str(tmp_path), "--markets", "200"]
    )
    assert done.exit_code == 2


def test_truth_covers_the_bars_of_the_fit(agent_fit):
    """Truth and estimate of totals leave out the same bar, and nothing else."""
    market, tree = agent_fit
    values, modelled = draws_of(tree, 1.0)
    assert (modelled == first_bar_left_out(market.panel.n_bars)).all()
    truth = truth_of(market, modelled, 1.0)
    for side in ("long", "short"):
        assert truth[f"total[{side}]"] == pytest.approx(market.truth["realised_total"][side])
    assert truth["delta_total"] == pytest.approx(market.truth["delta_total"])
    np.testing.assert_allclose(
        values["delta_total"], values["total[long]"] - values["total[short]"]
    )
    assert set(values) == set(truth)


@pytest.fixture(scope="module")
def agent_fit():
    """Draws from the prior in place of a posterior: shapes and bars are what matter here."""
    import xarray as xr

    from liqbayes.model.data import prepare
    from liqbayes.model.evaluate import Evaluator
    from liqbayes.sampling import SamplerConfig
    from liqbayes.sampling.fit import assemble
    from liqbayes.sampling.predictive import prior_draws
    from liqbayes.sampling.run import Draws
    from liqbayes.simulate import market_preset, simulate_market

    market = simulate_market(market_preset("few-large", bars=120), 3)
    spec = small_spec()
    evaluator = Evaluator.of(spec, prepare(spec, market.panel))
    z = prior_draws(evaluator.layout.n, 6, 0).assign_coords(parameter=evaluator.layout.labels)
    stats = xr.Dataset({"diverging": (("chain", "draw"), np.zeros((1, 6), bool))})
    taken = Draws(z, stats, 0.0, 0.0, False, ())
    return market, assemble(evaluator, market.panel, None, taken, SamplerConfig(draws=6))


@pytest.mark.slow
def test_two_real_fits(tmp_path):
    """The first market that is judged, with and without its feed, through the command."""
    out = tmp_path / "run"
    command = ["validate", "recovery", "--out", str(out), "--markets", "1", "--workers", "1"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "all markets" in done.output and "at_risk[long, 0.1]" in done.output
    rows = [json.loads(line) for line in (out / "rows.jsonl").read_text().splitlines()]
    assert {row["arm"] for row in rows} == {"feed", "none"}
    with_feed, without = sorted(rows, key=lambda row: row["arm"])
    # the same market: all truths agree, whatever is published
    assert with_feed["truth"] == without["truth"]
    assert without["reported_share"] == {"long": None, "short": None}
    for row in rows:
        assert "error" not in row and row["convergence"]["max_rhat"] < 1.2
        for name, (low, middle, high) in row["interval"].items():
            assert low <= middle <= high, name
    before = (out / "rows.jsonl").read_bytes()
    again = CliRunner().invoke(app, command)
    assert again.exit_code == 0 and (out / "rows.jsonl").read_bytes() == before


def test_executor_can_send_the_work():
    """Units and the work on them are picklable, as other processes need."""
    import pickle

    unit = RecoveryPlan(markets=1).units()[f"{N_DEVELOPMENT:03d}-feed"]
    assert pickle.loads(pickle.dumps(unit)) == unit
    assert pickle.loads(pickle.dumps(run.recover)) is run.recover


def test_rows_are_written_in_short():
    given = {"width": {"prior": 0.123456789}, "interval": [1e-30, 2], "notes": ["a"], "left": None}
    short = {"width": {"prior": 0.1234568}, "interval": [1e-30, 2], "notes": ["a"], "left": None}
    assert in_short(given) == short
