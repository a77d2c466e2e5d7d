"""`census compare` and `exam` from positions to verdicts, with draws that no sampler took."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from typer.testing import CliRunner, Result

from liqbayes.census import fits as stored
from liqbayes.cli.app import app
from liqbayes.model import ModelSpec
from liqbayes.panel import MarketPanel
from liqbayes.validate.studies import read_studies
from tests.model import markets
from tests.outputs.fits import fake_fit

BARS, EVERY = 120, 24
MODEL = "baseline"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five days of a market, positions of forty accounts on each."""
    folder = tmp_path_factory.mktemp("runs")
    frame = markets.bars(BARS, seed=4, start="2026-02-03", price=60_000.0)
    frame.rename(columns={"volume": "volume_base", "open_interest": "open_interest_base"}).drop(
        columns=["long_liquidations", "short_liquidations"]
    ).reset_index().to_csv(folder / "btc.csv", index=False)
    rng = np.random.default_rng(2)
    rows = []
    for hour in range(2 * EVERY + 1, BARS, EVERY):
        mark = float(frame["close"].iloc[hour - 1])
        for account in range(40):
            side = "long" if account % 2 else "short"
            away = rng.uniform(0.03, 0.6) * (-1 if side == "long" else 1)
            rows.append(
                {
                    "time": frame.index[hour],
                    "account": account,
                    "market": "BTC",
                    "side": side,
                    "size": rng.lognormal(5.0, 0.5),
                    "entry_price": mark * rng.uniform(0.97, 1.03),
                    "leverage": rng.uniform(1.5, 30.0),
                    "liquidation_price": mark * (1 + away),
                    "mark_price": mark,
                    "account_value": rng.lognormal(12.0, 1.0),
                }
            )
    pd.DataFrame(rows).to_csv(folder / "positions.csv", index=False)
    return folder


@pytest.fixture(autouse=True)
def no_sampler(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Draws near the prior's centre in the place of sampled ones, in this process."""
    sampled: list[int] = []

    def draws(spec: ModelSpec, panel: MarketPanel, settings: stored.Settings) -> xr.DataTree:
        sampled.append(panel.n_bars)
        return fake_fit(panel, spec, draws=settings.draws, chains=settings.chains, prior_draws=60)

    @contextmanager
    def here(workers: int) -> Iterator[ThreadPoolExecutor]:
        with ThreadPoolExecutor(1) as executor:
            yield executor

    monkeypatch.setattr(stored, "_sampled", draws)
    monkeypatch.setattr("liqbayes.batch.local_executor", here)
    return sampled


def census(name: str, files: Path, out: Path, *more: str) -> Result:
    arguments = [
        *("census", name, str(files / "positions.csv"), "--panel", f"BTC={files / 'btc.csv'}"),
        *("--contract", "BTC=hyperliquid:BTC", "--model", MODEL),
        *("--draws", "40", "--tune", "20", "--out", str(out), *more),
    ]
    return CliRunner().invoke(app, arguments)


def test_compare_from_positions_to_verdicts(
    files: Path, tmp_path: Path, no_sampler: list[int]
) -> None:
    out = tmp_path / "compare"
    done = census("compare", files, out)
    assert done.exit_code == 0, done.output
    table = pd.read_csv(out / "positions.csv")
    # a fit sees the bars that had ended, and each day has one
    assert no_sampler == [49, 73, 97]
    assert table["time"].nunique() == 3
    assert set(table["source"]) == {
        MODEL, f"{MODEL}, prior", "fixed-mix", "1/leverage, observed positions",
    }  # fmt: skip
    assert (table["low"] <= table["median"]).all() and (table["median"] <= table["high"]).all()
    some = table[table["source"] == MODEL]
    # whatever the rest holds, the observed part lies within the bounds
    inside = some["observed"] * some["share_observed"]
    np.testing.assert_allclose(inside, some["bound_low"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(inside + 1 - some["share_observed"], some["bound_high"], rtol=1e-4)
    outside = (some["low"] > some["bound_high"]) | (some["high"] < some["bound_low"])
    assert (outside == (some["verdict"] == "refuted")).all()
    quality = pd.read_csv(out / "fits.csv")
    assert len(quality) == 3 and (quality["reasons"].fillna("") != "").all()
    assert "3 of 3 fits did not converge" in done.stderr
    (study,) = read_studies(tmp_path).found
    assert study.verdict and len([w for w in study.missed if w.startswith("fit of")]) == 3
    again = census("compare", files, out)
    assert again.exit_code == 0 and len(no_sampler) == 3, "finished snapshots are not run again"


def test_exam_from_positions_to_coverage(
    files: Path, tmp_path: Path, no_sampler: list[int]
) -> None:
    out, fits = tmp_path / "exam", tmp_path / "fits"
    done = census("exam", files, out, "--splits", "6", "--fits", str(fits))
    assert done.exit_code == 0, done.output
    judged = pd.read_csv(out / "exam.csv")
    assert set(judged["side"]) == {"both", "long", "short"}
    assert judged["coverage"].between(0, 1).all()
    parts = judged["coverage"] + judged["below"] + judged["above"]
    np.testing.assert_allclose(parts, 1.0, atol=1e-5)
    # 3 snapshots, 6 splits and 2 sides, pooled
    assert (judged.loc[judged["side"] == "both", "n"] == 36).all()
    # knowing a half cannot be worth less than nothing
    assert (judged["width_ratio"] < 1).all()
    assert len(list(fits.glob("*.nc"))) == 3
    assert census("compare", files, tmp_path / "c", "--fits", str(fits)).exit_code == 0
    assert len(no_sampler) == 3, "a study takes the fits of another"
    (study,) = [s for s in read_studies(tmp_path).found if s.folder == "exam"]
    assert study.verdict.endswith("outside")


def test_a_rule_cannot_sit_the_exam(files: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app,
        [
            *("census", "exam", str(files / "positions.csv")),
            *("--panel", f"BTC={files / 'btc.csv'}", "--contract", "BTC=hyperliquid:BTC"),
            *("--model", "fixed-mix", "--out", str(tmp_path / "x")),
        ],
    )
    assert done.exit_code == 2 and "is a rule" in " ".join(done.output.split())
