"""Fit a specification to a panel."""

import json
import os
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import xarray as xr

from liqbayes.errors import InputError
from liqbayes.model.data import SIDES, prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.spec import ModelSpec, load_spec
from liqbayes.panel import MarketPanel
from liqbayes.sampling.config import SamplerConfig
from liqbayes.sampling.rule import fit_rule

if TYPE_CHECKING:
    from liqbayes.sampling.run import Draws

SCHEMA = "liqbayes-fit-1"
PRIOR_DRAWS = 1000
_VERSIONED = (
    "liqbayes",
    "pymc",
    "pytensor",
    "nutpie",
    "arviz",
    "numba",
    "numpy",
    "pandas",
    "scipy",
    "xarray",
)


@overload
def fit(
    spec: ModelSpec | str,
    panel: MarketPanel,
    *,
    history: MarketPanel | None = ...,
    draws: int = ...,
    tune: int = ...,
    chains: int = ...,
    cores: int | None = ...,
    seed: int = ...,
    sampler: str = ...,
    target_accept: float = ...,
    progress: bool = ...,
) -> xr.DataTree: ...


@overload
def fit(
    spec: ModelSpec | str,
    panel: Mapping[str, MarketPanel],
    *,
    history: Mapping[str, MarketPanel] | None = ...,
    draws: int = ...,
    tune: int = ...,
    chains: int = ...,
    cores: int | None = ...,
    seed: int = ...,
    sampler: str = ...,
    target_accept: float = ...,
    progress: bool = ...,
) -> dict[str, xr.DataTree]: ...


def fit(
    spec: ModelSpec | str,
    panel: MarketPanel | Mapping[str, MarketPanel],
    *,
    history: MarketPanel | Mapping[str, MarketPanel] | None = None,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    cores: int | None = None,
    seed: int = 0,
    sampler: str = "nutpie",
    target_accept: float = 0.8,
    progress: bool = True,
) -> xr.DataTree | dict[str, xr.DataTree]:
    """Sample the posterior of a model given a panel, or run a rule over it.

    Parameters
    ----------
    spec : ModelSpec or str
        A specification, or the name or path of one.
    panel : MarketPanel or mapping of str to MarketPanel
        One market, or several by name for a model that pools, such as ``hierarchical``. Such a
        model takes one market too: pooling then has no effect.
    history : MarketPanel, or mapping of str to MarketPanel, optional
        Earlier bars that build the book but are not scored.
    draws, tune, chains, cores, seed, sampler, target_accept
        See ``SamplerConfig``; ``cores`` defaults to what the machine has, at most ``chains``.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    xarray.DataTree
        Groups ``posterior``, ``prior`` (named parameters, ``leverage_share`` and the standard
        normal coordinates ``z``), ``posterior_predictive``, ``prior_predictive``,
        ``sample_stats``, ``observed_data`` and ``panel``; root attributes hold specification,
        contract, seed and versions, so that the outputs need nothing else. Of a rule (a
        specification with a section ``rule``) there are only ``posterior``, with one chain and
        one draw, and ``panel``: nothing is sampled, and settings of the sampler have no effect.
        Of several markets a dict with such a tree for each, whose groups ``posterior`` and
        ``prior`` also hold ``pooled_share`` and ``pooled_z``, what the markets have in common.

    Raises
    ------
    SpecError, InputError
        If specification, panel or settings do not fit; before anything is sampled.
    SamplingError
        If the sampler cannot run.

    Notes
    -----
    Ctrl-C keeps the draws that every started chain completed and drops chains that never
    started; ``fit.attrs["interrupted"]`` says so.
    """
    if isinstance(spec, str):
        spec = load_spec(spec)
    config = SamplerConfig(
        draws=draws,
        tune=tune,
        chains=chains,
        cores=min(chains, os.cpu_count() or 1) if cores is None else cores,
        seed=seed,
        sampler=sampler,
        target_accept=target_accept,
    )
    if isinstance(panel, Mapping) != isinstance(history, Mapping) and history is not None:
        raise InputError("give history as panel is given: one panel, or one a market by name.")
    if isinstance(panel, Mapping):
        if spec.rule is not None:
            raise InputError(
                f"{spec.name} is a rule: it has nothing to pool; fit each panel alone."
            )
        from liqbayes.sampling.joint import fit_joint

        histories = history if isinstance(history, Mapping) else {}
        return fit_joint(spec, panel, histories, config, progress=progress)
    assert not isinstance(history, Mapping)
    if spec.rule is not None:
        return fit_rule(spec, panel, history, seed=seed, schema=SCHEMA)
    # these need PyMC, which a rule and the outputs of a fit do without
    from liqbayes.model.build import build_from_data
    from liqbayes.sampling.run import sample

    data = prepare(spec, panel, history)
    evaluator = Evaluator.of(spec, data)
    taken = sample(build_from_data(spec, data), config, progress=progress)
    return assemble(evaluator, panel, history, taken, config)


