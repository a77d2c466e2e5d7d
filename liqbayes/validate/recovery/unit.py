"""One market, with or without its feed: simulate, fit, compare."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from liqbayes.checks import diagnostics
from liqbayes.model.data import prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.spec import ModelSpec
from liqbayes.panel import MarketPanel
from liqbayes.sampling import SamplerConfig, fit
from liqbayes.sampling.fit import assemble
from liqbayes.simulate import SimulatedMarket
from liqbayes.validate.compiled import compiled_for, model_of
from liqbayes.validate.recovery.distance import leverage_distance, turnover_distance
from liqbayes.validate.recovery.markets import markets
from liqbayes.validate.recovery.outputs import (
    OUTPUTS,
    draws_of,
    first_bar_left_out,
    interval_of,
    truth_of,
    width_of,
)
from liqbayes.validate.recovery.statistics import interval_score

CHAINS, TUNE, DRAWS = 2, 400, 500
# Names of the two fits of each market, as they end a unit's key.
WITH_FEED, WITHOUT = "feed", "none"
ARMS = (WITH_FEED, WITHOUT)


@dataclass(frozen=True)
class Unit:
    """One fit of a recovery run; everything that its row depends on.

    Attributes
    ----------
    spec : str
        The specification as JSON.
    number : int
        Market of the table.
    arm : {"feed", "none"}
    rules : tuple of str
        Models that give a point, whose score is compared.
    """

    spec: str
    number: int
    arm: str
    rules: tuple[str, ...]


def recover(unit: Unit) -> dict[str, Any]:
    """Simulate a market, fit it and compare the outputs with the truth.

    Returns
    -------
    dict
        ``market``, ``arm``, ``bars``, ``distance`` (from the prior), ``open_interest``,
        ``reported_share``, ``silent_feed``, ``truth``, ``point`` (rule to output to value),
        ``rule_errors``, ``interval`` and ``prior`` (output to low, median, high), ``width``
        (output to posterior and prior), ``score`` (the same, and every rule),
        ``convergence``, ``seconds`` and ``cpu_seconds`` (with compilation in the first fit of a
        layout). Where the fit failed, ``error`` takes the place of what would follow from it.
    """
    begin, busy = time.perf_counter(), time.process_time()
    spec, place = _spec(unit.spec), markets()[unit.number]
    market, silent = place.simulate(feed=unit.arm == WITH_FEED)
    open_interest = float(np.mean(market.panel.values("open_interest")))
    row: dict[str, Any] = {
        "market": unit.number,
        "arm": unit.arm,
        "bars": market.panel.n_bars,
        "distance": {
            "leverage": leverage_distance(spec, place.config),
            "turnover": turnover_distance(spec, market),
        },
        "open_interest": open_interest,
        "reported_share": market.truth["reported_share"],
        "silent_feed": silent,
        "truth": truth_of(market, first_bar_left_out(market.panel.n_bars), open_interest),
    }
    # A fit that fails keeps the truth beside the reason, and counts as an interval that missed.
    try:
        row |= _compared(unit, spec, market, row["truth"], open_interest)
    except Exception as error:
        row["error"] = f"{type(error).__name__}: {error}"
    row |= {
        "seconds": round(time.perf_counter() - begin, 2),
        "cpu_seconds": round(time.process_time() - busy, 2),
    }
    return {name: in_short(value) for name, value in row.items()}


def in_short(value: Any) -> Any:
    """The same with seven digits a number: rows are published, and more digits say nothing."""
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, Mapping):
        return {name: in_short(each) for name, each in value.items()}
    return [in_short(each) for each in value] if isinstance(value, list | tuple) else value


def _compared(
    unit: Unit,
    spec: ModelSpec,
    market: SimulatedMarket,
    truth: dict[str, float],
    open_interest: float,
) -> dict[str, Any]:
    panel = market.panel
    data = prepare(spec, panel)
    evaluator = Evaluator.of(spec, data)
    seeds = [int(spec.content_hash[:16], 16), unit.number, ARMS.index(unit.arm)]
    config = SamplerConfig(
        draws=DRAWS,
        tune=TUNE,
        chains=CHAINS,
        cores=1,
        seed=int(np.random.default_rng(seeds).integers(2**31)),
    )
    taken = compiled_for({"": evaluator}).sample(config, model=model_of({"": evaluator}))
    tree = assemble(evaluator, panel, None, taken, config)
    posterior, modelled = draws_of(tree, open_interest)
    prior, _ = draws_of(tree, open_interest, group="prior")
    if not (modelled == first_bar_left_out(panel.n_bars)).all():
        raise AssertionError("the fit's totals and the true ones cover different bars.")
    interval = {name: interval_of(posterior[name]) for name in OUTPUTS}
    before = {name: interval_of(prior[name]) for name in OUTPUTS}
    points, failures = _points(unit.rules, panel, open_interest)
    found = diagnostics(tree)
    names = ("max_rhat", "min_ess_bulk", "min_ess_tail", "divergences", "min_ebfmi")
    return {
        "interval": interval,
        "prior": before,
        "point": points,
        "rule_errors": failures,
        "width": {
            name: {
                "posterior": width_of(name, interval[name]),
                "prior": width_of(name, before[name]),
            }
            for name in OUTPUTS
        },
        "score": {
            name: {
                "posterior": _score(interval[name], truth[name]),
                "prior": _score(before[name], truth[name]),
                **{
                    rule: interval_score(point[name], point[name], truth[name])
                    for rule, point in points.items()
                },
            }
            for name in OUTPUTS
        },
        "convergence": {
            **{name: _finite(found[name]) for name in names},
            "notes": list(taken.notes),
            "sampling_seconds": round(taken.seconds, 2),
        },
    }


def _points(
    rules: tuple[str, ...], panel: MarketPanel, open_interest: float
) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """What rules without uncertainty say of every output, and why some of them say nothing."""
    points, failures = {}, {}
    for rule in rules:
        # a rule that fails is no fault of the model that is judged
        try:
            tree = fit(rule, panel, progress=False)
            values, _ = draws_of(tree, open_interest, kind="expected")
        except Exception as error:
            failures[rule] = f"{type(error).__name__}: {error}"
        else:
            points[rule] = {name: float(np.median(values[name])) for name in OUTPUTS}
    return points, failures


def _score(interval: list[float], truth: float) -> float:
    return interval_score(interval[0], interval[2], truth)


def _finite(value: float | None) -> float | None:
    """A number that JSON can hold; None where it is not known."""
    return None if value is None or not np.isfinite(value) else float(value)


@lru_cache(maxsize=4)
def _spec(text: str) -> ModelSpec:
    return ModelSpec.from_json(text)
