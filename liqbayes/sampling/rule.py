"""The fit of a rule: its one book in the form of a fit, without a sampler and without PyMC."""

import json
import time
from importlib.metadata import version

import numpy as np
import xarray as xr

from liqbayes.model.data import SIDES, prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.rule import evaluator_of
from liqbayes.model.spec import ModelSpec
from liqbayes.panel import MarketPanel

# What ``fit.attrs["sampler"]`` and ``summary.json`` call a rule's sampler.
NAME = "rule"
_VERSIONED = ("liqbayes", "numba", "numpy", "pandas", "scipy", "xarray")


def fit_rule(
    spec: ModelSpec, panel: MarketPanel, history: MarketPanel | None, *, seed: int, schema: str
) -> xr.DataTree:
    """Run a rule over a panel.

    Parameters
    ----------
    spec : ModelSpec
        With a section ``rule``.
    panel : MarketPanel
    history : MarketPanel or None
        Earlier bars, in which the rule's book begins to fill.
    seed : int
        Kept with the fit; nothing is drawn.
    schema : str
        Of the fit.

    Returns
    -------
    xarray.DataTree
        Groups ``posterior`` (``leverage_share`` with one chain and one draw), ``panel`` and, if
        given, ``history``. There is no prior, no predictive and nothing of a sampler.

    Raises
    ------
    SpecError, InputError
        See ``prepare``.
    """
    begin = time.perf_counter()
    evaluator = evaluator_of(spec, prepare(spec, panel, history))
    error = conservation_error(evaluator)
    run = {
        "name": NAME,
        "seconds": round(time.perf_counter() - begin, 2),
        "compile_seconds": 0.0,
        "draws": 1,
        "tune": 0,
        "chains": 1,
        "asked_draws": 1,
        "asked_chains": 1,
        "seed": seed,
        "target_accept": None,
        "notes": [],
    }
    groups = {"posterior": _mix(evaluator), "panel": panel.data}
    if history is not None:
        groups["history"] = history.data
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = {
        "schema": schema,
        "spec": spec.to_json(),
        "spec_hash": spec.content_hash,
        "contract": json.dumps(panel.contract.to_dict()),
        "panel_meta": json.dumps(panel.meta()),
        "panel_hash": panel.content_hash,
        "history_meta": "" if history is None else json.dumps(history.meta()),
        "sampler": json.dumps(run),
        "interrupted": "false",
        "versions": json.dumps({name: version(name) for name in _VERSIONED}),
        "oi_conservation_error": repr(error),
    }
    return tree


def conservation_error(evaluator: Evaluator) -> float:
    """Largest relative difference of a side's book and open interest, over sides and bars.

    Of the same form as for a sampled model, whose book holds all open interest: at least 1 for a
    rule, whose book starts empty.
    """
    none = np.zeros(0)
    runs = evaluator.books(none, evaluator.shares(none))
    inside = evaluator.data.start >= 0
    return max(
        float(
            np.abs(
                runs[leg.name, side].living.sum(axis=(1, 2))[inside] / leg.interest[inside] - 1.0
            ).max()
        )
        for leg in evaluator.data.legs
        for side in SIDES
    )


def _mix(evaluator: Evaluator) -> xr.Dataset:
    """The fixed mix where a sampled model has its opening distribution."""
    shares = evaluator.shares(np.zeros(0))
    return xr.Dataset(
        {
            "leverage_share": (
                ("chain", "draw", "side", "block", "cell"),
                shares[None, None],
                {"units": "share", "long_name": "leverage at opening, fixed by hand"},
            )
        },
        coords={
            "chain": [0],
            "draw": [0],
            "side": list(SIDES),
            "leverage_high": ("cell", evaluator.data.cells.edges),
            "leverage_low": ("cell", evaluator.data.cells.low),
        },
        attrs={"inference_library": NAME},
    )
