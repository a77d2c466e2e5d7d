"""What traders bring when they open, before any of them is liquidated."""

import numpy as np

from liqbayes.simulate.book import AMOUNT, CAP, MAINTENANCE
from liqbayes.simulate.config import MarketConfig
from liqbayes.simulate.population import POSTED, WANTED
from liqbayes.simulate.setup import make_setup

_TRADERS = 40_000


def opening_tail(
    config: MarketConfig, leverages: tuple[float, ...], seed: int
) -> dict[str, tuple[float, ...]]:
    """Share of what is opened at or above each effective leverage, by side.

    Effective leverage is one over the distance from the opening price to the liquidation level;
    what has no level, or one further away than a doubling of the price, counts below 1x.

    Parameters
    ----------
    config : MarketConfig
        Of a linear contract; an inverse one is read in its reciprocal price.
    leverages : tuple of float
    seed : int
        Of the draw of newcomers, which is the simulated market's own law.

    Returns
    -------
    dict
        Shares of quantity for ``long`` and ``short``, in the order of the leverages.
    """
    rng = np.random.default_rng(seed)
    setup = make_setup(config, rng)
    traders = setup.newcomers(rng, _TRADERS)
    rows = (0, 1) if setup.orientation > 0 else (1, 0)
    price = config.price_at_start if setup.orientation > 0 else 1 / config.price_at_start
    answer = {}
    for side, row in zip(("long", "short"), rows, strict=True):
        notional = traders[WANTED, row] * price
        tier = np.searchsorted(setup.tiers[CAP], notional, side="left")
        maintenance = setup.tiers[MAINTENANCE, tier]
        posted = traders[POSTED, row] + setup.tiers[AMOUNT, tier] / notional
        # W + s Q (P - E) = m Q P - c, as a share of the entry price E
        sign = 1.0 - 2.0 * row
        distance = (posted - maintenance) / (1 - sign * maintenance)
        leverage = 1 / np.maximum(distance, 1e-3)
        size = traders[WANTED, row]
        answer[side] = tuple(float(size[leverage >= x].sum() / size.sum()) for x in leverages)
    return answer
