"""Replication of Cheng et al. 2021: which readings of their sample give their margins.

Cheng, Deng, Wang and Yu (2021, Applied Economics 53(47):5415-5428, doi
10.1080/00036846.2021.1922597, arXiv 2102.04591) ask for a margin of 33 % for long and 20 % for
short positions in BitMEX's XBTUSD so that a day has a margin call with probability 1 %. Only their
abstract was read: the days of their sample, their blocks, how they measure a move, and whether 1 %
belongs to a day or to a block are not known here. So all of these are tried; how a move is measured
(worst price or close of the day) is a run of its own.
"""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.batch import Outcome, Rows, run_batch
from liqbayes.contracts import SIDES
from liqbayes.margin.answers import LEAST_PERIODS, historical_answer, normal_answer
from liqbayes.margin.backtest import binomial_interval
from liqbayes.margin.cell import PER_BLOCK, PER_PERIOD, Cell, fit_cell
from liqbayes.margin.cheng_grid import (
    DONE,
    FAILED,
    PROBABILITY,
    PUBLISHED,
    TOO_FEW,
    WAITING,
    WITH,
    WITHOUT,
    ChengPlan,
)
from liqbayes.margin.moves import Moves, block_maxima, excess_kurtosis
from liqbayes.margin.required import required_margin
from liqbayes.panel import MarketPanel

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ChengResult:
    """The grid filled.

    Attributes
    ----------
    cells : DataFrame
        A row for each window, crash, block, prior and meaning of 1 % (of a ``period``, which is a
        day, or of a ``block``): for each side ``{side}_low``, ``_median``, ``_high`` (adverse
        move), ``_contains`` (whether the 90 % interval holds the published margin), ``_margin_*``
        and ``_margin_contains`` (the same of the initial margin under the contract's rules), and
        ``_exceeded``: days of the sample beyond the median.
    others : DataFrame
        Normal and historical levels for each window, with the ratio of the GEV's margins to the
        normal one, and the excess kurtosis of daily returns.
    summary : DataFrame
        Cells that contain, by window and meaning.
    not_converged, errors : tuple of str
    """

    cells: pd.DataFrame
    others: pd.DataFrame
    summary: pd.DataFrame
    not_converged: tuple[str, ...]
    errors: tuple[str, ...]


def replicate_cheng(
    plan: ChengPlan,
    out: str | Path,
    executor: Executor,
    *,
    budget_minutes: float | None = None,
    force: bool = False,
    progress: bool = True,
) -> tuple[ChengResult, Outcome]:
    """Fill the grid; resumable as `liqbayes.margin.margin_study`.

    Returns
    -------
    ChengResult, Outcome
    """
    rows = Rows.open(out, plan.identity(), force=force)
    outcome = run_batch(
        plan.cells(),
        fit_cell,
        rows,
        executor,
        budget_minutes=budget_minutes,
        progress=progress,
        title="cells",
    )
    return tabulate_cheng(plan, {row["key"]: row for row in rows.read()}), outcome


def tabulate_cheng(plan: ChengPlan, rows: Mapping[str, Mapping[str, Any]]) -> ChengResult:
    """Tables of the rows that are there."""
    wanted = plan.cells()
    done = {key: row for key, row in rows.items() if "error" not in row}
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for key, (window, crash, block, prior, side) in plan.units().items():
        sample = plan.sample(window, crash)
        for meaning in (PER_PERIOD, PER_BLOCK):
            # of blocks of one day both mean the same
            if block == 1 and meaning == PER_BLOCK:
                continue
            name = (window, crash, block, prior, meaning)
            row = found.setdefault(
                name,
                dict(
                    zip(("window", "crash", "block", "prior", "meaning"), name, strict=True),
                    days=sample.n,
                    blocks=block_maxima(sample.adverse[side], block)[0].size,
                    status=DONE,
                    converged=True,
                ),
            )
            if key not in done:
                row["status"] = _status(key, wanted, rows)
                row["converged"] = False
                continue
            row["converged"] &= not done[key]["reasons"]
            row |= _side(plan, done[key], sample, side, meaning)
    cells = pd.DataFrame(list(found.values()))
    return ChengResult(
        cells,
        _others(plan, cells),
        _summary(cells),
        tuple(f"{k}: {'; '.join(r['reasons'])}" for k, r in done.items() if r["reasons"]),
        tuple(f"{key}: {row['error']}" for key, row in rows.items() if "error" in row),
    )


