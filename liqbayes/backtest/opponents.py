"""The baselines that a model has to beat, for one panel."""

from liqbayes.backtest.forecaster import Forecaster
from liqbayes.backtest.peer_maps import PeerForecaster
from liqbayes.panel import MarketPanel
from liqbayes.peers import RULES


def opponents(panel: MarketPanel) -> tuple[Forecaster, ...]:
    """Baselines with the same information as the model, each fitted anew at every origin."""
    return tuple(PeerForecaster(panel, rule) for rule in RULES)
