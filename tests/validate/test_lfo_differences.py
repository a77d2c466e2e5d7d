"""Block bootstrap, verdicts and tables of a comparison, from invented scores."""

import json

import numpy as np
import pandas as pd
import pytest

from liqbayes.errors import InputError
from liqbayes.panel import MarketPanel
from liqbayes.validate.lfo.differences import block_bootstrap_se, difference
from liqbayes.validate.lfo.picture import draw_comparison
from liqbayes.validate.lfo.tables import judge, write_result
from tests.model.markets import panel

DAY, BARS = 24, 720


@pytest.mark.slow
def test_bootstrap_of_independent_values():
    values = np.random.default_rng(1).normal(0.2, 1.0, 600)
    assert block_bootstrap_se(values, 1, 0) == pytest.approx(values.std() * 600**0.5, rel=0.05)
    assert block_bootstrap_se(values, 1, 0) == block_bootstrap_se(values, 1, 0)


@pytest.mark.slow
def test_bootstrap_sees_dependence_within_a_day():
    """An AR(1) series whose sum varies (1 + r) / (1 - r) times as much as its values say."""
    r, n = 0.7, 24 * 200 + 7
    rng = np.random.default_rng(5)
    values = np.empty(n)
    values[0] = rng.normal()
    for t in range(1, n):
        values[t] = r * values[t - 1] + rng.normal() * np.sqrt(1 - r**2)
    naive = block_bootstrap_se(values, 1, 0)
    found = block_bootstrap_se(values, DAY, 0)
    true = np.sqrt(n * (1 + r) / (1 - r))
    assert naive < 0.5 * true
    # blocks of a day miss what reaches beyond them, some 6 % here; 200 days say it to 5 %
    assert found == pytest.approx(0.94 * true, rel=0.12)


def test_verdicts_exclude_zero_or_are_none():
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 0.1, BARS)
    zero = np.zeros(BARS)
    up, down = (
        difference(noise + 0.05, zero, 0.0, DAY, 0),
        difference(zero, noise + 0.05, 0, DAY, 0),
    )
    assert up.verdict == "better" and up.low > 0
    assert down.verdict == "worse" and down.high < 0
    assert up.value == pytest.approx(-down.value)
    unsure = difference(noise - noise.mean() + 0.001, zero, 0.0, DAY, 0)
    assert unsure.verdict == "not decided" and unsure.low < 0 < unsure.high
    # what the draws leave open counts too
    assert difference(noise + 0.05, zero, 60.0, DAY, 0).verdict == "not decided"
    few = difference(noise[: 9 * DAY] + 5.0, zero[: 9 * DAY], 0.0, DAY, 0)
    assert few.verdict == "too few days" and np.isnan(few.se)


@pytest.mark.parametrize("days", [10, 30])
def test_verdicts_are_wrong_as_often_as_they_say(days):
    """Of pairs of equally good models about one in twenty gets a verdict, with few days too."""
    rng, n = np.random.default_rng(9), 24 * days
    shocks = rng.normal(0, 1, (400, n + 5))
    series = sum(shocks[:, i : i + n] for i in range(6))
    wrong = [
        difference(row, np.zeros(n), 0.0, DAY, 0).verdict in ("better", "worse") for row in series
    ]
    # three standard errors of a share of 0.05 in 400
    assert 0.017 < np.mean(wrong) < 0.083


def invented(start, stop, rng, *, level=0.0, feed=True):
    """A row as ``score_block`` returns it."""
    n = stop - start
    own = {"open interest": rng.normal(level, 0.1, n)}
    if feed:
        own |= {f"reports, {side}": rng.normal(level, 0.1, n) for side in ("long", "short")}
    own["all"] = np.sum(list(own.values()), axis=0)
    windows = [[a, min(a + 24, stop)] for a in range(start, stop, 24)]
    return {
        "start": start,
        "stop": stop,
        "elpd": {name: [float(v) for v in values] for name, values in own.items()},
        "mcse": dict.fromkeys(own, 0.2),
        "windows": windows,
        "k": [None, *[0.3 + 0.01 * i for i in range(len(windows) - 1)]],
        "fits": [
            {"origin": start, "max_rhat": 1.01, "min_ess": 300.0, "divergences": 1, "seconds": 2.0}
        ],
        "seconds": 3.0,
    }


