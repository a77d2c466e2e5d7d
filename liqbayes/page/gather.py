"""What a page says, collected from the directory of a fit."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from liqbayes import checks
from liqbayes.analysis import Options, Section, analyse
from liqbayes.errors import InputError
from liqbayes.model import load_spec
from liqbayes.model.spec import ModelSpec, model_card
from liqbayes.page.densities import entry_data, leverage_data
from liqbayes.page.surfaces import DRAWS, surfaces
from liqbayes.panel import Inspection, inspect_panel
from liqbayes.report import compare_with_truth, grid_of, read_summary
from liqbayes.resources import find_resource
from liqbayes.sampling import load_fit
from liqbayes.sampling.fit import panel_of

TABLES = ("levels", "delta", "leverage", "entry")
#: Steps that `gather` announces, besides one a topic.
STEPS = 4


@dataclass(frozen=True)
class Facts:
    """Everything on a page, before it is set.

    Attributes
    ----------
    name : str
        Of the fit's directory.
    summary : dict
        ``summary.json``.
    delta : DataFrame
        ``delta.csv``.
    figures : dict
        Data of the interactive figures, plain JSON values.
    sections : tuple of Section
    verdicts : tuple of dict
        As ``summary.json`` holds them.
    inspection : Inspection
    bar_seconds : int
    spec_summary : str
    card : str or None
        Markdown of the model's card; None if the model is not one that is shipped.
    truth : DataFrame or None
        Posterior beside truth, of the demo.
    commands : tuple of str
        That lead to the page.
    """

    name: str
    summary: dict[str, Any]
    delta: pd.DataFrame
    figures: dict[str, Any]
    sections: tuple[Section, ...]
    verdicts: tuple[Mapping[str, Any], ...]
    inspection: Inspection
    bar_seconds: int
    spec_summary: str
    card: str | None
    truth: pd.DataFrame | None
    commands: tuple[str, ...]

    @property
    def rule(self) -> bool:
        """Whether the numbers are of a rule and have no interval."""
        return bool(self.summary["sampler"]["name"] == "rule")


def gather(
    directory: Path,
    *,
    sections: Sequence[Section] | None = None,
    analysed: str | None = None,
    draws: int = DRAWS,
    step: Callable[[str], None] = lambda _: None,
) -> Facts:
    """Read a fit's directory and compute what its files do not hold: the map through time.

    Parameters
    ----------
    directory : Path
        What `liqbayes fit` wrote.
    sections : sequence of Section, optional
        Topics of the fit, as `liqbayes.analysis.analyse` returns them; by default they are run.
    analysed : str, optional
        Command line that made them, for the page.
    draws : int
        Posterior draws of the map through time; everything else is as in the files.
    step : callable, optional
        Told in words what is done next.

    Returns
    -------
    Facts

    Raises
    ------
    InputError
        If the directory holds no fit, a file is missing, or there are no draws.
    """
    if draws < 1:
        raise InputError(f"draws is {draws}; use at least 1.")
    summary = read_summary(directory)
    step("files of the fit")
    tables = {name: _table(directory / f"{name}.csv") for name in TABLES}
    fit = load_fit(directory / "fit.nc")
    step("checks")
    panel, _ = panel_of(fit)
    verdicts = summary.get("verdicts")
    if verdicts is None:  # written by a version that did not keep them
        verdicts = [asdict(v) for v in checks.review(fit).verdicts]
    inspection = inspect_panel(panel)
    step("levels through time")
    map_data = surfaces(fit, tables["levels"], draws=draws)
    figures = {
        "map": map_data,
        "leverage": leverage_data(tables["leverage"]),
        "entry": entry_data(tables["entry"]),
        "delta": _delta(tables["delta"], summary),
        "moves": [float(move) for move in summary["at_risk"]["long"]],
    }
    spec = ModelSpec.from_json(fit.attrs["spec"])
    if sections is None:
        sections = analyse(fit, options=Options(**grid_of(summary)), step=step)
    step("page")
    return Facts(
        name=directory.resolve().name,
        summary=summary,
        delta=tables["delta"],
        figures=figures,
        sections=tuple(sections),
        verdicts=tuple(verdicts),
        inspection=inspection,
        bar_seconds=panel.bar_seconds,
        spec_summary=spec.summary,
        card=_card(spec),
        truth=_truth(summary),
        commands=_commands(directory, summary, fit, analysed),
    )


def _table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise InputError(f"{path} is missing; fit again, or restore it.")
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from None


def _delta(table: pd.DataFrame, summary: dict[str, Any]) -> list[dict[str, Any]]:
    """Windows of ΔL with long and short liquidations, as [low, median, high]."""
    out = []
    for window, (_, row) in zip(summary["delta_quote"], table.iterrows(), strict=True):
        values = {
            name: [_number(row[f"{name}_quote{end}"]) for end in ("_lo", "", "_hi")]
            for name in ("long", "short", "delta")
        }
        out.append({"window": window, **values, "p_positive": _number(row["p_positive"])})
    return out


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def _card(spec: ModelSpec) -> str | None:
    """Card of the shipped model, if it is the very one that was fitted."""
    try:
        shipped = load_spec(spec.name)
    except InputError:
        return None
    return model_card(shipped) if shipped.content_hash == spec.content_hash else None


def _truth(summary: dict[str, Any]) -> pd.DataFrame | None:
    if summary.get("demo") is not True:
        return None
    path = find_resource("data", "demo_market", "truth.json")
    truth = json.loads(path.read_text(encoding="utf-8"))
    return pd.DataFrame(
        [
            {
                "output": row.output,
                "unit": row.unit,
                "low": row.low,
                "median": row.median,
                "high": row.high,
                "truth": row.truth,
                "inside": row.inside,
            }
            for row in compare_with_truth(summary, truth)
        ]
    )


def _commands(
    directory: Path, summary: dict[str, Any], fit: xr.DataTree, analysed: str | None = None
) -> tuple[str, ...]:
    """Command lines that make the fit and the page again; paths are names only."""
    run = json.loads(fit.attrs["sampler"])
    meta = json.loads(fit.attrs["panel_meta"])
    source = meta["provenance"].get("source", "PANEL")
    name = directory.resolve().name
    words = [
        *("liqbayes", "fit", Path(str(source)).name or "PANEL"),
        *("--contract", summary["contract"], "--model", summary["model"]["name"]),
    ]
    if meta["provenance"].get("slice"):
        first, last = (np.datetime64(time, "s") for time in meta["provenance"]["slice"])
        end = last + np.timedelta64(int(meta["bar_seconds"]), "s")
        words += ["--since", str(first), "--until", str(end)]
    for target, column in meta["provenance"].get("columns", {}).items():
        words += ["--column", f"{target}={column}"]
    if "grid" in summary:  # written by a version that did not keep it: as it is by default
        words += ["--bins", summary["grid"]["bins"]]
        words += ["--price-range", "{:g}:{:g}".format(*summary["grid"]["price_range"])]
    if run["name"] != "rule":
        words += ["--draws", run.get("asked_draws", run["draws"]), "--tune", run["tune"]]
        words += ["--chains", run.get("asked_chains", run["chains"]), "--seed", run["seed"]]
        words += ["--sampler", run["name"]]
    made = [shlex.join(map(str, [*words, "--out", name]))]
    if summary.get("demo") is True:
        made = [shlex.join(["liqbayes", "demo", "--out", name])]
    if analysed is not None:
        made.append(analysed)
    return (*made, shlex.join(["liqbayes", "report", name]))
