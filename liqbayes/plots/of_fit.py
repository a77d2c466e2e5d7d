"""Figures of a fit: compute the output, then draw it."""

import json
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from liqbayes.conventions import BINS, PRICE_RANGE, WINDOWS
from liqbayes.errors import InputError
from liqbayes.plots.delta import draw_delta
from liqbayes.plots.densities import draw_entry, draw_leverage
from liqbayes.plots.heatmap import draw_heatmap, draw_uncertainty
from liqbayes.plots.profile import draw_cumulative, draw_profile
from liqbayes.plots.reports import draw_reports

# More columns than a printed heatmap can show.
COLUMNS = 1500


def heatmap(
    fit: xr.DataTree,
    *,
    bins: int = BINS,
    price_range: tuple[float, float] = PRICE_RANGE,
    kind: str = "realised",
) -> Figure:
    """Median liquidation levels over time with the price path; see `draw_heatmap`.

    Parameters
    ----------
    fit : DataTree
        A fit; long panels are drawn every few bars.
    bins : int
    price_range : tuple of float
        Multiples of the last close.
    kind : {"realised", "expected"}
    """
    return draw_heatmap(_levels_over_time(fit, bins, price_range, kind, None), label=label_of(fit))


def heatmap_uncertainty(
    fit: xr.DataTree,
    *,
    bins: int = BINS,
    price_range: tuple[float, float] = PRICE_RANGE,
    kind: str = "realised",
    threshold: float | None = None,
) -> Figure:
    """How well the heatmap is known; see `draw_uncertainty`.

    Parameters
    ----------
    fit : DataTree
    bins, price_range, kind
        As for `heatmap`.
    threshold : float, optional
        Quantity in a bin whose exceedance probability is drawn, in the contract's unit.
    """
    data = _levels_over_time(fit, bins, price_range, kind, threshold)
    return draw_uncertainty(data, label=label_of(fit))


def profile(
    fit: xr.DataTree,
    *,
    bins: int = BINS,
    price_range: tuple[float, float] = PRICE_RANGE,
    kind: str = "realised",
    prior: bool = True,
) -> Figure:
    """Levels at the last bar with bands on both sides of the mark price; see `draw_profile`.

    Parameters
    ----------
    fit : DataTree
    bins, price_range, kind
        As for `heatmap`.
    prior : bool
        Whether to draw the prior's median too; a rule has none.
    """
    from liqbayes.outputs import liquidation_levels

    levels = liquidation_levels(fit, bins=bins, price_range=price_range, kind=kind)
    before = (
        liquidation_levels(fit, bins=bins, price_range=price_range, kind=kind, group="prior")
        if prior and not _rule(fit)
        else None
    )
    return draw_profile(levels, prior=before, label=label_of(fit))


def cumulative(
    fit: xr.DataTree,
    *,
    bins: int = BINS,
    price_range: tuple[float, float] = PRICE_RANGE,
    kind: str = "realised",
) -> Figure:
    """What would be liquidated by the price reached; see `draw_cumulative`."""
    from liqbayes.outputs import liquidation_levels

    levels = liquidation_levels(fit, bins=bins, price_range=price_range, kind=kind)
    return draw_cumulative(levels, label=label_of(fit))


def delta(
    fit: xr.DataTree, *, windows: tuple[str, ...] = WINDOWS, kind: str = "realised"
) -> Figure:
    """Long minus short liquidations by window; see `draw_delta`."""
    from liqbayes.outputs import liquidation_delta

    data = liquidation_delta(fit, windows=windows, kind=kind)
    return draw_delta(data, label=label_of(fit), unit=_contract(fit)["quote"])


def leverage(fit: xr.DataTree, *, weighting: str = "open_interest") -> Figure:
    """Leverage by side, prior against posterior; see `draw_leverage`.

    Parameters
    ----------
    fit : DataTree
    weighting : {"open_interest", "opened"}
        Leverage of what is open at the last bar, or of what was opened.
    """
    from liqbayes.outputs import leverage_distribution

    after = leverage_distribution(fit, weighting=weighting)
    before = None if _rule(fit) else leverage_distribution(fit, weighting=weighting, group="prior")
    return draw_leverage(after, before, label=label_of(fit))


