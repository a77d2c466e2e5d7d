"""Write the report of a fit."""

from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from liqbayes.conventions import BINS, PRICE_RANGE
from liqbayes.report.directory import write_directory, write_json
from liqbayes.report.results import Results, Step, compute_results
from liqbayes.report.summary import summarise
from liqbayes.report.tables import delta_table, entry_table, levels_table, leverage_table

FILES = (
    "fit.nc",
    "summary.json",
    "levels.csv",
    "delta.csv",
    "leverage.csv",
    "entry.csv",
    "heatmap.png",
    "profile.png",
    "delta.png",
    "leverage.png",
)
# Enough digits for any use, few enough that files of one fit do not differ by rounding noise.
_DIGITS = "%.10g"


def write_report(
    fit: xr.DataTree,
    out: str | Path,
    *,
    bins: int = BINS,
    price_range: tuple[float, float] = PRICE_RANGE,
    force: bool = False,
    marks: dict[str, Any] | None = None,
    step: Step = lambda _: None,
) -> dict[str, Any]:
    """Compute all outputs of a fit and write its directory, complete or not at all.

    Parameters
    ----------
    fit : DataTree
        What `liqbayes.fit` returned.
    out : str or Path
        Directory to write.
    bins, price_range
        Price grid of levels, entries and heatmap.
    force : bool
        Replace a directory that an earlier fit wrote.
    marks : dict, optional
        Further keys of ``summary.json``.
    step : callable, optional
        Told in words what is done next.

    Returns
    -------
    dict
        The contents of ``summary.json``.

    Raises
    ------
    InputError
        If the directory exists and may not be replaced.
    """
    from liqbayes.sampling import save_fit

    results = compute_results(fit, bins=bins, price_range=price_range, step=step)
    grid = {"bins": bins, "price_range": list(price_range)}
    summary = {**summarise(results), "grid": grid, **(marks or {})}

    def fill(directory: Path) -> None:
        step("tables")
        save_fit(fit, directory / "fit.nc")
        write_json(directory / "summary.json", summary)
        for name, table in _tables(results).items():
            _write_csv(directory / name, table)
        step("figures")
        _draw(results, directory)

    write_directory(Path(out), fill, force=force, known=FILES)
    return summary


def _tables(results: Results) -> dict[str, pd.DataFrame]:
    return {
        "levels.csv": levels_table(results.levels, results.bin_prior_share),
        "delta.csv": delta_table(results.delta),
        "leverage.csv": leverage_table(
            {"open_interest": results.leverage, "opened": results.opened},
            {"open_interest": results.leverage_prior, "opened": results.opened_prior},
        ),
        "entry.csv": entry_table(results.entry, results.entry_prior),
    }


def _write_csv(path: Path, table: pd.DataFrame) -> None:
    """CSV with unknown left empty and true/false as JSON writes them."""
    text = {
        str(c): table[c].map({True: "true", False: "false"}) for c in table.select_dtypes("bool")
    }
    table.assign(**text).to_csv(
        path, index=False, float_format=_DIGITS, date_format="%Y-%m-%dT%H:%M:%S", na_rep=""
    )


def _draw(results: Results, directory: Path) -> None:
    from liqbayes import plots

    label, rule = results.label, results.spec.rule is not None
    if not results.converged:
        label += " (not converged)"
    figures = {
        "heatmap.png": plots.draw_heatmap(results.heatmap, label=label),
        "profile.png": plots.draw_profile(
            results.levels,
            prior=None if rule else results.levels_prior,
            prior_share=None if rule else results.bin_prior_share,
            label=label,
        ),
        "delta.png": plots.draw_delta(results.delta, label=label, unit=results.contract.quote_unit),
        "leverage.png": plots.draw_leverage(
            results.leverage, None if rule else results.leverage_prior, label=label
        ),
    }
    for name, figure in figures.items():
        plots.save(figure, directory / name)
