"""What is compared: names of the outputs, their true values and their intervals."""

from types import MappingProxyType

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.outputs import at_risk, realised_liquidations
from liqbayes.simulate import SimulatedMarket
from liqbayes.validate.recovery.statistics import ALPHA

FloatArray = NDArray[np.float64]
SIDES = ("long", "short")
MOVES = (0.02, 0.05, 0.1, 0.2)
AT_RISK, TOTALS, DELTA = "at_risk", "total", "delta_total"
# Outputs by family; totals and their difference count in multiples of the mean open interest.
FAMILIES: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        AT_RISK: tuple(f"at_risk[{side}, {move:g}]" for side in SIDES for move in MOVES),
        TOTALS: tuple(f"total[{side}]" for side in SIDES),
        DELTA: ("delta_total",),
    }
)
OUTPUTS = tuple(name for names in FAMILIES.values() for name in names)
FAMILY_OF = MappingProxyType({name: key for key, names in FAMILIES.items() for name in names})
# Totals are compared on a log scale from here, so that a lower end at zero has a width.
LEAST_TOTAL = 1e-6


def draws_of(
    fit: xr.DataTree, open_interest: float, *, group: str = "posterior", kind: str = "realised"
) -> tuple[dict[str, FloatArray], NDArray[np.bool_]]:
    """Draws of every output, and which bars the totals cover.

    Parameters
    ----------
    fit : xarray.DataTree
    open_interest : float
        What totals are divided by, in the contract's quantity unit.
    group : {"posterior", "prior"}
    kind : {"realised", "expected"}

    Returns
    -------
    dict
        Output to values of shape (chain times draw,).
    ndarray of bool, shape (time,)
        Bars that have liquidations in the fit.
    """
    risk = at_risk(fit, moves=MOVES, kind=kind, group=group)
    flows = realised_liquidations(fit, kind=kind, group=group)["quantity"]
    values = flows.transpose("side", "chain", "draw", "time").to_numpy()
    modelled = np.isfinite(values).all(axis=(0, 1, 2))
    out: dict[str, FloatArray] = {}
    for side in SIDES:
        for move in MOVES:
            at = risk.sel(side=side, move=move)
            out[f"at_risk[{side}, {move:g}]"] = at.to_numpy().ravel()
    long, short = (v[..., modelled].sum(-1, dtype=float).ravel() / open_interest for v in values)
    out |= {"total[long]": long, "total[short]": short, "delta_total": long - short}
    return out, modelled


def truth_of(
    market: SimulatedMarket, modelled: NDArray[np.bool_], open_interest: float
) -> dict[str, float]:
    """True values of every output.

    Parameters
    ----------
    market : SimulatedMarket
    modelled : ndarray of bool, shape (time,)
        Bars that totals cover.
    open_interest : float
        What totals are divided by, in the contract's quantity unit.
    """
    out = {
        f"at_risk[{side}, {move:g}]": float(market.truth["at_risk"][side][f"{move:g}"])
        for side in SIDES
        for move in MOVES
    }
    long, short = (
        float(market.bars[f"{side}_liquidations"].to_numpy()[modelled].sum()) / open_interest
        for side in SIDES
    )
    return out | {"total[long]": long, "total[short]": short, "delta_total": long - short}


def first_bar_left_out(bars: int) -> NDArray[np.bool_]:
    """Which bars of a panel without gaps a fit models: its first is where the book begins."""
    return np.arange(bars) > 0


def interval_of(values: FloatArray) -> list[float]:
    """Lower end, median and upper end of the central interval."""
    return [float(x) for x in np.quantile(values, [ALPHA / 2, 0.5, 1 - ALPHA / 2])]


def width_of(name: str, interval: list[float]) -> float:
    """Width of an interval; of a total that of its logarithm."""
    low, _, high = interval
    if FAMILY_OF[name] == TOTALS:
        return float(np.log(max(high, LEAST_TOTAL) / max(low, LEAST_TOTAL)))
    return high - low
