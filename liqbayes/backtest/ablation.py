"""The arms of the ablation and its placebos: the regression's equation with a map, or a false one.

The arm without a map is the baseline `Regression`; with one, ``MapRegression`` adds terms of what
the map expects in the bar and changes nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.backtest.baselines import MapRegression, Regression
from liqbayes.backtest.forecaster import Fitted
from liqbayes.backtest.model_data import PLACEBOS
from liqbayes.backtest.model_forecaster import FittedModel, ModelForecaster
from liqbayes.backtest.table import BarTable

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
WITHOUT_MAP, WITH_MAP = Regression.name, "regression-with-map"
PLACEBO = "placebo-{}"


@dataclass(frozen=True)
class FittedByTask:
    """One fitted equation for each of the maps that tasks see.

    Attributes
    ----------
    fits : mapping of bool to Fitted
        With and without the bar's own open interest.
    """

    fits: Mapping[bool, Fitted]

    def draws(
        self, table: BarTable, bars: IntArray, *, task: str, size: int, rng: np.random.Generator
    ) -> FloatArray:
        """See ``forecaster.Fitted.draws``."""
        return self.fits[task == "conditional-oi"].draws(table, bars, task=task, size=size, rng=rng)


@dataclass(frozen=True)
class MapForecaster:
    """The regression with the posterior mean of what a model's map expects in the bar.

    Attributes
    ----------
    name : str
    model : ModelForecaster
        Fitted strictly before the origin too.
    placebo : str, optional
        What is made false of the map.
    """

    name: str
    model: ModelForecaster
    placebo: str | None = None

    def fit(self, table: BarTable, stop: int) -> FittedByTask:
        """Fit the model and the equation to the rows before ``stop``."""
        fitted = self.model.fit(table, stop)
        return FittedByTask({known: self._regression(fitted, known, stop).fit(table, stop)
                             for known in (False, True)})  # fmt: skip

    def _regression(self, fitted: FittedModel, known: bool, stop: int) -> MapRegression:
        task = "conditional-oi" if known else "conditional"

        def amounts(table: BarTable) -> FloatArray:
            found = fitted.map(table, task=task, placebo=self.placebo)
            return np.stack([_taught(row, stop) for row in found])

        return MapRegression(self.name, amounts)


def _taught(amounts: FloatArray, stop: int) -> FloatArray:
    """Amounts with the usual one where the map is unknown among the bars that are learnt from.

    A placebo that knows nothing of its first week is to learn from the same bars as the others. A
    bar to be forecast stays unknown.
    """
    past = amounts[:stop]
    known = np.isfinite(past)
    if not known.any():
        return amounts
    return np.concatenate([np.where(known, past, np.median(past[known])), amounts[stop:]])


def ablation(model: ModelForecaster) -> tuple[MapForecaster, ...]:
    """The regression with the model's map, and with each falsified map."""
    return (
        MapForecaster(WITH_MAP, model),
        *(MapForecaster(PLACEBO.format(name), model, name) for name in PLACEBOS),
    )
