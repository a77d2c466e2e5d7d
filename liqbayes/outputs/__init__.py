"""Posterior draws propagated into levels, liquidations, leverage and entry prices.

Every function takes a fit and returns xarray objects with named dims; ``chain`` and ``draw`` stay
until the user reduces them, except in the heatmap. ``group="prior"`` gives the same quantity under
the prior, ``kind="expected"`` without and ``kind="realised"`` with the lumpiness of a real book.
"""

from liqbayes.conventions import MOVES, WINDOWS
from liqbayes.outputs.context import thin
from liqbayes.outputs.entry import entry_price_distribution
from liqbayes.outputs.flows import liquidation_delta, realised_liquidations
from liqbayes.outputs.heatmap import liquidation_heatmap
from liqbayes.outputs.levels import at_risk, at_risk_amounts, liquidation_levels
from liqbayes.outputs.leverage import average_leverage, leverage_distribution

__all__ = [
    "MOVES",
    "WINDOWS",
    "at_risk",
    "at_risk_amounts",
    "average_leverage",
    "entry_price_distribution",
    "leverage_distribution",
    "liquidation_delta",
    "liquidation_heatmap",
    "liquidation_levels",
    "realised_liquidations",
    "thin",
]
