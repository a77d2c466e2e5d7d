"""From a specification and a panel to a ``pymc.Model``.

The graph is short on purpose: one standard normal vector, natural parameters, the book of each
side and leg, and one likelihood a channel. The arithmetic between them lives in the engine's
kernels, which simulation and outputs call with the same arguments (``ModelData`` arrays).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from liqbayes.model.channels.liquidation_feed import observe_reports
from liqbayes.model.channels.open_interest import observe_open_interest
from liqbayes.model.data import SIDES, ModelData, prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.inputs import (
    book_inputs,
    natural_inputs,
    parameter_layout,
    share_inputs,
)
from liqbayes.model.ops import Pack, call
from liqbayes.model.pooling import OF, SHARE, JointLayout
from liqbayes.model.priors import ParameterLayout
from liqbayes.model.spec import ModelSpec
from liqbayes.panel import MarketPanel


def build_model(
    spec: ModelSpec, panel: MarketPanel, *, history: MarketPanel | None = None
) -> pm.Model:
    """Build the PyMC model of a panel; nothing is sampled and nothing is changed.

    Parameters
    ----------
    spec : ModelSpec
    panel : MarketPanel
    history : MarketPanel, optional
        Earlier bars that build the book but are not scored.

    Returns
    -------
    pymc.Model
        Free variable ``z`` (parameter); deterministics ``natural`` (parameter) and
        ``leverage_share`` (side, block, cell), blocks of one holding class after those of
        another, step by step of the opening mix; observed ``open_interest_change_<leg>`` and, with
        a feed, ``report_<side>``.

    Raises
    ------
    SpecError, InputError
        See ``prepare``.
    """
    return build_from_data(spec, prepare(spec, panel, history))


def build_from_data(spec: ModelSpec, data: ModelData, *, any_length: bool = False) -> pm.Model:
    """Build the model from prepared data.

    Parameters
    ----------
    spec : ModelSpec
    data : ModelData
    any_length : bool
        Keep which bars are observed, and how many there are, out of the compiled code, so that one
        compilation serves all stretches of a panel. Otherwise they are constants of the graph,
        which compiles faster; the density is the same.
    """
    layout = parameter_layout(spec, data)
    pack = Pack()
    with pm.Model(coords={"parameter": layout.labels, "side": list(SIDES)}) as model:
        z = pm.Normal("z", 0.0, 1.0, dims="parameter")
        _observe_market(pack, spec, layout, data, z, any_length=any_length)
    pack.close()
    return model


def build_joint(spec: ModelSpec, data: Mapping[str, ModelData]) -> pm.Model:
    """Build one model of several markets with partial pooling.

    Parameters
    ----------
    spec : ModelSpec
        With pools.
    data : mapping of str to ModelData
        Prepared panels by market.

    Returns
    -------
    pymc.Model
        Free variable ``z`` (parameter), as ``pooling.JointLayout`` labels it; ``pooled_share``
        (pool); and of each market what ``build_model`` gives, its name and ``::`` before each
        variable.

    Raises
    ------
    InputError
        If the specification pools nothing, or there is one market only.
    """
    evaluators = {name: Evaluator.of(spec, each) for name, each in data.items()}
    joint = JointLayout.of(spec, evaluators)
    coords = {"parameter": list(joint.labels), "pool": list(spec.pooling), "side": list(SIDES)}
    pack = Pack()
    with pm.Model(coords=coords) as model:
        z = pm.Normal("z", 0.0, 1.0, dims="parameter")
        pm.Deterministic(SHARE, joint.pooled_share(z, pt), dims="pool")
        for name, each in data.items():
            own = joint.market(z, name, pt)
            _observe_market(pack, spec, evaluators[name].layout, each, own, prefix=f"{name}{OF}")
    pack.close()
    return model


def _observe_market(
    pack: Pack,
    spec: ModelSpec,
    layout: ParameterLayout,
    data: ModelData,
    z: Any,
    *,
    prefix: str = "",
    any_length: bool = False,
) -> None:
    """Add what is observed of one market to the model; ``prefix`` comes before every name."""
    model = pm.modelcontext(None)
    own = {
        "parameter": layout.labels,
        "block": np.arange(data.block_funding.size * spec.holding_classes),
        "cell": np.arange(data.cells.n_cells),
        "time": np.arange(data.n_bars),
    }
    model.add_coords({f"{prefix}{dim}": values for dim, values in own.items()})
    p = pm.Deterministic(
        f"{prefix}natural",
        call(pack, "natural", [z], natural_inputs(layout)),
        dims=f"{prefix}parameter",
    )
    shares = pm.Deterministic(
        f"{prefix}leverage_share",
        call(pack, "cell_shares", [p], share_inputs(layout, data)),
        dims=("side", f"{prefix}block", f"{prefix}cell"),
    )
    closed: Any = 0.0
    for leg in data.legs:
        expected, predicted, *_ = call(pack, "book", [p, shares], book_inputs(layout, data, leg))
        if len(data.legs) > 1:
            factor: Any = leg.to_common
            if any_length:
                factor = pm.Data(f"{prefix}to_common_{leg.name}", leg.to_common)
            expected = expected * factor
        closed = closed + expected
        observe_open_interest(
            pack, layout, data, leg, p, predicted, prefix=prefix, any_length=any_length
        )
    if data.feeds:
        forced = p[layout.index("forced_share")] * closed
        observe_reports(pack, layout, data, p, forced, prefix=prefix, any_length=any_length)
