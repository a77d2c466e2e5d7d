"""`liqbayes census`: from files to tables, and what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from liqbayes.census import Census, read_census
from liqbayes.cli.app import app
from liqbayes.outputs import liquidation_levels
from liqbayes.sampling import save_fit
from liqbayes.sampling.fit import panel_of
from tests.census import simulated
from tests.outputs import fits


def liqbayes(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("census")
    market = simulated.panel()
    table: Census = simulated.census(np.random.default_rng(0), market, accounts=60)
    table.table.to_parquet(folder / "positions.parquet")
    frame = market.data.to_dataframe().rename(
        columns={"volume": "volume_base", "open_interest": "open_interest_base"}
    )
    frame.reset_index().rename(columns={"time": "timestamp"}).to_csv(
        folder / "btc.csv", index=False
    )
    return folder


def test_fate_writes_its_tables(files: Path, tmp_path: Path) -> None:
    out = tmp_path / "fate"
    arguments = (
        "census",
        "fate",
        files / "positions.parquet",
        "--panel",
        f"BTC={files / 'btc.csv'}",
        "--contract",
        "BTC=hyperliquid:BTC",
        "--out",
        out,
    )
    done = liqbayes(*arguments)
    assert done.exit_code == 0, done.output
    assert "closed at a touch" in done.stdout
    assert {p.name for p in out.iterdir()} == {
        "removal.csv",
        "drift.csv",
        "half_life.csv",
        "stays.csv",
        "priors.csv",
        "fate.json",
    }
    again = liqbayes(*arguments)
    assert again.exit_code == 2
    assert "--force" in again.stderr


@pytest.mark.parametrize(
    ("panel", "contract", "words"),
    [
        ("btc.csv", "BTC=hyperliquid:BTC", "MARKET=VALUE"),
        ("SOL=btc.csv", "BTC=hyperliquid:BTC", "the same markets"),
    ],
)
def test_panels_and_contracts_are_named_by_market(
    files: Path, tmp_path: Path, panel: str, contract: str, words: str
) -> None:
    done = liqbayes(
        "census",
        "fate",
        files / "positions.parquet",
        "--panel",
        panel,
        "--contract",
        contract,
        "--out",
        tmp_path / "out",
    )
    assert done.exit_code == 2
    assert words in done.stderr
    assert not (tmp_path / "out").exists()


def test_fuse_writes_known_and_posterior(tmp_path: Path) -> None:
    fit = fits.linear_fit(draws=6, prior_draws=50)
    levels = liquidation_levels(fit, bins=20, kind="expected")
    price, time = levels.attrs["mark_price"], pd.Timestamp(levels.attrs["as_of"])
    save_fit(fit, tmp_path / "fit.nc")
    interest = panel_of(fit)[0].values("open_interest")[-1]
    pd.DataFrame(
        {
            "time": [time, time],
            "account": ["a", "b"],
            "market": "BTC",
            "side": ["long", "short"],
            "size": [0.2 * interest, 0.1 * interest],
            "liquidation_price": [0.9 * price, 1.2 * price],
            "mark_price": price,
        }
    ).to_csv(tmp_path / "positions.csv", index=False)
    arguments = ("census", "fuse", tmp_path / "fit.nc", tmp_path / "positions.csv", "--market")
    done = liqbayes(*arguments, "BTC", "--out", tmp_path / "fused")
    assert done.exit_code == 0, done.output
    assert "20.0 %" in done.stdout
    bins = pd.read_csv(tmp_path / "fused" / "fused.csv")
    assert bins["known"].sum() == pytest.approx(0.3 * interest, rel=1e-4)
    wrong = liqbayes(*arguments, "DOGE", "--out", tmp_path / "other")
    assert wrong.exit_code == 2
    assert "no market 'DOGE'" in wrong.stderr


@pytest.mark.devdata
def test_real_snapshots_are_read(dev_data: Path) -> None:
    table = read_census(dev_data / "hyperliquid_positions.parquet")
    assert (len(table.times), len(table.accounts), len(table.daily())) == (35, 417, 7)
    assert table.markets == ("BTC", "ETH")
    # linear shorts always have a level, an eighth or so of long notional has none
    shorts = table.table[table.table["side"] < 0]
    assert shorts["liquidation_price"].notna().all()
