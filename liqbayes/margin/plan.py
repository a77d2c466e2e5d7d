"""What is asked of a panel, and the posteriors that answer it."""

from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from typing import Any

import numpy as np

from liqbayes.contracts import SIDES
from liqbayes.errors import InputError
from liqbayes.margin.answers import LEAST_PERIODS
from liqbayes.margin.backtest import Origin, origins
from liqbayes.margin.cell import Cell, Settings
from liqbayes.margin.model import LEAST_BLOCKS
from liqbayes.margin.moves import KINDS, Moves, block_maxima, holding_moves
from liqbayes.margin.priors import SHAPE_PRIORS, shape_prior
from liqbayes.panel import MarketPanel
from liqbayes.validate.identity import panel_identity

SCHEMA = "liqbayes-margin-1"
VERSIONS = ("liqbayes", "pymc", "nutpie", "arviz")


@dataclass(frozen=True)
class MarginPlan:
    """What is asked of a panel.

    Attributes
    ----------
    panel : MarketPanel
    probabilities : tuple of float
        Of liquidation within a holding period.
    holdings : tuple of str
        Durations.
    block : int
        Holding periods of a block.
    kind : {"intrabar", "close"}
        As of `holding_moves`.
    priors : tuple of str
        Of the shape.
    refits : int
        Times that the backtest fits again; 0 for no backtest.
    first_share : float
        Share of the periods before the backtest's first forecast.
    settings : Settings
    """

    panel: MarketPanel
    probabilities: tuple[float, ...] = (0.01,)
    holdings: tuple[str, ...] = ("1d",)
    block: int = 30
    kind: str = "intrabar"
    priors: tuple[str, ...] = tuple(SHAPE_PRIORS)
    refits: int = 8
    first_share: float = 0.5
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        """Refuse what cannot be computed, before anything is."""
        for p in self.probabilities:
            if not 0 < p <= 0.25:
                raise InputError(f"--probability is {p}; use more than 0, at most 0.25.")
        if not self.probabilities or not self.holdings or not self.priors:
            raise InputError("give at least one probability, holding period and shape prior.")
        for name in ("probabilities", "holdings", "priors"):
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                raise InputError(f"{name} has the same value twice; give each once.")
        for prior in self.priors:
            shape_prior(prior)
        if self.kind not in KINDS:
            raise InputError(f"--moves is {self.kind!r}; use one of {', '.join(KINDS)}.")
        if self.block < 1:
            raise InputError(f"--block is {self.block}; use at least 1 holding period.")
        if self.refits < 0:
            raise InputError(f"--refits is {self.refits}; use 0 or more.")
        if not 0 < self.first_share < 1:
            raise InputError(f"--first-share is {self.first_share}; use more than 0, less than 1.")
        self.settings.config()
        for holding, moves in self.moves.items():
            share = self.first_share if self.refits else 1.0
            first = int(moves.n * share)
            before = " before the backtest begins" if self.refits else ""
            known = int(np.isfinite(moves.change[:first]).sum())
            if known < LEAST_PERIODS:
                raise InputError(
                    f"{known} periods of {holding} are known{before}; at least {LEAST_PERIODS} are "
                    "needed. Use a longer panel, a shorter --holding or --refits 0."
                )
            blocks = min(block_maxima(moves.adverse[s][:first], self.block)[0].size for s in SIDES)
            if blocks < LEAST_BLOCKS:
                raise InputError(
                    f"{moves.n} periods of {holding} give {blocks} blocks of {self.block}"
                    f"{before}; at least {LEAST_BLOCKS} are needed. Use a longer panel, a shorter "
                    "--holding, a smaller --block or --refits 0."
                )

    @cached_property
    def moves(self) -> dict[str, Moves]:
        """Holding periods by duration."""
        return {h: holding_moves(self.panel, h, self.kind) for h in self.holdings}

    def origins(self, holding: str) -> tuple[Origin, ...]:
        """Forecasts of the backtest."""
        n = self.moves[holding].n
        return origins(n, int(n * self.first_share), self.refits) if self.refits else ()

    def cells(self) -> dict[str, Cell]:
        """Posteriors by key: of the whole panel first, then of the backtest."""
        ends = [(h, self.moves[h].n) for h in self.holdings]
        ends += [(h, o.at) for h in self.holdings for o in self.origins(h)]
        return {
            cell_key(h, side, prior, end): Cell(
                block_maxima(self.moves[h].adverse[side][:end], self.block)[0],
                self.block,
                self.moves[h].days,
                prior,
                self.probabilities,
                self.settings,
            )
            for h, end in ends
            for side in SIDES
            for prior in self.priors
        }

    def identity(self) -> dict[str, Any]:
        """Everything that a row depends on."""
        return {
            "schema": SCHEMA,
            "panel": panel_identity(self.panel),
            "probabilities": list(self.probabilities),
            "holdings": list(self.holdings),
            "block": self.block,
            "moves": self.kind,
            "priors": list(self.priors),
            "refits": self.refits,
            "first_share": self.first_share,
            "sampler": self.settings.as_dict(),
            "versions": {name: version(name) for name in VERSIONS},
        }


def cell_key(holding: str, side: str, prior: str, end: int) -> str:
    """Name of a posterior's row: periods before `end`."""
    return f"{holding}-{side}-{prior}-{end:06d}"
