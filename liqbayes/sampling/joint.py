"""Fit several markets at once, with partial pooling."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import xarray as xr

from liqbayes.errors import InputError
from liqbayes.model.build import build_joint
from liqbayes.model.data import ModelData, prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.pooling import COMMON, OF, SHARE, JointLayout
from liqbayes.model.spec import ModelSpec
from liqbayes.panel import MarketPanel
from liqbayes.sampling.config import SamplerConfig
from liqbayes.sampling.fit import PRIOR_DRAWS, assemble
from liqbayes.sampling.predictive import prior_draws
from liqbayes.sampling.run import Draws, sample


def fit_joint(
    spec: ModelSpec,
    panels: Mapping[str, MarketPanel],
    histories: Mapping[str, MarketPanel],
    config: SamplerConfig,
    *,
    progress: bool,
) -> dict[str, xr.DataTree]:
    """Sample several markets jointly; see ``fit``.

    Returns
    -------
    dict of str to xarray.DataTree
        A fit a market, which outputs and checks take as if it had been fitted alone. Its groups
        ``posterior`` and ``prior`` also hold what the markets have in common: ``pooled_share``
        (pool) and ``pooled_z`` (common), the coordinates of pools and common parts.

    Raises
    ------
    InputError
        If there are fewer than two markets or a name holds ``::``, a history has no panel, or a
        panel does not fit the specification.
    """
    strangers = sorted(set(histories) - set(panels))
    if strangers:
        raise InputError(f"history of {', '.join(strangers)}, of which there is no panel.")
    bad = [name for name in panels if not name or OF in name or name == COMMON]
    if bad:
        raise InputError(f"markets named {bad}; a name must not be empty, {COMMON!r} or hold {OF}.")
    data: dict[str, ModelData] = {}
    for name, panel in panels.items():
        try:
            data[name] = prepare(spec, panel, histories.get(name))
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
    evaluators = {name: Evaluator.of(spec, each) for name, each in data.items()}
    joint = JointLayout.of(spec, evaluators)
    taken = sample(build_joint(spec, data), config, progress=progress)
    prior = prior_draws(joint.n, PRIOR_DRAWS, config.seed)
    out = {}
    for name, evaluator in evaluators.items():
        tree = assemble(
            evaluator,
            panels[name],
            histories.get(name),
            _of_market(taken, joint, evaluator, name),
            config,
            prior_z=_market_z(prior, joint, evaluator, name),
            market=name,
        )
        for group, z in (("posterior", taken.z), ("prior", prior)):
            both = xr.merge([tree[group].to_dataset(), _in_common(spec, joint, z)])
            tree[group] = xr.DataTree(both.assign_attrs(tree[group].attrs))
        tree.attrs |= {"market": name, "markets": OF.join(panels)}
        out[name] = tree
    return out


def _of_market(taken: Draws, joint: JointLayout, evaluator: Evaluator, name: str) -> Draws:
    return replace(taken, z=_market_z(taken.z, joint, evaluator, name))


def _market_z(z: xr.DataArray, joint: JointLayout, evaluator: Evaluator, name: str) -> xr.DataArray:
    """Coordinates of one market out of joint draws."""
    values = joint.market(z.transpose("chain", "draw", "parameter").to_numpy(), name)
    coords = {k: v for k, v in z.coords.items() if k in ("chain", "draw")}
    return xr.DataArray(
        values,
        dims=("chain", "draw", "parameter"),
        coords={**coords, "parameter": evaluator.layout.labels},
    )


def _in_common(spec: ModelSpec, joint: JointLayout, z: xr.DataArray) -> xr.Dataset:
    """Pools' shares, and the coordinates that no market has alone."""
    values = z.transpose("chain", "draw", "parameter").to_numpy()
    n = joint.shares.n + len(joint.common)
    prior = spec.prior(SHARE)
    return xr.Dataset(
        {
            SHARE: (
                ("chain", "draw", "pool"),
                joint.pooled_share(values),
                {"units": prior.unit, "long_name": prior.description},
            ),
            "pooled_z": (("chain", "draw", "common"), values[..., :n]),
        },
        coords={
            "chain": np.arange(values.shape[0]),
            "draw": np.arange(values.shape[1]),
            "pool": list(spec.pooling),
            "common": list(joint.labels[:n]),
        },
    )