def rows(seed, **options):
    rng = np.random.default_rng(seed)
    return [invented(a, a + 180, rng, **options) for a in (180, 360, 540)]


def of(result, channel, model):
    table = result.table
    return table[(table["channel"] == channel) & (table["model"] == model)].iloc[0]


def test_only_channels_in_common_are_compared():
    result = judge({"whole": rows(1), "quiet": rows(2, feed=False, level=0.3)}, BARS, 3, DAY, 0)
    assert set(result.table["channel"]) == {"open interest"}
    assert set(result.left_out) == {"reports, long (whole only)", "reports, short (whole only)"} | {
        "all (channels differ)"
    }
    assert of(result, "open interest", "whole")["verdict"] == "reference"
    assert of(result, "open interest", "quiet")["verdict"] == "better"
    # a third model with both channels brings the feed in, and the sum of those two
    result = judge(
        {"whole": rows(1), "quiet": rows(2, feed=False), "other": rows(3)}, BARS, 3, DAY, 0
    )
    assert set(result.table.loc[result.table["model"] == "quiet", "channel"]) == {"open interest"}
    assert set(result.table.loc[result.table["model"] == "other", "channel"]) == {
        "open interest",
        "reports, long",
        "reports, short",
        "all",
    }


def test_reference_is_the_first_model_that_scores_the_channel():
    result = judge(
        {"quiet": rows(2, feed=False), "one": rows(1), "two": rows(3, level=1.0)}, BARS, 3, DAY, 0
    )
    assert of(result, "open interest", "quiet")["verdict"] == "reference"
    assert of(result, "reports, long", "one")["verdict"] == "reference"
    assert of(result, "all", "two")["verdict"] == "better"


def test_only_bars_in_common_are_compared():
    whole, part = rows(1), rows(2)[:2]
    part[0]["elpd"]["open interest"][5] = None
    result = judge({"whole": whole, "part": part}, BARS, 3, DAY, 0)
    assert of(result, "open interest", "whole")["bars"] == 2 * 180 - 1
    assert of(result, "reports, long", "whole")["bars"] == 2 * 180
    assert result.unfinished == 1
    values = np.array([v for row in whole[:2] for v in row["elpd"]["open interest"]])
    found = of(result, "open interest", "whole")
    assert found["elpd"] == pytest.approx(np.delete(values, 5).sum())
    # two blocks count, the third does not
    assert found["mcse"] == pytest.approx(0.2 * 2**0.5)


def test_nothing_in_common_is_no_result():
    with pytest.raises(InputError, match="two models yet"):
        judge({"whole": rows(1), "none": []}, BARS, 3, DAY, 0)
    failed = [{"key": "x", "error": "SamplingError: no"}]
    with pytest.raises(InputError, match="SamplingError: no"):
        judge({"whole": rows(1), "none": failed}, BARS, 3, DAY, 0)


def market() -> MarketPanel:
    from tests.model.markets import bars

    return panel(bars(BARS, seed=1))


def test_files_and_picture(tmp_path):
    one, two = rows(1), rows(2, level=0.1)
    two[1]["fits"].append({**two[1]["fits"][0], "origin": 360 + 48, "max_rhat": 1.2})
    two[1]["k"][2] = None
    result = judge({"one": one, "two": two}, BARS, 3, DAY, 0)
    fits = result.fits.set_index("model")
    assert fits.loc["one", "refits"] == 0 and fits.loc["two", "refits"] == 1
    assert fits.loc["two", "not_converged"] == 1
    assert (408, None, True) in result.k["two"]
    models = {name: {"name": name, "version": "1", "hash": "x"} for name in ("one", "two")}
    write_result(result, {"schema": "s"}, models, 600, tmp_path)
    summary = json.loads((tmp_path / "compare.json").read_text())
    assert summary["reference"] == "one" and summary["scores"][0]["difference"] is None
    assert pd.read_csv(tmp_path / "compare.csv")["elpd"].notna().all()
    draw_comparison(result, market(), 600, tmp_path / "compare.png")
    assert (tmp_path / "compare.png").read_bytes().startswith(b"\x89PNG")
