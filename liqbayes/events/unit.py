"""One block of bars: fit to the bars before it, follow the book, keep its maps."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liqbayes.backtest.model_forecaster import ModelForecaster
from liqbayes.backtest.table import interest_before
from liqbayes.contracts import SIDES
from liqbayes.errors import InputError
from liqbayes.events.definitions import BAND_MIDDLES, MAP, SHIFTED
from liqbayes.events.evidence import Evidence, spans
from liqbayes.events.maps import maps
from liqbayes.events.packed import pack, unpack
from liqbayes.events.plan import Unit
from liqbayes.model.spec import ModelSpec
from liqbayes.panel import MarketPanel
from liqbayes.peers.bars import trigger_price

FloatArray = NDArray[np.float64]
_NAMES = (MAP, SHIFTED)


def study_block(unit: Unit) -> dict[str, Any]:
    """Fit and follow.

    Returns
    -------
    dict
        ``start``, ``stop``; ``log_density`` (by map), ``dense`` and ``flow``, packed arrays of
        ``Evidence`` for the bars of the block, densities in half precision; ``fit``
        (diagnostics), ``seconds``.
    """
    begin = time.perf_counter()
    forecaster = ModelForecaster(
        ModelSpec.from_json(unit.spec),
        unit.panel,
        draws=unit.draws,
        tune=unit.tune,
        chains=unit.chains,
        seed=unit.seed,
    )
    fitted = forecaster.at(unit.start)
    found = maps(fitted, unit.start, unit.stop)
    return {
        "start": unit.start,
        "stop": unit.stop,
        "log_density": {name: pack(found.log_density[name].astype(np.float16)) for name in _NAMES},
        "dense": pack(found.dense),
        "flow": pack(found.flow.astype(np.float32)),
        "fit": dict(fitted.about),
        "seconds": round(time.perf_counter() - begin, 2),
    }


def evidence_of(panel: MarketPanel, rows: Sequence[Mapping[str, Any]]) -> Evidence:
    """Prices of a panel and the maps of the blocks that are finished.

    Raises
    ------
    InputError
        If no block is.
    """
    done = [row for row in rows if "error" not in row]
    if not done:
        errors = sorted({str(row["error"]) for row in rows if "error" in row})
        why = f": {errors[0]}" if errors else "; the budget may have ended before"
        raise InputError(f"no block of the study is finished yet{why}.")
    hours, n = panel.bar_seconds / 3600.0, panel.n_bars
    parts = [(slice(row["start"], row["stop"]), row) for row in done]
    # fits may keep different numbers of draws
    draws = min(int(row["dense"]["shape"][0]) for row in done)
    shape = (draws, 2, n, len(spans(hours)), len(BAND_MIDDLES))
    density = {name: np.full(shape, np.nan, np.float32) for name in _NAMES}
    dense = np.zeros((*shape[:3], shape[4]), bool)
    flow = np.full(shape[:3], np.nan)
    for bars, row in parts:
        for name in _NAMES:
            density[name][:, :, bars] = unpack(row["log_density"][name])[:draws]
        dense[:, :, bars] = unpack(row["dense"])[:draws]
        flow[:, :, bars] = unpack(row["flow"])[:draws]
    return Evidence(
        time=np.asarray(panel.time).astype("datetime64[ns]"),
        bar_hours=hours,
        high=trigger_price(panel, "high"),
        low=trigger_price(panel, "low"),
        close=trigger_price(panel, "close"),
        log_density=density,
        dense=dense,
        flow=flow,
        reported=_reported(panel, np.isfinite(flow).all(axis=(0, 1))),
    )


def _reported(panel: MarketPanel, studied: NDArray[np.bool_]) -> FloatArray | None:
    """Reports over open interest of the bars under study; a feed of zeros only is unknown."""
    names = [f"{side}_liquidations" for side in SIDES]
    if not all(panel.has(name) for name in names):
        return None
    feed = np.stack([panel.values(name) for name in names])
    if not (np.nan_to_num(feed) > 0).any(axis=1).all():
        return None
    return np.asarray(np.where(studied, feed / interest_before(panel), np.nan))
