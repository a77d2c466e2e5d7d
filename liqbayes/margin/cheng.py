"""Replication of Cheng et al. 2021: which readings of their sample give their margins.

Cheng, Deng, Wang and Yu (2021, Applied Economics 53(47):5415-5428, doi
10.1080/00036846.2021.1922597, arXiv 2102.04591) ask for a margin of 33 % for long and 20 % for
short positions in BitMEX's XBTUSD so that a day has a margin call with probability 1 %. Only their
abstract was read: the days of their sample, their blocks, how they measure a move, and whether 1 %
belongs to a day or to a block are not known here. So all of these are tried.
"""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.batch import Outcome, Rows, run_batch
from liqbayes.contracts import SIDES
from liqbayes.errors import InputError
from liqbayes.margin.answers import LEAST_PERIODS, historical_answer, normal_answer
from liqbayes.margin.backtest import binomial_interval
from liqbayes.margin.cell import PER_BLOCK, PER_PERIOD, Cell, Settings, fit_cell
from liqbayes.margin.model import LEAST_BLOCKS, SHAPE_PRIORS
from liqbayes.margin.moves import KINDS, Moves, block_maxima, excess_kurtosis, holding_moves
from liqbayes.margin.required import required_margin
from liqbayes.margin.study import VERSIONS, panel_identity
from liqbayes.panel import MarketPanel

FloatArray = NDArray[np.float64]
SCHEMA = "liqbayes-cheng2021-1"
# What the abstract reports, by side; and the probability it belongs to.
PUBLISHED = {"long": 0.33, "short": 0.20}
PROBABILITY = 0.01
# The paper was posted on 9 February 2021 and speaks of prices of December 2020.
WINDOWS: dict[str, tuple[str | None, str]] = {
    "to 2020": (None, "2021-01-01"),
    "2017 to 2020": ("2017-01-01", "2021-01-01"),
    "2018 to 2020": ("2018-01-01", "2021-01-01"),
    "2019 to 2020": ("2019-01-01", "2021-01-01"),
    "2020": ("2020-01-01", "2021-01-01"),
    "2020-01 to 2021-02-08": ("2020-01-01", "2021-02-09"),
}
BLOCKS = (1, 5, 7, 14, 21, 30)
CRASH = ("2020-03-12", "2020-03-13")
WITH, WITHOUT = "with", "without"
DONE, TOO_FEW, FAILED, WAITING = "done", "too few blocks", "failed", "not yet"


@dataclass(frozen=True)
class ChengPlan:
    """The grid.

    Attributes
    ----------
    panel : MarketPanel
        Bars of a day or shorter.
    kind : {"intrabar", "close"}
        Worst price of a day, or its close, against its open.
    windows : mapping of str to (since, until)
    blocks : tuple of int
        Days of a block.
    settings : Settings
    """

    panel: MarketPanel
    kind: str = "intrabar"
    windows: Mapping[str, tuple[str | None, str]] = field(default_factory=lambda: dict(WINDOWS))
    blocks: tuple[int, ...] = BLOCKS
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        """Refuse what cannot be computed."""
        if self.kind not in KINDS:
            raise InputError(f"--moves is {self.kind!r}; use one of {', '.join(KINDS)}.")
        if not self.blocks or min(self.blocks) < 1 or len(set(self.blocks)) < len(self.blocks):
            raise InputError("give blocks of at least 1 day, each once.")
        self.settings.config()
        if not self.cells():
            last = pd.Timestamp(self.moves.start[-1]).date()
            raise InputError(
                f"no window has {LEAST_BLOCKS} blocks in this panel, whose days run from "
                f"{pd.Timestamp(self.moves.start[0]).date()} to {last}; windows are "
                f"{', '.join(self.windows)}."
            )

    @cached_property
    def moves(self) -> Moves:
        """Days of the panel."""
        return holding_moves(self.panel, "1d", self.kind)

    def sample(self, window: str, crash: str) -> Moves:
        """Days of a window, with or without 12 and 13 March 2020."""
        chosen = self.moves.between(*self.windows[window])
        return chosen if crash == WITH else chosen.without(CRASH)

    def units(self) -> dict[str, tuple[str, str, int, str, str]]:
        """Window, crash, block, prior and side of every posterior, by key."""
        return {
            f"{w}|{crash}|{block}|{prior}|{side}": (w, crash, block, prior, side)
            for w in self.windows
            for crash in (WITH, WITHOUT)
            for block in self.blocks
            for prior in SHAPE_PRIORS
            for side in SIDES
        }

    def cells(self) -> dict[str, Cell]:
        """Those that have enough blocks."""
        out = {}
        for key, (window, crash, block, prior, side) in self.units().items():
            maxima, _ = block_maxima(self.sample(window, crash).adverse[side], block)
            if maxima.size >= LEAST_BLOCKS:
                out[key] = Cell(maxima, block, 1.0, prior, (PROBABILITY,), self.settings)
        return out

    def identity(self) -> dict[str, Any]:
        """Everything that a row depends on."""
        return {
            "schema": SCHEMA,
            "panel": panel_identity(self.panel),
            "moves": self.kind,
            "windows": {name: list(ends) for name, ends in self.windows.items()},
            "blocks": list(self.blocks),
            "sampler": self.settings.as_dict(),
            "versions": {name: version(name) for name in VERSIONS},
        }


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