def entry(
    fit: xr.DataTree, *, bins: int = BINS, price_range: tuple[float, float] = PRICE_RANGE
) -> Figure:
    """Entry prices by side, prior against posterior; see `draw_entry`."""
    from liqbayes.outputs import entry_price_distribution

    after = entry_price_distribution(fit, bins=bins, price_range=price_range)
    before = (
        None
        if _rule(fit)
        else entry_price_distribution(fit, bins=bins, price_range=price_range, group="prior")
    )
    return draw_entry(after, before, label=label_of(fit))


def reports(fit: xr.DataTree) -> Figure:
    """Reported liquidations against the posterior predictive; see `draw_reports`.

    Raises
    ------
    InputError
        If the panel had no liquidation feed.
    """
    names = {side: f"report_{side}" for side in ("long", "short")}
    if "posterior_predictive" not in fit.children or not set(names.values()) <= set(
        fit["posterior_predictive"].data_vars
    ):
        raise InputError(
            "this fit has no predictions of reported liquidations: the panel had no columns "
            "long_liquidations and short_liquidations, or the model no such channel."
        )
    time = fit["panel"]["time"].to_numpy()
    seen: dict[str, xr.DataArray] = {}
    predicted: dict[str, xr.DataArray] = {}
    for side, name in names.items():
        for group, out in (("observed_data", seen), ("posterior_predictive", predicted)):
            values = fit[group].to_dataset()[name]
            (dim,) = (str(d) for d in values.dims if d not in ("chain", "draw"))
            # Bars are counted from the first bar of the history, if there was one.
            bars = values[dim].to_numpy().astype(int) - _history(fit)
            keep = np.flatnonzero(bars >= 0)
            out[side] = (
                values.isel({dim: keep})
                .rename({dim: f"time_{side}"})
                .assign_coords({f"time_{side}": time[bars[keep]]})
            )
    return draw_reports(
        xr.Dataset({s: 1e4 * v for s, v in seen.items()}),
        xr.Dataset({s: 1e4 * v for s, v in predicted.items()}),
        unit="basis points of open interest",
        label=label_of(fit),
    )


def label_of(fit: xr.DataTree) -> str:
    """Contract, bar length and, if it is so, that the fit must not be trusted or is of a rule."""
    seconds = json.loads(fit.attrs["panel_meta"])["bar_seconds"]
    size = next(
        f"{seconds // n} {name}"
        for n, name in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
        if seconds % n == 0
    )
    words = f"{_contract(fit)['name']}, {size} bars"
    if _rule(fit):
        words += f", rule {json.loads(fit.attrs['spec'])['model']['name']}: no interval"
    return f"{words} (interrupted)" if fit.attrs.get("interrupted") == "true" else words


def _rule(fit: xr.DataTree) -> bool:
    from liqbayes.outputs.context import is_rule

    return is_rule(fit)


def _contract(fit: xr.DataTree) -> dict[str, Any]:
    from liqbayes.contracts import contract_from_dict

    contract = contract_from_dict(json.loads(fit.attrs["contract"]))
    return {"name": contract.name, "quote": contract.quote_unit}


def _history(fit: xr.DataTree) -> int:
    """Bars before the panel that the model counts from."""
    return int(fit["history"].sizes["time"]) if "history" in fit.children else 0


def _levels_over_time(
    fit: xr.DataTree,
    bins: int,
    price_range: tuple[float, float],
    kind: str,
    threshold: float | None,
) -> xr.Dataset:
    from liqbayes.outputs import liquidation_heatmap

    every = -(-fit["panel"].sizes["time"] // COLUMNS)
    return liquidation_heatmap(
        fit, bins=bins, price_range=price_range, every=every, threshold=threshold, kind=kind
    )
