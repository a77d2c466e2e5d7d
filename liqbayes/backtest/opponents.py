"""The baselines that a model has to beat, for one panel."""

from liqbayes.backtest.forecaster import Forecaster
from liqbayes.panel import MarketPanel


def opponents(panel: MarketPanel) -> tuple[Forecaster, ...]:
    """Baselines with the same information as the model, each fitted anew at every origin."""
    return ()
