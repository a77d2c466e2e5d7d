"""Funding from the imbalance of takers."""

import numpy as np

from liqbayes.simulate import kernels
from liqbayes.simulate.book import FloatArray
from liqbayes.simulate.setup import Setup

# Rate of the interest component, clamp and cap of an eight-hour rate, as on the large venues
# (Binance support, "Introduction to Binance futures funding rates").
_INTEREST = 1e-4
_CLAMP = 5e-4
_CAP = 3e-3
# Premium at balanced flow and per unit of taker imbalance: perpetuals trade slightly below their
# index in quiet hours, which keeps most rates at the interest component and some below it.
_BASE_PREMIUM = -3e-4
_GAIN = 0.015


def funding_rate(setup: Setup, state: FloatArray) -> float:
    """Funding that longs pay for the interval that ends now, as a fraction of notional.

    F = P + clamp(I - P, ±0.05 %), capped, where the premium P follows the eight-hour average of
    taker buying less one half.
    """
    premium = _BASE_PREMIUM + _GAIN * setup.orientation * float(state[kernels.IMBALANCE])
    rate = premium + float(np.clip(_INTEREST - premium, -_CLAMP, _CLAMP))
    hours = setup.contract.funding_interval_hours
    return float(np.clip(rate, -_CAP, _CAP)) * hours / 8
