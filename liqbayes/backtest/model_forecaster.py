"""The model as a forecaster: parameters from the bars before an origin, the book filtered."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liqbayes.backtest.forecaster import check_request
from liqbayes.backtest.model_data import (
    MEMORYLESS,
    PLACEBOS,
    SHIFTED,
    SWAPPED,
    common_rows,
    known_data,
    permuted_interest,
    shifted_prices,
)
from liqbayes.backtest.table import BarTable, interest_before
from liqbayes.engine.recursion import TOUCHED
from liqbayes.engine.reports import report_moments
from liqbayes.errors import InputError
from liqbayes.model.build import build_from_data
from liqbayes.model.channels.liquidation_feed import report_random
from liqbayes.model.data import SIDES, ModelData, prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.inputs import report_inputs
from liqbayes.model.spec import ModelSpec
from liqbayes.panel import MarketPanel
from liqbayes.sampling import SamplerConfig
from liqbayes.validate.compiled import compiled_for_any_length
from liqbayes.validate.lfo.cut import cut, origins_allowed
from liqbayes.validate.lfo.scores import k_limit, smoothed_weights
from liqbayes.validate.lfo.unit import bar_terms, diagnostics

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
MODEL = "model"
# Draws of the posterior that are propagated through the bars, and through each path of a forecast.
PROPAGATED, PROPAGATED_A_PATH = 200, 40


@dataclass(frozen=True)
class Moments:
    """What draws of the parameters say of each bar.

    Attributes
    ----------
    share : mapping of bool to ndarray, shape (draw, side, time)
        Expected liquidation over open interest before the bar, given the bar's open interest
        (True) and before it is known (False).
    fresh : mapping of bool to ndarray, shape (draw, side, time)
        The part of it that was opened in the bar itself.
    location, scale, log_zero : mapping of bool to ndarray, shape (draw, side, time)
        Of reports over open interest, likewise (``engine.reports``): the slow residual comes from
        earlier bars in both.
    """

    share: Mapping[bool, FloatArray]
    fresh: Mapping[bool, FloatArray]
    location: Mapping[bool, FloatArray]
    scale: Mapping[bool, FloatArray]
    log_zero: Mapping[bool, FloatArray]


@dataclass(frozen=True)
class FittedModel:
    """A posterior of the parameters given the bars before an origin.

    Attributes
    ----------
    spec : ModelSpec
    panel : MarketPanel
    origin : int
        Bars that scales are taken from.
    z : ndarray, shape (draw, parameter)
        Standard normal coordinates.
    about : mapping
        Diagnostics of the fit, plain JSON values: ``origin`` is the first bar that the draws know
        nothing of; of reweighted draws also ``sampled``, that of the fit that they come from, and
        ``k``, the Pareto k of their weights.
    r_eff : float
        Effective draws over draws.
    """

    spec: ModelSpec
    panel: MarketPanel
    origin: int
    z: FloatArray
    about: Mapping[str, Any] = field(default_factory=dict)
    r_eff: float = 1.0
    _known: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def draws(
        self, table: BarTable, bars: IntArray, *, task: str, size: int, rng: np.random.Generator
    ) -> FloatArray:
        """See ``forecaster.Fitted.draws``.

        ``conditional`` and ``forecast`` condition on the bar's price and volume: the reports'
        moments follow from the liquidation predicted before the bar's open interest is known.
        ``conditional-oi`` takes the liquidation expected given the bar's open interest; where that
        is unknown, the predicted one. The slow residual of the feed is filtered through all bars
        before, whose open interest is known.
        """
        rows = check_request(table, bars, task, size)
        data, moments = self.moments(table)
        chosen = np.arange(size) % moments.location[False].shape[0]
        use = given_interest(table, rows, task)

        def pick(values: Mapping[bool, FloatArray]) -> FloatArray:
            both = np.where(use, values[True][:, :, rows], values[False][:, :, rows])
            return np.asarray(np.moveaxis(both[chosen], 0, -1))

        out = report_random(
            pick(moments.location), pick(moments.scale), pick(moments.log_zero), rng=rng
        )
        out = out * self._to_table(table, data)[rows][:, None]
        unknown = (data.start[rows] != 0) | ~np.isfinite(table.close[rows] + table.turnover[rows])
        out[:, unknown] = np.nan
        return np.asarray(out)

    def map(self, table: BarTable, *, task: str, placebo: str | None = None) -> FloatArray:
        """Posterior mean of each bar's liquidation over the open interest before it.

        Parameters
        ----------
        table : BarTable
        task : str
            As for `draws`.
        placebo : {"shifted-week", "sides-swapped", "oi-permuted", "memoryless"}, optional
            What is made false of it; parameters stay as they are. Without memory only what was
            opened in the bar itself is liquidated: a function of its price, volume and open
            interest.

        Returns
        -------
        ndarray, shape (side, time)
            NaN where nothing is followed.
        """
        false = self._falsified(placebo)
        rows = np.arange(table.n_bars)
        data, moments = false.moments(
            table if false is self else false._panel_table().rows(None, table.n_bars)
        )
        use = given_interest(table, rows, task)
        part = moments.fresh if placebo == MEMORYLESS else moments.share
        mean = {known: share.mean(axis=0) for known, share in part.items()}
        out = np.where(use, mean[True], mean[False])
        out[:, data.start != 0] = np.nan
        return np.asarray(out[::-1].copy() if placebo == SWAPPED else out)

    def moments(self, table: BarTable) -> tuple[ModelData, Moments]:
        """Data of a table and the moments of its reports for evenly spaced draws."""
        own = common_rows(self._panel_table(), table) == table.n_bars
        key: Any = table.n_bars if own else "path"
        used = None if own else table
        if key in self._known and self._known[key][0] is used:
            data, moments = self._known[key][1:]
            return data, moments
        data = known_data(self.spec, self.panel, self.origin, table)
        z = self.thinned(PROPAGATED if own else PROPAGATED_A_PATH)
        moments = propagated(Evaluator.of(self.spec, data), z)
        # several forecasters ask for the same path; the one before is not needed again
        self._known[key] = used, data, moments
        return data, moments

    def _panel_table(self) -> BarTable:
        if "table" not in self._known:
            self._known["table"] = BarTable.of(self.panel)
        found: BarTable = self._known["table"]
        return found

    def thinned(self, draws: int) -> FloatArray:
        """About so many evenly spaced draws, shape (draw, parameter)."""
        kept = np.unique(np.linspace(0, len(self.z) - 1, min(draws, len(self.z))).round())
        return np.asarray(self.z[kept.astype(int)])

    def _falsified(self, placebo: str | None) -> "FittedModel":
        if placebo in (None, SWAPPED, MEMORYLESS):
            return self
        if placebo not in PLACEBOS:
            raise InputError(f"the placebo is {placebo!r}; use one of {', '.join(PLACEBOS)}.")
        if placebo not in self._known:
            panel = (
                shifted_prices(self.panel)
                if placebo == SHIFTED
                else permuted_interest(self.panel, self.origin, 0)
            )
            self._known[placebo] = FittedModel(self.spec, panel, self.origin, self.z)
        found: FittedModel = self._known[placebo]
        return found

    def _to_table(self, table: BarTable, data: ModelData) -> FloatArray:
        """Open interest that the model's shares refer to, over the table's; shape (time,).

        They differ for aggregates alone, whose linear leg is worth more as price rises. Along a
        path the last ratio stays: open interest after the origin is not known there.
        """
        n = common_rows(self._panel_table(), table)
        ratio = np.full(table.n_bars, np.nan)
        ratio[:n] = data.common_before()[:n] / interest_before(self.panel)[:n]
        known = np.isfinite(ratio)
        last = np.maximum.accumulate(np.where(known, np.arange(table.n_bars), 0))
        return ratio[last]


def given_interest(table: BarTable, rows: IntArray, task: str) -> NDArray[np.bool_]:
    """Bars whose own open interest a task conditions on."""
    return np.isfinite(table.change[rows]) & (task == "conditional-oi")


def propagated(evaluator: Evaluator, z: FloatArray) -> Moments:
    """Run the book and the feed's moments for each draw."""
    data = evaluator.data
    shape = (len(z), len(SIDES), data.n_bars)
    out = {
        name: {known: np.zeros(shape) for known in (False, True)}
        for name in ("share", "fresh", "location", "scale", "log_zero")
    }
    inputs = report_inputs(evaluator.layout, data)
    before = data.common_before()
    for i, row in enumerate(z):
        p = evaluator.natural(np.ascontiguousarray(row))
        runs = evaluator.books(p, evaluator.shares(p))
        expected = evaluator.expected_common(p, runs)
        predicted = evaluator.value(p, "forced_share") * np.stack(
            [
                np.sum([runs[leg.name, s].predicted * leg.to_common for leg in data.legs], axis=0)
                for s in SIDES
            ]
        )
        standing = (
            evaluator.value(p, "forced_share")
            * evaluator.value(p, "touch_to_close_share")
            * np.stack(
                [
                    np.sum(
                        [
                            runs[leg.name, s].by_class[TOUCHED].sum(axis=0) * leg.to_common
                            for leg in data.legs
                        ],
                        axis=0,
                    )
                    for s in SIDES
                ]
            )
        )
        # the residual comes from earlier bars given their open interest, whatever this bar's task
        slow = report_moments(p, expected, *inputs)[5]
        for known, liquidated in ((True, expected), (False, predicted)):
            location, scale, log_zero, *_, own = report_moments(p, liquidated, *inputs)
            out["share"][known][i] = liquidated / before
            out["fresh"][known][i] = np.maximum(liquidated - standing, 0.0) / before
            out["location"][known][i] = location - own + slow
            out["scale"][known][i] = scale
            out["log_zero"][known][i] = log_zero
    return Moments(**out)


