"""One simulated panel, or several of a model that pools: draw, fit, rank."""

import time
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liqbayes.errors import SamplingError
from liqbayes.model.data import prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.generate import draw_data
from liqbayes.model.pooling import OF, JointLayout
from liqbayes.model.spec import ModelSpec
from liqbayes.outputs.context import Context
from liqbayes.sampling import SamplerConfig
from liqbayes.sampling.run import Draws
from liqbayes.validate.compiled import compiled_for, model_of
from liqbayes.validate.paths import CalibrationPath, load_path
from liqbayes.validate.sbc.faults import FAULTS
from liqbayes.validate.sbc.quantities import quantities

# Ranks run from 0 to L.
L = 99
LEAST_ESS = 100.0
CHAINS = 2
# (tune, draws) of each chain; the next pair where the effective sample size falls short
STAGES = ((300, 400), (600, 1000), (1000, 4000))


@dataclass(frozen=True)
class Unit:
    """One panel of a calibration run; everything that its row depends on.

    Attributes
    ----------
    spec : str
        The specification as JSON.
    number : int
        Number of the panel, which with the specification's hash makes the seed.
    paths : tuple of str
        Names of the paths it is drawn over: one, or one a market of a model that pools.
    bars : int
    data : str or None
        Directory of real panels.
    fault : str or None
        Fault of the fitted model.
    """

    spec: str
    number: int
    paths: tuple[str, ...]
    bars: int
    data: str | None
    fault: str | None


def calibrate_panel(unit: Unit) -> dict[str, Any]:
    """Draw parameters and data, fit, and rank the truth.

    Returns
    -------
    dict
        ``path``, ``ranks`` (quantity to rank, 0 to ``L``), ``ess``, ``reruns``, ``divergences``,
        ``seconds``.

    Raises
    ------
    SamplingError
        If the longest run falls short of the effective sample size too.
    """
    begin = time.perf_counter()
    spec = _spec(unit.spec)
    # a model of one market has no need to tell markets apart
    names = [""] if len(unit.paths) == 1 else [f"market {i + 1}" for i in range(len(unit.paths))]
    paths = [_path(name, unit.bars, unit.data) for name in unit.paths]
    blanks = {
        name: _evaluator(unit.spec, path, unit.bars, unit.data)
        for name, path in zip(names, unit.paths, strict=True)
    }
    joint = JointLayout.of(spec, blanks) if len(blanks) > 1 else None
    seeds = np.random.SeedSequence([int(spec.content_hash[:16], 16), unit.number]).spawn(4)
    of_truth, of_data, of_ranks, of_sampler = (np.random.default_rng(s) for s in seeds)
    truth = of_truth.standard_normal(joint.n if joint else blanks[""].layout.n)
    seen = {}
    for (name, blank), path in zip(blanks.items(), paths, strict=True):
        own = joint.market(truth, name) if joint else truth
        drawn = draw_data(blank, own, of_data, hold=held(spec, daily=path.daily))
        faulty = FAULTS[unit.fault](drawn) if unit.fault else drawn
        seen[name] = Evaluator(spec, faulty, blank.layout)
    model, compiled = model_of(seen), compiled_for(blanks)
    reruns = 0
    for tune, draws in STAGES:
        config = SamplerConfig(
            draws=draws,
            tune=tune,
            chains=CHAINS,
            cores=1,
            seed=int(of_sampler.integers(2**31)),
        )
        taken = compiled.sample(config, model=model)
        ess = _least_ess(taken)
        if ess >= LEAST_ESS:
            break
        reruns += 1
    else:
        raise SamplingError(
            f"panel {unit.number}: effective sample size {ess:.0f} after {CHAINS} x {draws} draws; "
            f"{LEAST_ESS:.0f} are needed."
        )
    z = np.concatenate([truth[None], _thinned(taken)])[None]
    values = _common(joint, z[0]) if joint else {}
    for name, path in zip(names, paths, strict=True):
        of_market = joint.market(z, name) if joint else z
        context = Context(path.panel, seen[name], of_market, unit.number, "posterior", "expected")
        prefix = f"{name}{OF}" if joint else ""
        values |= {f"{prefix}{k}": v for k, v in quantities(context).items()}
    return {
        "path": " + ".join(unit.paths),
        "ranks": {name: _rank(x, of_ranks) for name, x in values.items()},
        "ess": round(ess, 1),
        "reruns": reruns,
        "divergences": int(taken.stats["diverging"].sum()),
        "seconds": round(time.perf_counter() - begin, 2),
    }


def held(spec: ModelSpec, *, daily: bool) -> str:
    """What is kept of a path's trading: its volume, or its volume over open interest.

    Over years drawn open interest drifts by orders of magnitude, and where it may fall by more than
    what is closed it drifts within days: a fixed volume is then soon too much for any market.
    One-step laws are the same (``draw_data``).
    """
    bounded = spec.prior("counterparty_closing_share").distribution == "logitnormal"
    return "volume" if bounded and not daily else "turnover"


def _common(joint: JointLayout, z: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """What several markets have in common at every draw."""
    labels = joint.labels[: joint.shares.n + len(joint.common)]
    shared = np.concatenate([joint.pooled_share(z), z[:, joint.shares.n : len(labels)]], axis=1)
    return dict(zip(labels, shared.T, strict=True))


def _rank(values: NDArray[np.float64], rng: np.random.Generator) -> int:
    """Rank of the first value among the others, ties broken at random."""
    truth, draws = values[0], values[1:]
    below, equal = int((draws < truth).sum()), int((draws == truth).sum())
    return below + int(rng.integers(equal + 1))


def _thinned(taken: Draws) -> NDArray[np.float64]:
    """``L`` draws, evenly spaced over the chains laid end to end."""
    z = taken.z.transpose("chain", "draw", "parameter").to_numpy()
    flat = z.reshape(-1, z.shape[2])
    return np.asarray(flat[np.linspace(0, len(flat) - 1, L).round().astype(int)])


def _least_ess(taken: Draws) -> float:
    import arviz as az

    z = az.ess(taken.z.to_dataset(name="z"))["z"]
    lp = az.ess(taken.stats[["lp"]])["lp"]
    return min(float(z.min()), float(lp))


# What a worker process makes once.


@lru_cache(maxsize=4)
def _spec(text: str) -> ModelSpec:
    return ModelSpec.from_json(text)


@lru_cache(maxsize=64)
def _path(name: str, bars: int, data: str | None) -> CalibrationPath:
    return load_path(name, bars, data)


@lru_cache(maxsize=64)
def _evaluator(spec: str, path: str, bars: int, data: str | None) -> Evaluator:
    model = _spec(spec)
    prepared = prepare(model, _path(path, bars, data).panel)
    # ranks are uniform only where the posterior is that of the law the data are drawn from
    whole = replace(prepared, open_interest_weight=1.0, feed_weight=1.0)
    return Evaluator.of(model, whole)
