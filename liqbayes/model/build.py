"""From a specification and a panel to a ``pymc.Model``.

The graph is short on purpose: one standard normal vector, natural parameters, the book of each
side and leg, and one likelihood a channel. The arithmetic between them lives in the engine's
kernels, which simulation and outputs call with the same arguments (``ModelData`` arrays).
"""

from typing import Any

import numpy as np
import pymc as pm

from liqbayes.model.channels.liquidation_feed import observe_reports
from liqbayes.model.channels.open_interest import observe_open_interest
from liqbayes.model.data import SIDES, ModelData, prepare
from liqbayes.model.inputs import (
    book_inputs,
    natural_inputs,
    parameter_layout,
    share_inputs,
)
from liqbayes.model.ops import Pack, call
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
        another, week by week; observed ``open_interest_change_<leg>`` and, with
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
    coords: dict[str, Any] = {
        "parameter": layout.labels,
        "side": list(SIDES),
        "block": np.arange(data.block_funding.size * spec.holding_classes),
        "cell": np.arange(data.cells.n_cells),
        "time": np.arange(data.n_bars),
    }
    pack = Pack()
    with pm.Model(coords=coords) as model:
        z = pm.Normal("z", 0.0, 1.0, dims="parameter")
        p = pm.Deterministic(
            "natural", call(pack, "natural", [z], natural_inputs(layout)), dims="parameter"
        )
        shares = pm.Deterministic(
            "leverage_share",
            call(pack, "cell_shares", [p], share_inputs(layout, data)),
            dims=("side", "block", "cell"),
        )
        closed: Any = 0.0
        for leg in data.legs:
            expected, predicted, *_ = call(
                pack, "book", [p, shares], book_inputs(layout, data, leg)
            )
            if len(data.legs) > 1:
                factor: Any = leg.to_common
                if any_length:
                    factor = pm.Data(f"to_common_{leg.name}", leg.to_common)
                expected = expected * factor
            closed = closed + expected
            observe_open_interest(pack, layout, data, leg, p, predicted, any_length=any_length)
        if data.feeds:
            forced = p[layout.index("forced_share")] * closed
            observe_reports(pack, layout, data, p, forced, any_length=any_length)
    pack.close()
    return model
