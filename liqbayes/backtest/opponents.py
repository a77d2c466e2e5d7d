"""The baselines that a model has to beat, for one panel."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from liqbayes.backtest.baselines import MapRegression, plain_baselines
from liqbayes.backtest.forecaster import Forecaster
from liqbayes.backtest.peer_maps import SweptMap
from liqbayes.panel import MarketPanel
from liqbayes.peers import RULES


def opponents(
    panel: MarketPanel, maps: Mapping[str, NDArray[np.float64]] | None = None
) -> tuple[Forecaster, ...]:
    """Baselines with the same information as the model, each fitted anew at every origin.

    Those without a map, and the regression with what the bar sweeps of each published rule's map
    and of the user's own ``maps``, shape (side, time) each.
    """
    return (
        *plain_baselines(),
        *(MapRegression(rule, SweptMap(panel, rule)) for rule in RULES),
        *(MapRegression(name, swept) for name, swept in (maps or {}).items()),
    )
