"""Judging a map: checks, scores with intervals beside distance alone, verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from liqbayes.backtest.bands import LEAST_BLOCKS, PROBABILITY, mean_band
from liqbayes.backtest.ratios import block_of
from liqbayes.contracts import SIDES
from liqbayes.errors import InputError
from liqbayes.judge.checks import Ruling, check_map
from liqbayes.judge.control import Distance, Together, distance_alone, together
from liqbayes.judge.held import held_by
from liqbayes.judge.own import fit_held
from liqbayes.judge.reader import in_quantity
from liqbayes.judge.scores import TOP, Score, gain, top_share
from liqbayes.judge.sweeps import Sweeps
from liqbayes.judge.verdicts import verdicts
from liqbayes.panel import MarketPanel
from liqbayes.peers import LevelMap

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
#: Interval over posterior draws.
DRAW_QUANTILES = (0.05, 0.5, 0.95)
MAX_AGE_HOURS = 24.0


@dataclass(frozen=True)
class Judgement:
    """What was found.

    Attributes
    ----------
    name : str
        Of the map.
    rulings : tuple of Ruling
        Checks of the map, then verdicts on its scores.
    scores : DataFrame
        A row for each side (long, short, both), score and source: ``value`` with ``low`` and
        ``high`` (90 %, blocks of bars), ``chance``, ``bars``, and for a fit ``draw_low``,
        ``draw_median``, ``draw_high`` over posterior draws. Empty if the map was refused.
    about : dict
        Plain JSON values: bars scored, cell width, settings.
    """

    name: str
    rulings: tuple[Ruling, ...]
    scores: pd.DataFrame
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        """Whether a check failed, so that nothing was scored."""
        return self.scores.empty


def judge_map(
    levels: LevelMap,
    panel: MarketPanel,
    *,
    name: str = "map",
    amounts: str = "relative",
    max_age_hours: float = MAX_AGE_HOURS,
    seed: int = 0,
) -> Judgement:
    """Judge any tool's levels against reported liquidations.

    Parameters
    ----------
    levels : LevelMap
        From `read_map` or `liqbayes.peers.rule_map`. A snapshot is judged on bars that open at its
        time or later; that it knew nothing of them is for whoever made it to say.
    panel : MarketPanel
        With open interest and liquidations.
    name : str
    amounts : {"relative", "quantity", "quote"}
        Whether only ratios within a snapshot and side mean anything, or amounts are in the panel's
        quantity unit or in quote currency. Amounts that are more than open interest are refused.
    max_age_hours : float
        Snapshots that are older when a bar opens are not used for it.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Judgement
        Without scores if a check failed.

    Raises
    ------
    InputError
        If the panel has no usable feed, the map does not meet it, or fewer than 240 bars can be
        scored.
    """
    sweeps, held, rulings = _swept(levels, panel, amounts, max_age_hours)
    about = {"amounts": amounts, "max_age_hours": max_age_hours, "notes": list(levels.notes)}
    if held is None:
        return Judgement(name, tuple(rulings), pd.DataFrame(), about)
    return _judged(name, rulings, sweeps, held, (), np.isfinite(held), seed, about)


def swept_by_bar(
    levels: LevelMap,
    panel: MarketPanel,
    *,
    amounts: str = "relative",
    max_age_hours: float = MAX_AGE_HOURS,
) -> FloatArray:
    """What each bar sweeps of a map that stood before it: what a forecast can learn from.

    Parameters
    ----------
    levels, panel, amounts, max_age_hours
        As in `judge_map`.

    Returns
    -------
    ndarray, shape (side, time)
        Over open interest before the bar, or over the snapshot's sum of its side where amounts are
        relative; NaN where the map says nothing of the bar.

    Raises
    ------
    InputError
        If a check refuses the map; otherwise as `judge_map`.
    """
    _, held, rulings = _swept(levels, panel, amounts, max_age_hours)
    if held is None:
        reasons = "; ".join(ruling.text for ruling in rulings if ruling.status == "fail")
        raise InputError(f"the map is refused: {reasons}.")
    return held


def _swept(
    levels: LevelMap, panel: MarketPanel, amounts: str, max_age_hours: float
) -> tuple[Sweeps, FloatArray | None, list[Ruling]]:
    """Sweeps of a panel, what they hold of a map, and the map's checks; None if it is refused."""
    if not max_age_hours >= 0:
        raise InputError(f"the largest age is {max_age_hours} hours; use 0 or more.")
    sweeps = Sweeps.of(panel)
    relative = amounts == "relative"
    levels, rulings = check_map(
        in_quantity(levels, amounts, panel.contract),
        panel,
        sweeps,
        relative=relative,
        max_age_hours=max_age_hours,
    )
    if any(ruling.status == "fail" for ruling in rulings):
        return sweeps, None, rulings
    held = held_by(levels, sweeps, relative=relative, max_age_hours=max_age_hours)
    return sweeps, held, rulings


