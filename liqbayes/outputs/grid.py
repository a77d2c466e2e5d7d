"""Price grids, and their orientation for each side."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class PriceGrid:
    """Log-spaced bins of price.

    Attributes
    ----------
    edges : ndarray, shape (bin + 1,)
        Ascending prices.
    """

    edges: FloatArray

    @classmethod
    def around(cls, price: float, bins: int, price_range: tuple[float, float]) -> "PriceGrid":
        """``bins`` log-spaced bins between two multiples of a price."""
        low, high = price_range
        if not 0 < low < 1 < high:
            raise InputError(
                f"price_range is {price_range}; give multiples of the last price, the first "
                "between 0 and 1, the second above 1, such as (0.5, 2)."
            )
        if not 2 <= bins <= 20_000:
            raise InputError(f"bins is {bins}; use 2 to 20000.")
        return cls(price * np.geomspace(low, high, bins + 1))

    @property
    def low(self) -> FloatArray:
        """Lower limits."""
        return self.edges[:-1]

    @property
    def high(self) -> FloatArray:
        """Upper limits."""
        return self.edges[1:]

    @property
    def middle(self) -> FloatArray:
        """Geometric middles."""
        return np.sqrt(self.low * self.high)

    def oriented(self, side: str) -> FloatArray:
        """Edges as ascending oriented log prices."""
        return np.log(self.edges) if side == "long" else -np.log(self.edges[::-1])

    def split(self, columns: FloatArray, side: str) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Turn oriented columns (..., bin + 2) into price bins, mass below and mass above."""
        inner = columns[..., 1:-1]
        if side == "long":
            return inner, columns[..., 0], columns[..., -1]
        return inner[..., ::-1], columns[..., -1], columns[..., 0]
