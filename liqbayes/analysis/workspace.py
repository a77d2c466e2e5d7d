"""What the topics share of a fit, computed once and only when asked for."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import xarray as xr

from liqbayes import outputs
from liqbayes.analysis.clusters.find import (
    BANDWIDTH,
    NEAR,
    NEAR_BANDWIDTH,
    WITHIN,
    find_clusters,
    settings,
)
from liqbayes.analysis.paths import PATHS, PathSet, draw_paths
from liqbayes.analysis.volatility import LEAST_SPANS, Volatility, fit_volatility
from liqbayes.conventions import BINS, MOVES, PRICE_RANGE, WINDOWS
from liqbayes.errors import InputError
from liqbayes.outputs.context import Context, open_fit
from liqbayes.outputs.windows import duration_seconds

# Draws that the analyses run over; quantiles of so many are exact to 1.5 % of probability.
DRAWS = 1000
HORIZONS = ("1h", "4h", "1d", "7d")


@dataclass(frozen=True)
class Options:
    """What a user may choose.

    Attributes
    ----------
    moves : tuple of float
        Adverse moves as fractions of the last price.
    windows : tuple of str
        Durations that end at the last bar.
    horizons : tuple of str
        Durations that begin there.
    bins : int
    price_range : (float, float)
        Price grid, limits as multiples of the last price.
    draws : int
        Posterior draws to use.
    seed : int
        Of everything that is drawn beyond the posterior.
    insurance_fund : float or None
        What the venue's insurance fund would pay for one event, quote currency; None if unknown.

    Raises
    ------
    InputError
        If there are no draws, a duration is none, or the fund is negative.
    """

    moves: tuple[float, ...] = MOVES
    windows: tuple[str, ...] = WINDOWS
    horizons: tuple[str, ...] = HORIZONS
    bins: int = BINS
    price_range: tuple[float, float] = PRICE_RANGE
    draws: int = DRAWS
    seed: int = 1
    insurance_fund: float | None = None

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise InputError(f"draws is {self.draws}; use at least 1.")
        for duration in (*self.windows, *self.horizons):
            duration_seconds(duration)
        if self.insurance_fund is not None and not 0 <= self.insurance_fund < float("inf"):
            raise InputError(
                f"insurance_fund is {self.insurance_fund}; give an amount of 0 or more."
            )


@dataclass(frozen=True)
class Workspace:
    """A fit and the outputs that several topics need.

    Attributes
    ----------
    fit : DataTree
        As `liqbayes.fit` or `liqbayes.load_fit` return it.
    options : Options
    """

    fit: xr.DataTree
    options: Options = field(default_factory=Options)

    @cached_property
    def thinned(self) -> xr.DataTree:
        """The fit with about ``options.draws`` draws."""
        return outputs.thin(self.fit, self.options.draws)

    @cached_property
    def context(self) -> Context:
        """The thinned posterior opened: panel, contract, last price and its time."""
        return open_fit(self.thinned, "posterior", "realised")

    @cached_property
    def levels(self) -> xr.Dataset:
        """`liquidation_levels` of kind "realised"."""
        return outputs.liquidation_levels(
            self.thinned, bins=self.options.bins, price_range=self.options.price_range
        )

    @cached_property
    def flows(self) -> xr.Dataset:
        """`realised_liquidations` of kind "realised"."""
        return outputs.realised_liquidations(self.thinned)

    @cached_property
    def closed_share(self) -> xr.DataArray:
        """Share of what is touched that is closed by force, (chain, draw)."""
        context = self.context
        evaluator = context.evaluator
        values = np.empty(context.shape)
        for at in np.ndindex(*context.shape):
            p = evaluator.natural(np.ascontiguousarray(context.z[at]))
            values[at] = evaluator.value(p, "touch_to_close_share") * evaluator.value(
                p, "forced_share"
            )
        coords = {k: v for k, v in context.coords().items() if k != "side"}
        return xr.DataArray(values, dims=("chain", "draw"), coords=coords)

    @cached_property
    def volatility(self) -> Volatility:
        """Volatility model of the bars up to the one that levels stand at.

        Raises
        ------
        InputError
            If the panel is too short for one.
        """
        panel = self.context.panel
        return fit_volatility(panel.slice(until=self.context.as_of))

    def horizons(self) -> tuple[dict[str, int], dict[str, str]]:
        """Horizons that paths exist for, in bars, and those without, with the reason.

        Raises
        ------
        InputError
            As `volatility`.
        """
        seconds = self.context.panel.bar_seconds
        largest = self.volatility.moves.shape[0] // LEAST_SPANS
        bars: dict[str, int] = {}
        reasons: dict[str, str] = {}
        for name in self.options.horizons:
            length = duration_seconds(name)
            if length % seconds:
                reasons[name] = f"no whole number of bars of {seconds} s"
            elif length // seconds > largest:
                reasons[name] = (
                    f"{length // seconds} bars, more than the {largest} that the volatility model "
                    "supports"
                )
            else:
                bars[name] = length // seconds
        return bars, reasons

    @cached_property
    def paths(self) -> PathSet:
        """Price paths from the last price over the longest horizon that is supported.

        Raises
        ------
        InputError
            If none is, or the panel is too short.
        """
        bars, reasons = self.horizons()
        if not bars:
            told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
            raise InputError(f"no horizon can be looked at: {told}. Choose another --horizon.")
        context = self.context
        return draw_paths(
            self.volatility, context.mark_price, max(bars.values()), PATHS, self.options.seed
        )

    @cached_property
    def clusters(self) -> dict[str, xr.Dataset]:
        """`find_clusters` of the levels: the wide search, and the fine one near the price."""
        return {
            f"{100 * within:g} %": find_clusters(
                self.levels, **settings(self.levels, within, bandwidth)
            )
            for within, bandwidth in ((WITHIN, BANDWIDTH), (NEAR, NEAR_BANDWIDTH))
        }
