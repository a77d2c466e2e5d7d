"""One model over one block of windows: fit at its first origin, score, refit where needed."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liqbayes.model.build import build_from_data
from liqbayes.model.data import ModelData, prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.likelihood import log_likelihood
from liqbayes.model.spec import ModelSpec
from liqbayes.panel import MarketPanel
from liqbayes.sampling import SamplerConfig
from liqbayes.sampling.run import Draws
from liqbayes.validate.compiled import compiled_for_any_length
from liqbayes.validate.lfo.cut import anchored, cut
from liqbayes.validate.lfo.scores import Refit, score_windows

FloatArray = NDArray[np.float64]
# What is scored: changes of open interest over all legs, reports of a side, everything together.
INTEREST, REPORTS, ALL = "open interest", "reports, {}", "all"


@dataclass(frozen=True)
class Unit:
    """One block of windows of one model; everything that its row depends on.

    Attributes
    ----------
    spec : str
        The specification as JSON.
    panel : MarketPanel
    first : int
        First origin of the whole comparison.
    windows : tuple of (int, int)
    draws, tune, chains, seed : int
    """

    spec: str
    panel: MarketPanel
    first: int
    windows: tuple[tuple[int, int], ...]
    draws: int
    tune: int
    chains: int
    seed: int


def score_block(unit: Unit) -> dict[str, Any]:
    """Fit and score.

    Returns
    -------
    dict
        ``start``, ``stop``; ``elpd`` (channel to a value a bar, None where the channel observes
        nothing), ``mcse`` (channel to value), ``k`` (a value a window, None where draws were not
        reweighted), ``fits`` (origin and diagnostics of each), ``seconds``.
    """
    begin = time.perf_counter()
    spec = ModelSpec.from_json(unit.spec)
    start, stop = unit.windows[0][0], unit.windows[-1][1]
    data = anchored(prepare(spec, unit.panel), unit.first)
    judged = Evaluator.of(spec, cut(data, stop))

    def fit_at(origin: int) -> Refit:
        taken = _sampled(unit, spec, data, origin)
        z = taken.z.transpose("chain", "draw", "parameter").to_numpy()
        total, channels = bar_terms(judged, z.reshape(-1, z.shape[2]), origin)
        r_eff, about = diagnostics(taken)
        return Refit(origin, total, channels, r_eff, {"origin": origin, **about})

    scores = score_windows(unit.windows, fit_at)
    scored = scored_bars(judged.data)
    return {
        "start": start,
        "stop": stop,
        "elpd": {
            name: [
                float(x) if some else None
                for x, some in zip(values, scored[name][start:stop], strict=True)
            ]
            for name, values in scores.elpd.items()
        },
        "mcse": scores.mcse,
        "windows": [list(window) for window in unit.windows],
        "k": list(scores.k),
        "fits": [dict(refit.about) for refit in scores.refits],
        "seconds": round(time.perf_counter() - begin, 2),
    }


def scored_bars(data: ModelData) -> dict[str, NDArray[np.bool_]]:
    """Bars in which each channel observes something, shape (time,) each."""
    out = {INTEREST: _mask(data.n_bars, *(leg.term_to for leg in data.legs))}
    for side, feed in data.feeds.items():
        out[REPORTS.format(side)] = _mask(data.n_bars, feed.bars)
    out[ALL] = np.any(list(out.values()), axis=0)
    return out


def bar_terms(
    evaluator: Evaluator, z: FloatArray, start: int
) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Log likelihood of each bar at each draw, one step ahead.

    Parameters
    ----------
    evaluator : Evaluator
    z : ndarray, shape (draw, parameter)
    start : int
        First bar that is kept.

    Returns
    -------
    total : ndarray, shape (draw, time - start)
        As the posterior uses it, each channel raised to its weight.
    channels : dict of str to ndarray, shape (draw, time - start)
        Densities without those weights, which would let a model discount what it predicts badly.
    """
    data = evaluator.data
    shape = (len(z), data.n_bars - start)
    interest = np.zeros(shape)
    reports = {side: np.zeros(shape) for side in data.feeds}
    for i, row in enumerate(z):
        p = evaluator.natural(np.ascontiguousarray(row))
        terms = log_likelihood(evaluator, p, evaluator.books(p, evaluator.shares(p)))
        for leg in data.legs:
            density = terms[f"open_interest_change_{leg.name}"] / data.open_interest_weight
            _add(interest[i], leg.term_to - start, density)
        for side, feed in data.feeds.items():
            _add(reports[side][i], feed.bars - start, terms[f"report_{side}"] / data.feed_weight)
    feed_sum = np.sum(list(reports.values()), axis=0) if reports else np.zeros(shape)
    channels = {
        INTEREST: interest,
        **{REPORTS.format(side): terms for side, terms in reports.items()},
        ALL: interest + feed_sum,
    }
    return data.open_interest_weight * interest + data.feed_weight * feed_sum, channels


def _add(row: FloatArray, place: NDArray[np.int64], terms: FloatArray) -> None:
    kept = place >= 0
    row[place[kept]] += terms[kept]


def _sampled(unit: Unit, spec: ModelSpec, data: ModelData, origin: int) -> Draws:
    seeds = [int(spec.content_hash[:16], 16), int(unit.panel.content_hash[:16], 16)]
    rng = np.random.default_rng([*seeds, origin, unit.seed])
    config = SamplerConfig(
        draws=unit.draws,
        tune=unit.tune,
        chains=unit.chains,
        cores=1,
        seed=int(rng.integers(2**31)),
    )
    compiled = compiled_for_any_length(Evaluator.of(spec, data))
    model = build_from_data(spec, cut(data, origin), any_length=True)
    return compiled.sample(config, model=model)


def diagnostics(taken: Draws) -> tuple[float, dict[str, Any]]:
    """Effective draws over draws as in ``arviz_stats.lfo_cv``, and what a row says of a fit."""
    import arviz as az

    z = taken.z.to_dataset(name="z")
    n = taken.z.sizes["chain"] * taken.z.sizes["draw"]
    r_eff = float(az.ess(z, method="mean")["z"].mean()) / n
    several = taken.z.sizes["chain"] > 1
    return r_eff, {
        "max_rhat": round(float(az.rhat(z)["z"].max()), 4) if several else None,
        "min_ess": round(float(az.ess(z)["z"].min()), 1),
        "divergences": int(taken.stats["diverging"].sum()),
        "notes": list(taken.notes),
        "seconds": round(taken.seconds, 2),
    }


def _mask(n: int, *bars: NDArray[np.int64]) -> NDArray[np.bool_]:
    out = np.zeros(n, bool)
    for some in bars:
        out[some] = True
    return out
