"""Net gain of pushing the price to a cluster, with both legs. For judging exposure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.analysis.cascade.book import ForcedBook, forced_book, piecewise
from liqbayes.analysis.cascade.scenario import impact_scale
from liqbayes.analysis.impact import IMPACT_PRIORS, SCENARIOS, Liquidity, Prior, draw_priors
from liqbayes.analysis.manipulation.legs import SPOT_PRIORS, Attack, spot_push, worst_excursion
from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]

PRIORS = (*IMPACT_PRIORS, *SPOT_PRIORS)
SCHEDULES = ("optimal", "naive")


@dataclass(frozen=True)
class Terms:
    """Terms of the derivative position.

    Attributes
    ----------
    taker_fee : float
        Share of notional.
    funding_rate : float
        Of one interval, paid by longs; assumed to stay.
    funding_interval_hours : float
    maintenance : float
        Maintenance margin rate.
    by_size : callable, optional
        Largest leverage and maintenance margin rate of a position of so much notional, instead of
        ``maintenance`` at every size and no limit.
    """

    taker_fee: float = 0.0005
    funding_rate: float = 0.0001
    funding_interval_hours: float = 8.0
    maintenance: float = 0.005
    by_size: Callable[[float], tuple[float, float]] | None = None

    def at(self, notional: float) -> tuple[float, float]:
        """Largest leverage and maintenance margin rate of a position of so much."""
        return (np.inf, self.maintenance) if self.by_size is None else self.by_size(notional)


def manipulation_risk(
    levels: xr.Dataset,
    clusters: xr.Dataset,
    liquidity: Liquidity,
    *,
    attack: Attack | None = None,
    terms: Terms | None = None,
    closing_share: FloatArray | float = 1.0,
    priors: Sequence[Prior] = PRIORS,
    fixed: Mapping[str, float] | None = None,
    scenarios: int = SCENARIOS,
    seed: int = 1,
) -> xr.Dataset:
    """Distribution of the net gain of pushing the price to each cluster.

    Whoever pushes holds a derivative position (short below the price, long above it) of as much as
    ``participation`` of the forced flow expected at the target, moves the index there by trading
    spot, leaves the position into the forced flow, and unwinds the spot position. A scenario,
    prior-driven, for those who judge what a book of levels invites: it says nothing of whether a
    venue's surveillance or other traders would let it pass.

    Parameters
    ----------
    levels : Dataset
        As `liqbayes.liquidation_levels` returns it.
    clusters : Dataset
        As `find_clusters` returns it; ``side`` and ``price`` are used.
    liquidity : Liquidity
        Of the perpetual.
    attack : Attack, optional
    terms : Terms, optional
    closing_share : float or ndarray, shape (chain, draw)
        As in `cascades`.
    priors : sequence of Prior
        With the names of `IMPACT_PRIORS` and `SPOT_PRIORS`.
    fixed : mapping of str to float, optional
        Values that replace draws of the priors.
    scenarios : int
        Draws of the priors and of the price's own noise.
    seed : int

    Returns
    -------
    Dataset
        Over (chain, draw, scenario, schedule, cluster) ``gain``; over (scenario, schedule, cluster)
        ``spot_cost`` and ``spot_deviation`` (what the price's noise does); over (scenario, cluster)
        ``spot_notional`` and ``capital`` (margin plus spot notional); over (chain, draw, scenario,
        cluster) ``forced``, the forced flow on the book; over cluster ``derivative`` (notional of
        the position) and ``reachable`` (False where an index would drop the venue pushed; all else
        is NaN there). Quote currency. ``gain`` is NaN where the price does not come to rest within
        the priced range.

    Raises
    ------
    InputError
        On a cluster outside the priced range or without levels' side, or a value out of range.
    """
    attack, terms = attack or Attack(), terms or Terms()
    drawn = draw_priors(priors, scenarios, seed, fixed)
    lacking = sorted({p.name for p in PRIORS} - set(drawn))
    if lacking:
        raise InputError(f"priors lack {', '.join(lacking)}; start from PRIORS.")
    rng = np.random.default_rng([seed, 11])
    n_chain, n_draw = levels.sizes["chain"], levels.sizes["draw"]
    n, c = n_chain * n_draw, clusters.sizes["cluster"]
    mark = float(levels.attrs["mark_price"])
    books = {side: forced_book(levels, side, closing_share) for side in ("long", "short")}
    gain = np.full((n, scenarios, len(SCHEDULES), c), np.nan)
    forced = np.full((n, scenarios, c), np.nan)
    cost = np.full((scenarios, len(SCHEDULES), c), np.nan)
    deviation = np.full_like(cost, np.nan)
    spot, capital = np.full((scenarios, c), np.nan), np.full((scenarios, c), np.nan)
    held, leverage, reachable = np.full(c, np.nan), np.full(c, np.nan), np.zeros(c, bool)
    for i in range(c):
        book = books[str(clusters["side"].to_numpy()[i])]
        price = float(clusters["price"].to_numpy()[i])
        distance = book.log_distance(
            1.0 - price / mark if book.side == "long" else price / mark - 1.0
        )
        # drawn in any case, so that one cluster does not change another's draws
        noise = rng.standard_normal((3, n, scenarios))
        chance = 1.0 - rng.random((n, scenarios))
        needed = float(book.fraction(np.asarray(distance / attack.index_weight)))
        reachable[i] = attack.index_weight == 1.0 or needed < attack.outlier_band
        if not reachable[i]:
            continue
        derivative = _Derivative.planned(book, distance, drawn, attack, liquidity, terms)
        held[i], leverage[i] = derivative.notional, derivative.leverage
        earned, forced[..., i] = derivative.run(noise[0], chance)
        spread = liquidity.volatility * np.sqrt(attack.hours / 24.0)
        for j, name in enumerate(SCHEDULES):
            push = spot_push(
                distance,
                attack,
                drawn,
                liquidity.volatility,
                liquidity.volume,
                naive=name == "naive",
            )
            moved = sum(w * z for w, z in zip(push.loading, noise, strict=True))
            gain[:, :, j, i] = earned - push.cost + push.notional * spread * moved
            cost[:, j, i], deviation[:, j, i] = push.cost, push.deviation
        spot[:, i] = push.notional
        capital[:, i] = push.notional + derivative.notional / derivative.leverage
    unit = {"units": levels.attrs["quote_unit"]}
    draws, many = ("chain", "draw", "scenario"), (n_chain, n_draw, scenarios)
    return xr.Dataset(
        {
            "gain": ((*draws, "schedule", "cluster"), gain.reshape(*many, -1, c), unit),
            "forced": ((*draws, "cluster"), forced.reshape(*many, c), unit),
            "spot_cost": (("scenario", "schedule", "cluster"), cost, unit),
            "spot_deviation": (("scenario", "schedule", "cluster"), deviation, unit),
            "spot_notional": (("scenario", "cluster"), spot, unit),
            "capital": (("scenario", "cluster"), capital, unit),
            "derivative": ("cluster", held, unit),
            "leverage": ("cluster", leverage, {"units": "notional over margin"}),
            "reachable": ("cluster", reachable),
        },
        coords={
            "chain": levels["chain"],
            "draw": levels["draw"],
            "scenario": np.arange(scenarios),
            "schedule": list(SCHEDULES),
            **{
                name: clusters[name].variable
                for name in ("cluster", "side", "price", "distance")
                if name in clusters
            },
            **{name: ("scenario", values) for name, values in drawn.items()},
        },
        attrs={"quote_unit": levels.attrs["quote_unit"], "index_weight": attack.index_weight},
    )


@dataclass(frozen=True)
class _Derivative:
    """The derivative leg against one cluster."""

    book: ForcedBook
    distance: float
    drawn: dict[str, FloatArray]
    attack: Attack
    liquidity: Liquidity
    terms: Terms
    notional: float
    leverage: float
    maintenance: float

    @classmethod
    def planned(
        cls,
        book: ForcedBook,
        distance: float,
        drawn: dict[str, FloatArray],
        attack: Attack,
        liquidity: Liquidity,
        terms: Terms,
    ) -> "_Derivative":
        """Size the position by the median flow that is forced on the way to the target."""
        reached = book.upto(np.full((book.mass.shape[0], 1), distance))
        flow = float(np.median(reached * (1.0 - drawn["absorbed_off_book"])))
        notional = attack.participation * flow
        largest, maintenance = terms.at(notional)
        leverage = min(attack.leverage, largest)
        return cls(book, distance, drawn, attack, liquidity, terms, notional, leverage, maintenance)

    def run(self, noise: FloatArray, chance: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Gain before the spot leg and forced flow on the book, both (draw, scenario)."""
        book, drawn, terms = self.book, self.drawn, self.terms
        spread = self.liquidity.volatility * np.sqrt(self.attack.hours / 24.0)
        # the push is planned to the target; the market's own noise adds to it
        arrived = self.distance + spread * noise
        shock = np.clip(arrived, 0.0, book.edges[-1])
        rest, flow = self._cascade(shock)
        exponent, fee = drawn["impact_exponent"], terms.taker_fee + drawn["half_spread"]
        calm = impact_scale(self.liquidity, drawn["impact_coefficient"], exponent)
        thin = impact_scale(
            self.liquidity, drawn["impact_coefficient"], exponent, drawn["remaining_depth"]
        )
        out = np.minimum(self.notional, self.attack.participation * flow)
        left = self.notional - out
        # mean fill of a metaorder along a power law of its size
        into_flow = arrived + (rest - shock) / (1.0 + exponent)
        # what remains of the move once its temporary part has gone
        kept = spread * noise
        after = kept + drawn["permanent_share"] * (arrived + rest - shock - kept)
        after = after - thin * left**exponent / (1.0 + exponent)
        earned = out * book.fraction(into_flow) + left * book.fraction(after)
        sign = 1.0 if book.side == "long" else -1.0  # shorts receive positive funding
        funding = sign * terms.funding_rate * self.attack.hours / terms.funding_interval_hours
        entry = self.notional * (calm * self.notional**exponent / (1.0 + exponent) + fee)
        earned = earned - self.notional * fee + self.notional * funding
        # its own margin may be gone before the push gets there
        worst = worst_excursion(-arrived, spread, chance)
        against = 1.0 / self.leverage - self.maintenance
        ruined = np.expm1(worst) >= against if book.side == "long" else -np.expm1(-worst) >= against
        earned = np.where(ruined, -self.notional / self.leverage, earned)
        return earned - entry, flow

    def _cascade(self, shock: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Where the price rests, and the forced flow on the book up to there."""
        from liqbayes.analysis.cascade import kernels

        book, drawn = self.book, self.drawn
        exponent = drawn["impact_exponent"]
        scale = impact_scale(
            self.liquidity, drawn["impact_coefficient"], exponent, drawn["remaining_depth"]
        )
        rest, flow = np.empty(shock.shape), np.empty(shock.shape)
        for k in range(shock.shape[1]):
            on_book = (1.0 - drawn["absorbed_off_book"][k]) * book.cumulative
            taken = np.minimum(self.notional, self.attack.participation * on_book)
            at = kernels.rests(
                book.edges, on_book - taken, shock[:, k : k + 1], float(scale[k]), exponent[k]
            )
            at = np.where(np.isfinite(at), at, np.nan)
            rest[:, k] = at[:, 0]
            flow[:, k] = piecewise(book.edges, on_book, at)[:, 0]
        return rest, flow
