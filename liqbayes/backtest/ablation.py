"""The two arms of the ablation and its placebos: one feed equation, with and without a map."""

from dataclasses import dataclass

from liqbayes.backtest.feed_equation import FittedEquation, Mapped, fit_equation
from liqbayes.backtest.model_data import PLACEBOS
from liqbayes.backtest.model_forecaster import ModelForecaster
from liqbayes.backtest.table import BarTable

WITHOUT_MAP, WITH_MAP = "feed-without-map", "feed-with-map"
PLACEBO = "placebo-{}"


@dataclass(frozen=True)
class FeedForecaster:
    """The feed equation; with a model its map is one more covariate.

    Attributes
    ----------
    name : str
    model : ModelForecaster, optional
        Fitted strictly before the origin too; its posterior mean is the map.
    placebo : str, optional
        What is made false of the map.
    """

    name: str = WITHOUT_MAP
    model: ModelForecaster | None = None
    placebo: str | None = None

    def fit(self, table: BarTable, stop: int) -> FittedEquation:
        """Fit the equation to the rows before ``stop``."""
        return fit_equation(table, stop, self._mapped(table, stop))

    def _mapped(self, table: BarTable, stop: int) -> Mapped | None:
        if self.model is None:
            return None
        fitted, placebo = self.model.fit(table, stop), self.placebo
        return lambda bars, task: fitted.map(bars, task=task, placebo=placebo)


def ablation(model: ModelForecaster) -> tuple[FeedForecaster, ...]:
    """The feed equation with the model's map, and with each falsified map."""
    return (
        FeedForecaster(WITH_MAP, model),
        *(FeedForecaster(PLACEBO.format(name), model, name) for name in PLACEBOS),
    )