def _status(key: str, wanted: Mapping[str, Cell], rows: Mapping[str, Any]) -> str:
    if key not in wanted:
        return TOO_FEW
    return FAILED if key in rows else WAITING


def _side(
    plan: ChengPlan, row: Mapping[str, Any], sample: Moves, side: str, meaning: str
) -> dict[str, Any]:
    """What a posterior says of a side."""
    levels = np.array(row["levels"][meaning][str(PROBABILITY)])
    low, median, high = levels[:3]
    days = sample.adverse[side][~np.isnan(sample.adverse[side])]
    exceeded = int((days > median).sum())
    ends = binomial_interval(exceeded, days.size)
    margin = _margin(plan.panel, side, levels[:3], sample.start[-1])
    target = PUBLISHED[side]
    return {
        f"{side}_low": low,
        f"{side}_median": median,
        f"{side}_high": high,
        f"{side}_contains": bool(low <= target <= high),
        f"{side}_margin_low": margin[0],
        f"{side}_margin_median": margin[1],
        f"{side}_margin_high": margin[2],
        f"{side}_margin_contains": bool(margin[0] <= target <= margin[2]),
        f"{side}_shape": row["shape"][1],
        f"{side}_exceeded": exceeded,
        f"{side}_rate_low": ends[0],
        f"{side}_rate_high": ends[1],
    }


def _margin(panel: MarketPanel, side: str, moves: FloatArray, at: np.datetime64) -> FloatArray:
    price = float(np.nanmedian(panel.values("close")))
    return required_margin(panel.contract, side, moves, entry_price=price, at=at)


def _others(plan: ChengPlan, cells: pd.DataFrame) -> pd.DataFrame:
    out = []
    for window in plan.windows:
        for crash in (WITH, WITHOUT):
            sample = plan.sample(window, crash)
            if sample.n < LEAST_PERIODS:
                continue
            for side in SIDES:
                normal = normal_answer(sample.change, side, PROBABILITY, path=False)
                past = historical_answer(sample.adverse[side], PROBABILITY)
                row: dict[str, Any] = {
                    "window": window,
                    "crash": crash,
                    "side": side,
                    "days": sample.n,
                    "excess_kurtosis": excess_kurtosis(sample.change),
                }
                for name, answer in (("normal", normal), ("historical", past)):
                    row |= {f"{name}_{e}": getattr(answer, e) for e in ("low", "median", "high")}
                for meaning in (PER_PERIOD, PER_BLOCK):
                    own = cells[
                        (cells["window"] == window)
                        & (cells["crash"] == crash)
                        & (cells["meaning"] == meaning)
                    ]
                    column = f"{side}_median"
                    ratio = normal.median / own[column] if column in own else pd.Series(dtype=float)
                    row[f"normal_over_gev_{meaning}_least"] = ratio.min()
                    row[f"normal_over_gev_{meaning}_most"] = ratio.max()
                out.append(row)
    return pd.DataFrame(out)


def _summary(cells: pd.DataFrame) -> pd.DataFrame:
    """Counts over finished cells; an interval that contains both is wide or lucky: see cells."""
    done = cells[cells["status"] == DONE]
    out = []
    for (window, meaning), own in done.groupby(["window", "meaning"], sort=False):
        holds = {
            name: own[f"{name}_contains"].astype(bool)
            for name in ("long", "short", "long_margin", "short_margin")
        }
        out.append(
            {
                "window": window,
                "meaning": meaning,
                "cells": len(own),
                "long_33": int(holds["long"].sum()),
                "short_20": int(holds["short"].sum()),
                "both": int((holds["long"] & holds["short"]).sum()),
                "margin_long_33": int(holds["long_margin"].sum()),
                "margin_short_20": int(holds["short_margin"].sum()),
                "margin_both": int((holds["long_margin"] & holds["short_margin"]).sum()),
                "long_median_least": own["long_median"].min(),
                "long_median_most": own["long_median"].max(),
                "short_median_least": own["short_median"].min(),
                "short_median_most": own["short_median"].max(),
            }
        )
    return pd.DataFrame(out)
