"""Markets drawn from the model itself, with a fit that knows their parameters: no sampling."""

from functools import cache

import numpy as np
import xarray as xr

from liqbayes.model.data import prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.generate import draw_data
from liqbayes.panel import MarketPanel
from tests.model import markets
from tests.outputs.fits import draws_of, fake_fit

FITTED, NEW = 480, 168
FEED = ("long_liquidations", "short_liquidations")


@cache
def market(seed, *, fitted=FITTED, new=NEW, feed=True, steady=False):
    """A panel whose open interest and reports are drawn at known parameters, and its fit.

    The draws lie closely about the truth, as those of a long panel would. ``steady``: reports have
    no slow residual, so that their level does not wander by itself.
    """
    spec = markets.small_spec()
    table = markets.bars(fitted + new, seed=seed, feed=feed)
    evaluator = Evaluator.of(spec, prepare(spec, markets.panel(table)))
    truth = 0.3 * np.random.default_rng([seed, 1]).standard_normal(evaluator.layout.n)
    if steady:
        truth[evaluator.layout.index("feed_gain")] = -5.0
    drawn = draw_data(evaluator, truth, np.random.default_rng([seed, 2]))
    (leg,) = drawn.legs
    table["open_interest"] = leg.interest
    for side, values in drawn.feeds.items():
        reported = np.full(len(table), np.nan)
        reported[values.bars] = values.reported[values.bars]
        table[f"{side}_liquidations"] = reported
    whole = markets.panel(table)
    before = whole.slice(None, whole.time[fitted])
    own = Evaluator.of(spec, prepare(spec, before))
    assert own.layout.labels == evaluator.layout.labels
    # covariates are centred on the fitted bars: the drift takes up the difference
    truth = recentred(truth, evaluator, own)
    taken = draws_of(own, chains=2, draws=20, scale=0.02)
    taken.z.values[...] += truth
    return whole, fake_fit(before, spec, taken=taken, prior_draws=100)


def recentred(z, evaluator, own):
    """Coordinates with which the law of the whole panel is the law of its first bars."""
    n = own.data.n_bars
    moved = np.median(evaluator.data.covariates[:n] - own.data.covariates, axis=0)
    p = evaluator.natural(z)
    drift = p[evaluator.layout.index("oi_drift")]
    drift += float(moved @ p[evaluator.layout.where("oi_response")])
    at = evaluator.layout.index("oi_drift")
    prior = own.spec.prior("oi_drift")
    out = z.copy()
    out[at] = (drift - prior.location[0]) / prior.sigma[0]
    return out


def changed(panel, change):
    """The panel with its table changed in place by a function."""
    table = panel.to_frame()
    change(table)
    return MarketPanel.from_frame(
        table, panel.contract, provenance=panel.provenance, bar_seconds=panel.bar_seconds
    )


def scaled(panel, columns, start, factor):
    """Columns times a factor from a bar on."""

    def change(table):
        for name in columns:
            values = table[name].to_numpy().copy()
            values[start:] *= factor
            table[name] = values

    return changed(panel, change)


def draws(fit: xr.DataTree):
    """Posterior coordinates, shape (draw, parameter)."""
    z = fit["posterior"]["z"].transpose("chain", "draw", "parameter").to_numpy()
    return z.reshape(-1, z.shape[2])