@dataclass(frozen=True)
class ModelForecaster:
    """A sampled model with a posterior of its own at every origin.

    Attributes
    ----------
    spec : ModelSpec
        Sampled, with a feed.
    panel : MarketPanel
    draws, tune, chains, seed : int
        Of every fit.
    reweight : bool
        Whether draws that were sampled at an origin are reweighted at later ones, where the Pareto
        k of the weights allows.
    """

    spec: ModelSpec
    panel: MarketPanel
    draws: int = 250
    tune: int = 400
    chains: int = 2
    seed: int = 0
    reweight: bool = False
    name: str = MODEL
    _fits: dict[int, FittedModel] = field(default_factory=dict, repr=False, compare=False)

    def fit(self, table: BarTable, stop: int) -> FittedModel:
        """See `at`; the model has the panel itself and takes nothing from the table."""
        return self.at(stop)

    def at(self, stop: int) -> FittedModel:
        """Draws of the parameters given the bars before ``stop``; taken once an origin.

        Sampled, or with ``reweight`` those of the last sampled fit before, resampled with weights
        that are the likelihood of the bars since (Bürkner, Gabry and Vehtari 2020, section 2, doi
        10.1080/00949655.2020.1783262), Pareto smoothed. Scales are then still those of the bars
        before that fit.

        An origin in a gap of open interest moves back to where everything is known.

        Raises
        ------
        InputError
            If no bar before it can be an origin.
        """
        if stop not in self._fits:
            before = [fit for at, fit in self._fits.items() if at < stop and "k" not in fit.about]
            fit = self._reweighted(before[-1], stop) if self.reweight and before else None
            self._fits[stop] = self._sampled(stop) if fit is None else fit
        return self._fits[stop]

    def _reweighted(self, fit: FittedModel, stop: int) -> FittedModel | None:
        """Draws of an earlier fit as draws given the bars before ``stop``; None if few count."""
        data = prepare(self.spec, self.panel, seen=fit.origin)
        origin = self._origin(data, stop)
        known = cut(data, origin)
        total, _ = bar_terms(Evaluator.of(self.spec, known), fit.z, fit.about["origin"])
        log_weights, k = smoothed_weights(total.sum(axis=1), fit.r_eff)
        if k is not None and k > k_limit(log_weights.size):
            return None
        rng = np.random.default_rng([*self._seeds(origin), 1])
        about = {**fit.about, "origin": origin, "sampled": fit.about["origin"], "k": k}
        return replace(fit, z=fit.z[_resampled(log_weights, rng)], about=about, _known={})

    def _origin(self, data: ModelData, stop: int) -> int:
        allowed = np.flatnonzero(origins_allowed(data)[: stop + 1])
        if not allowed.size:
            raise InputError(
                f"no book can be followed before bar {stop}: price, volume or open interest is "
                "unknown. Begin the panel where they are known."
            )
        return int(allowed[-1])

    def _seeds(self, origin: int) -> list[int]:
        return [int(self.spec.content_hash[:16], 16), origin, self.seed]

    def _sampled(self, stop: int) -> FittedModel:
        data = prepare(self.spec, self.panel, seen=stop)
        origin = self._origin(data, stop)
        config = SamplerConfig(
            draws=self.draws,
            tune=self.tune,
            chains=self.chains,
            cores=1,
            seed=int(np.random.default_rng(self._seeds(origin)).integers(2**31)),
        )
        compiled = compiled_for_any_length(Evaluator.of(self.spec, data))
        model = build_from_data(self.spec, cut(data, origin), any_length=True)
        taken = compiled.sample(config, model=model)
        z = taken.z.transpose("chain", "draw", "parameter").to_numpy()
        r_eff, about = diagnostics(taken)
        about = {"origin": origin, **about}
        return FittedModel(self.spec, self.panel, stop, z.reshape(-1, z.shape[2]), about, r_eff)


def _resampled(log_weights: FloatArray, rng: np.random.Generator) -> IntArray:
    """Indices of as many draws with equal weights: systematic resampling, in their order."""
    n = log_weights.size
    places = (np.arange(n) + rng.random()) / n
    cumulative = np.cumsum(np.exp(log_weights))
    return np.minimum(np.searchsorted(cumulative / cumulative[-1], places), n - 1)
