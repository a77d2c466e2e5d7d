"""The grid of readings of Cheng et al. 2021."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from typing import Any

import pandas as pd

from liqbayes.contracts import SIDES
from liqbayes.errors import InputError
from liqbayes.margin.cell import Cell, Settings
from liqbayes.margin.model import LEAST_BLOCKS
from liqbayes.margin.moves import KINDS, Moves, block_maxima, holding_moves
from liqbayes.margin.plan import VERSIONS
from liqbayes.margin.priors import SHAPE_PRIORS
from liqbayes.panel import MarketPanel
from liqbayes.validate.identity import panel_identity

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
