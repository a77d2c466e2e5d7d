"""`liqbayes fit`: checks before sampling, exit status, streams, what is passed on."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Program

CONTRACT = ("--contract", "binance:BTCUSDT")


def test_converged_fit_is_status_0_with_tables_on_stdout(
    liqbayes: Program,
    panel_file: Path,
    tmp_path: Path,
    sampled: list[Any],
    reported: dict[str, Any],
) -> None:
    out = tmp_path / "deep" / "out"
    done = liqbayes("fit", panel_file, *CONTRACT, "--out", out, "--seed", "5", "--draws", "50")
    assert done.exit_code == 0, done.stderr
    assert (out / "summary.json").is_file()
    (call,) = sampled
    assert (call["seed"], call["draws"], call["tune"], call["chains"]) == (5, 50, 1000, 4)
    assert call["sampler"] == "nutpie"
    assert call["panel"].n_bars == 120
    assert "at risk" in done.stdout and "P(ΔL > 0)" in done.stdout
    assert "written" in done.stderr and "written" not in done.stdout
    assert "at risk" not in done.stderr


def test_unconverged_fit_is_written_marked_and_status_3(
    liqbayes: Program,
    panel_file: Path,
    tmp_path: Path,
    sampled: list[Any],
    reported: dict[str, Any],
) -> None:
    reported |= {"converged": False, "reasons": ["R-hat 1.2 of kappa"]}
    done = liqbayes("fit", panel_file, *CONTRACT, "--out", tmp_path / "out")
    assert done.exit_code == 3
    assert "not converged: R-hat 1.2 of kappa" in done.stderr
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["converged"] is False


def test_interrupted_fit_with_draws_is_written_and_status_130(
    liqbayes: Program,
    panel_file: Path,
    tmp_path: Path,
    sampled: list[Any],
    reported: dict[str, Any],
) -> None:
    reported |= {"interrupted": True, "converged": False}
    done = liqbayes("fit", panel_file, *CONTRACT, "--out", tmp_path / "out")
    assert done.exit_code == 130
    assert (tmp_path / "out" / "summary.json").is_file()


def test_interrupt_without_draws_writes_nothing(
    liqbayes: Program, panel_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from liqbayes import sampling

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sampling, "fit", stop)
    done = liqbayes("fit", panel_file, *CONTRACT, "--out", tmp_path / "out")
    assert done.exit_code == 130
    assert "nothing was written" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_that_a_library_swallows_is_still_an_interrupt(
    liqbayes: Program,
    panel_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    from liqbayes import sampling

    def swallow(*_: Any, **__: Any) -> None:
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            pass
        raise RuntimeError("no compiled object yet")

    monkeypatch.setattr(sampling, "fit", swallow)
    # a job started in the background inherits an ignored SIGINT
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        done = liqbayes("fit", panel_file, *CONTRACT, "--out", tmp_path / "out")
        assert done.exit_code == 130
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGINT, inherited)


def test_faults_of_the_program_are_not_hidden(
    liqbayes: Program, panel_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from liqbayes import sampling

    def fault(*_: Any, **__: Any) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(sampling, "fit", fault)
    done = liqbayes("fit", panel_file, *CONTRACT, "--out", tmp_path / "out")
    assert isinstance(done.exception, RuntimeError)


def test_mapping_and_span_reach_the_panel(
    liqbayes: Program,
    panel_file: Path,
    tmp_path: Path,
    sampled: list[Any],
    reported: dict[str, Any],
) -> None:
    done = liqbayes(
        "fit",
        panel_file,
        *CONTRACT,
        "--out",
        tmp_path / "out",
        "--column",
        "volume=open_interest_base:base",
        "--since",
        "2024-03-01T06:00",
        "--until",
        "2024-03-05",
    )
    assert done.exit_code == 0, done.stderr
    panel = sampled[0]["panel"]
    assert (
        str(panel.time[0])[:13] == "2024-03-01T06" and str(panel.time[-1])[:13] == "2024-03-04T23"
    )
    assert (panel.values("volume") == panel.values("open_interest")).all()


BAD = {
    "bins": (("--bins", "3"), "--bins is 3; use 10 to 5000"),
    "price range": (("--price-range", "0.5-2"), "give LOW:HIGH"),
    "price range without the price": (("--price-range", "1.5:2"), "0 < LOW < 1 < HIGH"),
    "column": (("--column", "volume"), "is not NAME=SOURCE"),
    "column twice": (("--column", "volume=a", "--column", "volume=b"), "twice"),
    "missing source": (("--column", "volume=nope:base"), "nope"),
    "draws": (("--draws", "0"), "draws is 0"),
    "chains": (("--chains", "0"), "chains is 0"),
    "cores": (("--cores", "0"), "cores is 0"),
    "seed": (("--seed", "-1"), "seed is -1"),
    "sampler": (("--sampler", "emcee"), "'emcee'; use one of nutpie"),
    "model": (("--model", "nope"), "no model 'nope'"),
    "empty span": (("--since", "2030-01-01"), "no bar lies in"),
    "not a number": (("--draws", "many"), "Invalid value"),
    "unknown option": (("--nope",), "No such option"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_usage_is_status_2_before_sampling(
    liqbayes: Program, panel_file: Path, tmp_path: Path, sampled: list[Any], case: str
) -> None:
    options, message = BAD[case]
    done = liqbayes("fit", panel_file, *CONTRACT, "--out", tmp_path / "out", *options)
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert sampled == []
    assert not (tmp_path / "out").exists()


def test_unknown_contract_lists_the_known(
    liqbayes: Program, panel_file: Path, tmp_path: Path, sampled: list[Any]
) -> None:
    done = liqbayes("fit", panel_file, "--contract", "binance:NOPE", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "binance:BTCUSDT" in done.stderr
    assert sampled == []


@pytest.mark.parametrize("content", ["", "not a table at all", "a,b\n1,2\n"])
def test_files_that_are_no_panel_are_status_2(
    liqbayes: Program, tmp_path: Path, sampled: list[Any], content: str
) -> None:
    path = tmp_path / "x.csv"
    path.write_text(content)
    done = liqbayes("fit", path, *CONTRACT, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert done.stderr.count("error:") == 1
    assert sampled == []


def test_existing_directory_needs_force_and_is_then_replaced(
    liqbayes: Program,
    panel_file: Path,
    tmp_path: Path,
    sampled: list[Any],
    reported: dict[str, Any],
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "summary.json").write_text("{}")
    refused = liqbayes("fit", panel_file, *CONTRACT, "--out", out)
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert sampled == []
    assert liqbayes("fit", panel_file, *CONTRACT, "--out", out, "--force").exit_code == 0
    assert json.loads((out / "summary.json").read_text())["contract"] == "binance:BTCUSDT"
    (out / "notes.txt").write_text("mine")
    foreign = liqbayes("fit", panel_file, *CONTRACT, "--out", out, "--force")
    assert foreign.exit_code == 2
    assert "notes.txt" in foreign.stderr


def test_sampler_that_cannot_run_is_one_message(
    liqbayes: Program, panel_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from liqbayes import sampling
    from liqbayes.errors import SamplingError

    def fail(*_: Any, **__: Any) -> None:
        raise SamplingError("numpyro needs the extra [jax]")

    monkeypatch.setattr(sampling, "fit", fail)
    done = liqbayes("fit", panel_file, *CONTRACT, "--out", tmp_path / "out", "--sampler", "numpyro")
    assert done.exit_code == 2
    assert "numpyro needs the extra [jax]" in done.stderr


def test_several_panels_need_as_many_contracts_and_different_markets(
    liqbayes: Program, panel_file: Path, tmp_path: Path, sampled: list[Any]
) -> None:
    out, two = tmp_path / "out", (panel_file, panel_file)
    for contracts, words in (
        (("binance:BTCUSDT",), "2 panel(s) and 1 contract(s)"),
        (("binance:BTCUSDT", "binance:BTCUSDT"), "binance-BTCUSDT is given twice"),
    ):
        options = [x for name in contracts for x in ("--contract", name)]
        done = liqbayes("fit", *two, *options, "--out", out, "--model", "hierarchical")
        assert done.exit_code == 2 and words in done.stderr
    assert not sampled and not out.exists()


def test_each_of_several_markets_gets_a_folder_and_the_worst_status_counts(
    liqbayes: Program,
    panel_file: Path,
    tmp_path: Path,
    reported: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import xarray as xr

    from liqbayes import sampling

    share = xr.DataArray([[[0.2, 0.4]]], dims=("chain", "draw", "pool"))
    common = xr.Dataset({"pooled_share": share.assign_coords(pool=["leverage", "survival"])})
    tree = xr.DataTree.from_dict({"posterior": common, "prior": common})
    asked = []

    def fit(spec: Any, panels: Any, **options: Any) -> Any:
        asked.append(list(panels))
        return dict.fromkeys(panels, tree)

    monkeypatch.setattr(sampling, "fit", fit)
    reported |= {"converged": False, "reasons": ["R-hat 1.2"]}
    out = tmp_path / "out"
    contracts = ("--contract", "binance:BTCUSDT", "--contract", "okx:BTC-USDT-SWAP")
    call = ("fit", panel_file, panel_file, *contracts, "--out", out, "--model", "hierarchical")
    done = liqbayes(*call)
    assert done.exit_code == 3, done.output
    assert asked == [["binance-BTCUSDT", "okx-BTC-USDT-SWAP"]]
    assert sorted(p.name for p in out.iterdir()) == asked[0]
    assert "common share" in done.stdout and "40.0 %" in done.stdout
    refused = liqbayes(*call)
    assert refused.exit_code == 2 and "--force" in refused.stderr
    assert liqbayes(*call, "--force").exit_code == 3
    alone = liqbayes("fit", panel_file, *contracts[:2], "--out", out, "--force")
    assert alone.exit_code == 2 and "did not write" in alone.stderr