def assemble(
    evaluator: Evaluator,
    panel: MarketPanel,
    history: MarketPanel | None,
    taken: "Draws",
    config: SamplerConfig,
    *,
    prior_z: xr.DataArray | None = None,
    market: str | None = None,
) -> xr.DataTree:
    """Put draws, predictive draws, panel and provenance into one tree.

    ``prior_z`` are prior draws that were already taken; else independent ones. ``market`` is the
    name of one that was fitted with others.
    """
    from liqbayes.sampling.predictive import (
        noise_seed,
        observed,
        parameter_dataset,
        predictive,
        prior_draws,
    )

    if prior_z is None:
        prior_z = prior_draws(evaluator.layout.n, PRIOR_DRAWS, config.seed)
    seed = noise_seed(config.seed, market)
    posterior = parameter_dataset(evaluator, taken.z)
    posterior.attrs["inference_library"] = config.sampler
    groups = {
        "posterior": posterior,
        "prior": parameter_dataset(evaluator, prior_z),
        "posterior_predictive": predictive(evaluator, taken.z, seed),
        "prior_predictive": predictive(evaluator, prior_z, seed + 1),
        "sample_stats": taken.stats,
        "observed_data": observed(evaluator),
        "panel": panel.data,
    }
    if history is not None:
        groups["history"] = history.data
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = _attributes(evaluator, panel, history, taken, config)
    return tree


def _attributes(
    evaluator: Evaluator,
    panel: MarketPanel,
    history: MarketPanel | None,
    taken: "Draws",
    config: SamplerConfig,
) -> dict[str, str]:
    run: dict[str, Any] = {
        "name": config.sampler,
        "seconds": round(taken.seconds, 2),
        "compile_seconds": round(taken.compile_seconds, 2),
        "draws": int(taken.z.sizes["draw"]),
        "tune": config.tune,
        "chains": int(taken.z.sizes["chain"]),
        "asked_draws": config.draws,
        "asked_chains": config.chains,
        "seed": config.seed,
        "target_accept": config.target_accept,
        "notes": list(taken.notes),
    }
    return {
        "schema": SCHEMA,
        "spec": evaluator.spec.to_json(),
        "spec_hash": evaluator.spec.content_hash,
        "contract": json.dumps(panel.contract.to_dict()),
        "panel_meta": json.dumps(panel.meta()),
        "panel_hash": panel.content_hash,
        "history_meta": "" if history is None else json.dumps(history.meta()),
        "sampler": json.dumps(run),
        "interrupted": "true" if taken.interrupted else "false",
        "versions": json.dumps({name: version(name) for name in _VERSIONED}),
        "oi_conservation_error": repr(_conservation_error(evaluator, taken)),
    }


def _conservation_error(evaluator: Evaluator, taken: "Draws") -> float:
    """Largest relative difference of living mass and open interest, over sides, bars and draws."""
    data = evaluator.data
    z = taken.z.transpose("chain", "draw", "parameter").to_numpy().reshape(-1, evaluator.layout.n)
    worst = 0.0
    for row in z[:: max(1, len(z) // 50)]:
        p = evaluator.natural(np.ascontiguousarray(row))
        runs = evaluator.books(p, evaluator.shares(p))
        for leg in data.legs:
            inside = data.start >= 0
            for side in SIDES:
                living = runs[leg.name, side].living.sum(axis=(1, 2))[inside]
                worst = max(worst, float(np.abs(living / leg.interest[inside] - 1.0).max()))
    return worst


def panel_of(tree: xr.DataTree) -> tuple[MarketPanel, MarketPanel | None]:
    """Rebuild the panel, and the history if there was one, that a fit was made from."""
    from liqbayes.contracts import contract_from_dict

    if tree.attrs.get("schema") != SCHEMA:
        raise InputError(
            f"this is no fit of this version: schema {tree.attrs.get('schema')!r}, "
            f"expected {SCHEMA!r}."
        )
    contract = contract_from_dict(json.loads(tree.attrs["contract"]))
    panel = MarketPanel.from_dataset(
        tree["panel"].to_dataset(), contract, json.loads(tree.attrs["panel_meta"])
    )
    history = None
    if tree.attrs.get("history_meta"):
        history = MarketPanel.from_dataset(
            tree["history"].to_dataset(), contract, json.loads(tree.attrs["history_meta"])
        )
    return panel, history
