"""The program in this process, without sampling: what is heavy is replaced by stand-ins."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from liqbayes.cli.app import app


class Program:
    """Runs `liqbayes` with arguments; stdout and stderr are kept apart."""

    def __call__(self, *arguments: str | Path) -> Result:
        return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture
def liqbayes() -> Program:
    return Program()


@pytest.fixture
def panel_file(tmp_path: Path) -> Path:
    """A small hourly panel of BTCUSDT as CSV."""
    rng = np.random.default_rng(0)
    n = 120
    close = 60_000 * np.exp(np.cumsum(rng.normal(0, 0.005, n)))
    open_ = np.append(60_000, close[:-1])
    volume = rng.gamma(2, 500, n)
    frame = pd.DataFrame(
        {
            "timestamp": pd.date_range("2024-03-01", periods=n, freq="h"),
            "open": open_,
            "high": np.maximum(open_, close) * 1.001,
            "low": np.minimum(open_, close) / 1.001,
            "close": close,
            "volume_base": volume,
            "open_interest_base": 80_000 * np.exp(np.cumsum(rng.normal(0, 0.002, n))),
        }
    )
    path = tmp_path / "btc.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Calls of the sampler, which returns nothing useful and never runs."""
    import liqbayes.sampling

    calls: list[dict[str, Any]] = []

    def fit(spec: Any, panel: Any, **options: Any) -> str:
        calls.append({"spec": spec, "panel": panel, **options})
        return "a fit"

    monkeypatch.setattr(liqbayes.sampling, "fit", fit)
    return calls


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Keys that the next report's summary gets; the report holds only that summary."""
    import liqbayes.report
    import liqbayes.report.write as write
    from liqbayes.report.directory import write_directory, write_json
    from tests.report import invented

    changes: dict[str, Any] = {}

    def write_report(fit: Any, out: Path, *, force: bool, marks: Any, **_: Any) -> dict[str, Any]:
        summary = {**liqbayes.report.summarise(invented.results()), **changes, **(marks or {})}
        write_directory(
            Path(out),
            lambda folder: write_json(folder / "summary.json", summary),
            force=force,
            known=write.FILES,
        )
        return summary

    monkeypatch.setattr(liqbayes.report, "write_report", write_report)
    return changes