def judge_fit(
    fit: xr.DataTree,
    *,
    panel: MarketPanel | None = None,
    name: str | None = None,
    draws: int = 50,
    seed: int = 0,
) -> Judgement:
    """Judge a fit's posterior maps, draw by draw.

    Parameters
    ----------
    fit : xarray.DataTree
    panel : MarketPanel, optional
        A panel that begins with the bars of the fit and goes on: the later bars alone are scored,
        with parameters that never saw them. Without it the fit's own bars are scored, and the
        judgement says so.
    name : str, optional
        Default: the model's name and version.
    draws : int
        About how many posterior draws.
    seed : int

    Returns
    -------
    Judgement
    """
    from liqbayes.model.spec import ModelSpec
    from liqbayes.sampling.fit import panel_of

    spec = ModelSpec.from_json(fit.attrs["spec"])
    judged = panel_of(fit)[0] if panel is None else panel
    sweeps = Sweeps.of(judged)
    maps = fit_held(fit, sweeps, panel=panel, draws=draws)
    later = sweeps.time >= maps.fitted_until
    use = np.isfinite(maps.mean)
    if np.isnat(maps.fitted_until):
        ruling = Ruling("out of sample", "ok", None, None, "a rule: nothing was fitted")
    elif later.any():
        use = use & later
        text = f"only the {int(later.sum())} bars after the fit's last are scored"
        ruling = Ruling("out of sample", "ok", None, None, text)
    else:
        text = (
            "the parameters were fitted to the bars that are scored, their reports included; give "
            "a panel that goes on after the fit"
        )
        ruling = Ruling("out of sample", "warn", None, None, text)
    about = {"draws": len(maps.draws), "amounts": "quantity"}
    several = tuple(maps.draws) if len(maps.draws) > 1 else ()
    of = f"{spec.name} {spec.version}" if name is None else name
    return _judged(of, [ruling], sweeps, maps.mean, several, use, seed, about)


def _judged(
    name: str,
    rulings: list[Ruling],
    sweeps: Sweeps,
    held: FloatArray,
    draws: Sequence[FloatArray],
    available: BoolArray,
    seed: int,
    about: dict[str, Any],
) -> Judgement:
    distance = distance_alone(sweeps)
    swept = sweeps.swept
    both = together(held, sweeps)
    ready = np.isfinite(distance.scale) & np.isfinite(both.scale)
    use = swept & available & ready
    bars = int(use.any(axis=0).sum())
    # as many blocks of the bootstrap as an interval takes, each of a day
    least = block_of(sweeps.bar_hours) * LEAST_BLOCKS
    if bars < least:
        raise InputError(
            f"{bars} bars can be scored and {least} are needed: of {sweeps.n_bars} bars, "
            f"{int(swept.any(axis=0).sum())} have a known sweep, report and open interest, "
            f"{int(available.any(axis=0).sum())} a map, and the first ones teach the control. Use "
            "a longer panel, or a map with more snapshots."
        )
    if not all((use[j] & (np.nan_to_num(sweeps.reported[j]) > 0)).any() for j in range(len(SIDES))):
        raise InputError(
            "a side has no reported liquidation in the bars that can be scored; use a longer panel."
        )
    rows = []
    for side in (*SIDES, "both"):
        chosen = use.copy()
        if side != "both":
            chosen[1 - SIDES.index(side)] = False
        rows += _rows(side, chosen, sweeps, distance, both, held, draws, seed)
    where = np.flatnonzero(use.any(axis=0))
    about = about | {
        "bars": bars,
        "first": str(sweeps.time[where[0]]),
        "last": str(sweeps.time[where[-1]]),
        "power_of_distance": [_median(distance.power[j][use[j]]) for j in range(len(SIDES))],
        "power_of_map": [_median(both.map_power[j][use[j]]) for j in range(len(SIDES))],
        "swept_share_of_reported": _scored_share(sweeps, use),
    }
    return Judgement(name, (*rulings, *verdicts(rows)), pd.DataFrame(rows), about)


