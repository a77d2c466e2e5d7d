"""Blocks of bars: fit every forecaster to the bars before each, draw, score."""

import time
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liqbayes.backtest.ablation import ablation
from liqbayes.backtest.forecaster import Fitted, Forecaster
from liqbayes.backtest.model_forecaster import MODEL, ModelForecaster
from liqbayes.backtest.opponents import opponents
from liqbayes.backtest.paths import draw_path
from liqbayes.backtest.plan import HORIZON, PATHS, SIZE, Unit
from liqbayes.backtest.record import day_totals, record
from liqbayes.backtest.table import BarTable
from liqbayes.errors import InputError
from liqbayes.model.spec import ModelSpec

FloatArray = NDArray[np.float64]
FORECAST = "forecast"


def forecast_unit(unit: Unit) -> dict[str, Any]:
    """Forecast and score the blocks of a unit, one after the other.

    Returns
    -------
    dict
        ``blocks``, a list of what `forecast_block` returns.
    """
    everyone, model = forecasters(unit)
    return {"blocks": [forecast_block(unit, block, everyone, model) for block in unit.blocks]}


def forecast_block(
    unit: Unit,
    block: tuple[int, int],
    everyone: Sequence[Forecaster],
    model: ModelForecaster | None,
) -> dict[str, Any]:
    """Forecast and score the bars of a block.

    Returns
    -------
    dict
        ``start``, ``stop``, ``test``; ``tasks`` (task to forecaster to side to `record`), ``days``
        (side to totals of whole days under the model, `record.day_totals`), ``fit`` (diagnostics
        of the model's fit, or None), ``failed`` (forecaster to the reason it could not be fitted),
        ``notes`` (windows that could not be forecast), ``seconds``.
    """
    begin = time.perf_counter()
    start, stop = block
    table = BarTable.of(unit.panel).rows(None, stop)
    bars = np.arange(start, stop)
    fitted, failed, about = fit_all(everyone, model, table, start)
    out: dict[str, Any] = {}
    days: dict[str, Any] = {}
    notes: list[str] = []
    for task in unit.tasks:
        if task == FORECAST:
            drawn, notes = forecast_windows(unit, table, start, stop, fitted)
        else:
            drawn = {
                name: each.draws(
                    table, bars, task=task, size=SIZE, rng=_rng(unit, start, name, task)
                )
                for name, each in fitted.items()
            }
        out[task] = {name: record(draws, table, bars) for name, draws in drawn.items()}
        if task == "conditional" and MODEL in drawn:
            days = day_totals(drawn[MODEL], table, bars)
    return {
        "start": start,
        "stop": stop,
        "test": unit.test,
        "tasks": out,
        "days": days,
        "fit": about,
        "failed": failed,
        "notes": notes,
        "seconds": round(time.perf_counter() - begin, 2),
    }


def forecasters(unit: Unit) -> tuple[Sequence[Forecaster], ModelForecaster | None]:
    """Baselines and, in the test, the model, the regression with its map, and the placebos."""
    spec = ModelSpec.from_json(unit.spec)
    without = opponents(unit.panel, unit.maps)
    if not unit.test:
        return without, None
    model = ModelForecaster(
        spec,
        unit.panel,
        draws=unit.draws,
        tune=unit.tune,
        chains=unit.chains,
        seed=unit.seed,
        reweight=len(unit.blocks) > 1,
    )
    return [*without, model, *ablation(model)], model


def fit_all(
    everyone: Sequence[Forecaster], model: ModelForecaster | None, table: BarTable, start: int
) -> tuple[dict[str, Fitted], dict[str, str], dict[str, Any] | None]:
    """Fit what can be fitted to the bars before a block; a reason for each of the others.

    The model's own failure is an error: without it there is nothing to judge.
    """
    about = None if model is None else dict(model.fit(table, start).about)
    fitted: dict[str, Fitted] = {}
    failed: dict[str, str] = {}
    for each in everyone:
        try:
            fitted[each.name] = each.fit(table, start)
        except InputError as error:
            failed[each.name] = str(error)
    return fitted, failed, about


def forecast_windows(
    unit: Unit, table: BarTable, start: int, stop: int, fitted: dict[str, Fitted]
) -> tuple[dict[str, FloatArray], list[str]]:
    """Draws for windows of ``HORIZON`` bars, each from the bars before it on common paths.

    Placebos are left out: they are of the conditional tasks; and so are maps that were given, of
    which there are none on drawn paths.
    """
    left_out = set(unit.maps) | {name for name in fitted if name.startswith("placebo-")}
    names = [name for name in fitted if name not in left_out]
    size = SIZE // PATHS
    out = {name: np.full((2, stop - start, size * PATHS), np.nan) for name in names}
    notes = []
    for origin in range(start, stop, HORIZON):
        end = min(origin + HORIZON, stop)
        ahead = np.arange(origin, end)
        for k in range(PATHS):
            try:
                path = draw_path(
                    table, origin, ahead.size, _rng(unit, start, str(origin), f"path {k}")
                )
                drawn = {
                    name: fitted[name].draws(
                        path,
                        ahead,
                        task=FORECAST,
                        size=size,
                        rng=_rng(unit, start, name, f"path {k}"),
                    )
                    for name in names
                }
            except InputError as error:
                notes.append(f"bars {origin} to {end}: {error}")
                break
            for name, draws in drawn.items():
                out[name][:, ahead - start, k * size : (k + 1) * size] = draws
        else:
            continue
        # half a mixture of paths is none
        for name in names:
            out[name][:, ahead - start] = np.nan
    return out, notes


def _rng(unit: Unit, start: int, name: str, what: str) -> np.random.Generator:
    words = [zlib.crc32(text.encode()) for text in (name, what)]
    return np.random.default_rng([unit.seed, start, *words])
