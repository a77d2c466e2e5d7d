"""What publishes the map that simulated traders act on."""

from functools import lru_cache
from typing import Literal

import numpy as np
import xarray as xr

from liqbayes.errors import InputError
from liqbayes.model import load_spec
from liqbayes.model.data import prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.spec import ModelSpec
from liqbayes.outputs import liquidation_levels
from liqbayes.panel import MarketPanel
from liqbayes.sampling import SamplerConfig, fit
from liqbayes.sampling.fit import assemble
from liqbayes.sampling.run import Draws
from liqbayes.simulate import PublishedMap
from liqbayes.simulate.publishing import TRUE_MAP, Publisher

MODEL, RULE = "model", "fixed-mix"
#: Maps by name: the fitted model's own, a public rule's, the true book.
MAPS = (MODEL, RULE, TRUE_MAP)
#: The model whose map is published where the judged one is a rule.
STAND_IN = "baseline"
# Bins of a published map, within multiples of the price.
_BINS, _RANGE = 240, (0.74, 1.35)


def publisher(name: str, spec: ModelSpec) -> Publisher | Literal["true"]:
    """What publishes the maps of a study.

    Parameters
    ----------
    name : {"model", "fixed-mix", "true"}
        ``model`` is the expected map of the specification (of `STAND_IN` if it is a rule) at the
        centre of its prior, carried through the bars so far: what it says before it has learnt
        anything but the path of price, volume, open interest and funding. A stand-in for the
        posterior, which would take a fit for every publication. ``fixed-mix`` is the rule of
        public maps, ``true`` the book itself.
    spec : ModelSpec

    Raises
    ------
    InputError
        For an unknown name.
    """
    if name == TRUE_MAP:
        return TRUE_MAP
    if name == RULE:
        return rule_map
    if name == MODEL:
        return _CentreMap((spec if spec.rule is None else load_spec(STAND_IN)).to_json())
    raise InputError(f"--map is {name!r}; it can be {', '.join(MAPS)}.")


def rule_map(panel: MarketPanel) -> PublishedMap:
    """The map of the rule `RULE`."""
    return _published(fit(RULE, panel, progress=False))


class _CentreMap:
    """The expected map of a model at the centre of its prior."""

    def __init__(self, spec: str) -> None:
        self._spec = spec

    def __call__(self, panel: MarketPanel) -> PublishedMap:
        spec = _spec(self._spec)
        evaluator = Evaluator.of(spec, prepare(spec, panel))
        # the coordinates are standard normal: zero is the prior's median in each of them
        z = xr.DataArray(
            np.zeros((1, 1, evaluator.layout.n)),
            dims=("chain", "draw", "parameter"),
            coords={"parameter": evaluator.layout.labels},
        )
        stats = xr.Dataset({"diverging": (("chain", "draw"), np.zeros((1, 1), bool))})
        taken = Draws(z, stats, 0.0, 0.0, False, ())
        return _published(assemble(evaluator, panel, None, taken, SamplerConfig(), prior_z=z))


def _published(tree: xr.DataTree) -> PublishedMap:
    found = liquidation_levels(tree, kind="expected", bins=_BINS, price_range=_RANGE)
    amount = found["quantity"].isel(chain=0, draw=0).transpose("side", "price").to_numpy()
    edges = np.append(found["price_low"].to_numpy(), float(found["price_high"][-1]))
    return PublishedMap(edges, np.asarray(amount, dtype=np.float64))


@lru_cache(maxsize=4)
def _spec(text: str) -> ModelSpec:
    return ModelSpec.from_json(text)