def _rows(
    side: str,
    use: BoolArray,
    sweeps: Sweeps,
    distance: Distance,
    both: Together,
    held: FloatArray,
    draws: Sequence[FloatArray],
    seed: int,
) -> list[dict[str, Any]]:
    """The table's rows of one side."""

    def gained(each: FloatArray) -> Score:
        return gain(each, sweeps, use)

    def quarter(each: FloatArray) -> Score:
        return top_share(each, sweeps, use, by_distance=False)

    def quarter_at_distance(each: FloatArray) -> Score:
        return top_share(each, sweeps, use, by_distance=True)

    curve = distance.swept(sweeps)
    block = block_of(sweeps.bar_hours)
    rows = []
    for score, measure, chance in (
        ("gain", gained, 0.0),
        ("top quarter", quarter, TOP),
        ("top quarter at its distance", quarter_at_distance, TOP),
    ):
        control = measure(curve)
        rows.append(_row(side, score, "distance alone", chance, control, [], block, seed))
        own = [measure(each) for each in draws]
        mine = measure(held)
        rows.append(_row(side, score, "map", chance, mine, [d.value for d in own], block, seed))
        over = [d.value - control.value for d in own]
        rows.append(
            _row(side, score, "map over distance", 0.0, mine.minus(control), over, block, seed)
        )
    of_curve = gained(curve)
    more = gained(both.swept(held, sweeps)).minus(of_curve)
    over = [gained(both.swept(each, sweeps)).value - of_curve.value for each in draws]
    rows.append(_row(side, "gain", "map and distance over distance", 0.0, more, over, block, seed))
    return rows


def _row(
    side: str,
    name: str,
    source: str,
    chance: float,
    score: Score,
    draws: list[float],
    block: int,
    seed: int,
) -> dict[str, Any]:
    band = mean_band([score.series], block=block, seed=seed, probability=PROBABILITY)
    over = np.quantile(draws, DRAW_QUANTILES) if draws else np.full(3, np.nan)
    return {
        "side": side,
        "score": name,
        "source": source,
        "low": band.low,
        "value": score.value,
        "high": band.high,
        "chance": chance,
        "bars": band.n,
        "draw_low": float(over[0]),
        "draw_median": float(over[1]),
        "draw_high": float(over[2]),
    }


def _median(values: FloatArray) -> float | None:
    return float(np.median(values)) if values.size else None


def _scored_share(sweeps: Sweeps, use: BoolArray) -> list[float | None]:
    """Share of what was reported, over the bars from the first to the last scored, that counts."""
    where = np.flatnonzero(use.any(axis=0))
    inside = slice(where[0], where[-1] + 1)
    shares: list[float | None] = []
    for j in range(len(SIDES)):
        amount = np.nan_to_num(sweeps.reported[j] * sweeps.weight)
        total = float(amount[inside].sum())
        shares.append(float(amount[use[j]].sum()) / total if total > 0 else None)
    return shares
