"""Panels and posteriors for the tests of the backtest; nothing is sampled."""

import numpy as np

from liqbayes.backtest.model_forecaster import FittedModel, ModelForecaster
from liqbayes.model.data import prepare
from liqbayes.model.evaluate import Evaluator
from tests.model.markets import bars, panel, small_spec

N, ORIGIN = 320, 280
SPEC = small_spec()


def table(n=N, seed=3):
    """Bars whose reports follow moves and volume, with zeros, gaps and funding."""
    out = bars(n, seed=seed, funding=True)
    rng = np.random.default_rng(seed + 100)
    before = out["close"].shift(1).fillna(out["open"])
    falls = {"long": before / out["low"] - 1, "short": out["high"] / before - 1}
    for side, move in falls.items():
        mean = 30 * np.maximum(move, 1e-3) / 0.005 * out["volume"] / 4_000
        some = rng.random(n) > 0.2
        out[f"{side}_liquidations"] = np.where(some, mean * rng.lognormal(0, 0.6, n), 0.0)
    out.loc[out.index[40:43], "open_interest"] = np.nan
    out.loc[out.index[50:55], "long_liquidations"] = np.nan
    return out


def aggregate_table(n=N, seed=3):
    """The same of an aggregate in quote, whose open interest has a leg in coin."""
    out = table(n, seed)
    for column in ("volume", "long_liquidations", "short_liquidations"):
        out[column] *= out["close"]
    linear = out.pop("open_interest")
    inverse = 1e9 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, n)))
    out["open_interest_linear"] = linear
    out["open_interest_inverse"] = np.where(linear.notna(), inverse, np.nan)
    return out


def market(n=N, seed=3):
    return panel(table(n, seed))


def posterior(source, origin=ORIGIN, draws=4, seed=0):
    """Draws from the prior in place of a fit."""
    data = prepare(SPEC, source, seen=origin)
    z = np.random.default_rng(seed).standard_normal((draws, Evaluator.of(SPEC, data).layout.n))
    return FittedModel(SPEC, source, origin, z)


def model(source, origin=ORIGIN, **options):
    """A forecaster whose fit is `posterior`."""
    found = ModelForecaster(SPEC, source)
    found._fits[origin] = posterior(source, origin, **options)
    return found
