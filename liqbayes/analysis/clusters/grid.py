"""The price grid on which clusters are looked for."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Cluster:
    """Side by position, bins from start until before stop, and mean notional."""

    side: int
    start: int
    stop: int
    quote: float


@dataclass(frozen=True)
class Grid:
    """Price bins, and those that an adverse move reaches."""

    low: FloatArray
    high: FloatArray
    middle: FloatArray
    mark: float
    step: float
    bandwidth: float
    within: float

    @classmethod
    def of(cls, levels: xr.Dataset, bandwidth: float, within: float) -> "Grid":
        """Check settings against the grid of levels."""
        low, high = (np.asarray(levels[f"price_{x}"].to_numpy(), float) for x in ("low", "high"))
        mark = float(levels.attrs["mark_price"])
        step = float(np.log(high / low).mean())
        if not 0 < within < 1:
            raise InputError(f"within is {within}; use an adverse move between 0 and 1.")
        if low[0] > mark * (1 - within) or high[-1] < mark * (1 + within):
            raise InputError(
                f"the grid runs from {low[0] / mark:.3g} to {high[-1] / mark:.3g} times the mark "
                f"price; clusters within {within:g} need {1 - within:g} to {1 + within:g}."
            )
        if not step <= bandwidth < within:
            raise InputError(
                f"bandwidth is {bandwidth:g}; use at least the width of a bin, {step:.2g}, and "
                f"less than within, {within:g}. More bins allow less."
            )
        middle = np.asarray(levels["price"].to_numpy(), float)
        return cls(low, high, middle, mark, step, bandwidth, within)

    def reach(self, side: str) -> BoolArray:
        """Bins whose levels an adverse move reaches."""
        if side == "long":
            return (self.low < self.mark) & (self.high > self.mark * (1 - self.within))
        return (self.high > self.mark) & (self.low < self.mark * (1 + self.within))

    def cut(self, side: str, cluster: Cluster) -> bool:
        """Whether a cluster holds the bin in which reach ends."""
        last = np.flatnonzero(self.reach(side))[0 if side == "long" else -1]
        return bool(cluster.start <= last < cluster.stop)

    @property
    def smallest(self) -> int:
        """Bins of the shortest piece and of the shortest gap that count."""
        return max(1, round(self.bandwidth / self.step))
