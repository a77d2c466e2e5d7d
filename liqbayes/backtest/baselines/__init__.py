"""Forecasts without a posterior, each as strong as its information allows."""

from liqbayes.backtest.baselines.autoregressive import Autoregressive
from liqbayes.backtest.baselines.climatology import Climatology
from liqbayes.backtest.baselines.distance import Distance
from liqbayes.backtest.baselines.hawkes import Hawkes
from liqbayes.backtest.baselines.map_regression import MapRegression, Swept
from liqbayes.backtest.baselines.regression import Regression
from liqbayes.backtest.forecaster import Forecaster

__all__ = [
    "Autoregressive",
    "Climatology",
    "Distance",
    "Hawkes",
    "MapRegression",
    "Regression",
    "Swept",
    "plain_baselines",
]


def plain_baselines() -> tuple[Forecaster, ...]:
    """The baselines that need no map, in the order of tables."""
    return (Climatology(), Autoregressive(), Hawkes(), Distance(), Regression())
