"""A fit opened for propagation: data, parameters and the loop over draws."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.contracts import AggregateContract, Contract
from liqbayes.engine.path import InitialBook
from liqbayes.errors import InputError
from liqbayes.model.data import initial_book, prepare
from liqbayes.model.evaluate import BookRun, Evaluator
from liqbayes.model.rule import evaluator_of
from liqbayes.model.spec import ModelSpec
from liqbayes.panel import MarketPanel
from liqbayes.sampling.fit import panel_of
from liqbayes.sampling.predictive import noise_seed

FloatArray = NDArray[np.float64]
KINDS = ("realised", "expected")


@dataclass(frozen=True)
class Draw:
    """One draw with its books."""

    index: tuple[int, int]
    p: FloatArray
    shares: FloatArray
    runs: dict[tuple[str, str], BookRun]


@dataclass(frozen=True)
class Context:
    """What every output needs from a fit."""

    panel: MarketPanel
    evaluator: Evaluator
    z: FloatArray
    seed: int
    group: str
    kind: str

    @property
    def shape(self) -> tuple[int, int]:
        """Chains and draws."""
        return self.z.shape[0], self.z.shape[1]

    @property
    def contract(self) -> Contract | AggregateContract:
        """Contract of the panel."""
        return self.panel.contract

    @property
    def last(self) -> int:
        """Bar that standing quantities refer to, counted with the history."""
        return self.evaluator.data.last_bar

    @property
    def as_of(self) -> np.datetime64:
        """Close of that bar."""
        data = self.evaluator.data
        opened = np.asarray(self.panel.time)[self.last - data.n_history]
        return np.datetime64(opened + np.timedelta64(self.panel.bar_seconds, "s"), "ns")

    @property
    def mark_price(self) -> float:
        """Trigger price at the close of that bar."""
        return float(self.evaluator.data.path.close[self.last])

    def book(self) -> InitialBook:
        """Spread of the book before each segment."""
        return initial_book(self.evaluator.spec, self.evaluator.data.bar_hours)

    def draws(self) -> Iterator[Draw]:
        """Loop over draws, running both sides of every leg."""
        n_chain, n_draw = self.shape
        for i in range(n_chain):
            for j in range(n_draw):
                p = self.evaluator.natural(np.ascontiguousarray(self.z[i, j]))
                shares = self.evaluator.shares(p)
                yield Draw((i, j), p, shares, self.evaluator.books(p, shares))

    def coords(self) -> dict[str, Any]:
        """Coordinates of chain, draw and side."""
        return {
            "chain": np.arange(self.shape[0]),
            "draw": np.arange(self.shape[1]),
            "side": ["long", "short"],
        }

    def attrs(self) -> dict[str, Any]:
        """Units and reference point, kept on every output."""
        return {
            "kind": self.kind,
            "group": self.group,
            "unit": self.contract.quantity_unit,
            "quote_unit": self.contract.quote_unit,
            "mark_price": self.mark_price,
            "as_of": str(self.as_of),
            "contract": self.contract.name,
        }

    def rng(self, tag: int) -> np.random.Generator:
        """Generator of one output, the same at every call."""
        return np.random.default_rng([self.seed, 7, tag, int(self.group == "prior")])


def open_fit(fit: xr.DataTree, group: str, kind: str) -> Context:
    """Rebuild data and parameters of a fit.

    A rule's book has no lumps: its kind is "expected" whichever is asked for.

    Raises
    ------
    InputError
        On an unknown group or kind, on the prior of a rule, or on something that is no fit.
    """
    if kind not in KINDS:
        raise InputError(f"kind is {kind!r}; use one of {', '.join(KINDS)}.")
    if group not in ("posterior", "prior"):
        raise InputError(f"group is {group!r}; use 'posterior' or 'prior'.")
    panel, history = panel_of(fit)
    spec = ModelSpec.from_json(fit.attrs["spec"])
    evaluator = evaluator_of(spec, prepare(spec, panel, history))
    seed = noise_seed(int(json.loads(fit.attrs["sampler"])["seed"]), fit.attrs.get("market"))
    if spec.rule is not None:
        if group == "prior":
            raise InputError(
                f"{spec.name} is a rule and has no prior; leave group at 'posterior', which holds "
                "its one book."
            )
        return Context(panel, evaluator, np.zeros((1, 1, 0)), seed, group, "expected")
    z = fit[group]["z"].transpose("chain", "draw", "parameter").to_numpy()
    if z.shape[2] != evaluator.layout.n:
        raise InputError(
            f"the fit has {z.shape[2]} parameters, its specification {evaluator.layout.n}."
        )
    _same_parameters(evaluator, z, fit[group].to_dataset())
    return Context(panel, evaluator, z, seed, group, kind)


def _same_parameters(evaluator: Evaluator, z: FloatArray, stored: xr.Dataset) -> None:
    """Whether this version reads the coordinates of a fit as the version that wrote it did."""
    p = evaluator.natural(np.ascontiguousarray(z[0, 0]))
    for prior in evaluator.layout.priors:
        written = stored[prior.name].isel(chain=0, draw=0).to_numpy().ravel()
        if not np.allclose(p[evaluator.layout.where(prior.name)], written, rtol=1e-6):
            raise InputError(
                f"the fit's {prior.name} does not follow from its coordinates: it was made by "
                "another version of liqbayes; fit the panel again."
            )


def is_rule(fit: xr.DataTree) -> bool:
    """Whether a fit is of a rule: one book, no prior, no interval."""
    return "rule" in json.loads(fit.attrs["spec"])


def thin(fit: xr.DataTree, draws: int) -> xr.DataTree:
    """Keep about ``draws`` evenly spaced draws of posterior and prior, over all chains.

    Parameters
    ----------
    fit : xarray.DataTree
    draws : int
        Draws to keep a group.
    """
    out = fit.copy()
    for group in [g for g in ("posterior", "prior") if g in fit.children]:
        data = fit[group].to_dataset()
        taken = data.sizes["draw"]
        per_chain = min(max(1, draws // data.sizes["chain"]), taken)
        kept = np.linspace(0, taken - 1, per_chain).round().astype(int)
        out[group] = xr.DataTree(data.isel(draw=kept))
    return out
