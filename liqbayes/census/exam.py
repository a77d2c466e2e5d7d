"""The exam of census fusion: half of the observed accounts is hidden and predicted."""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.batch import Outcome, Rows
from liqbayes.census.compare import SIDE_NAMES, CensusPlan, coverage, interest_at
from liqbayes.census.fits import fit_until, panel_until
from liqbayes.census.fuse import (
    effective_positions,
    known_within,
    side_positions,
    within_part,
)
from liqbayes.census.snapshots import fit_quality, run_snapshots
from liqbayes.errors import InputError
from liqbayes.outputs import at_risk, at_risk_amounts, thin
from liqbayes.outputs.context import is_rule

FloatArray = NDArray[np.float64]

SCHEMA = "liqbayes-census-exam-2"
# Fixed before any run.
#: Random splits of the accounts; each snapshot is split so often.
SPLITS = 50
GAP_HOURS = 12.0
MOVES = (0.05, 0.1, 0.2)
#: Nominal coverage, and the probability that the binomial band holds.
NOMINAL, BAND = 0.9, 0.95
#: A share below this counts as none: a Dirichlet draw is never exactly 0, a real half often is.
RESOLUTION = 1e-3
#: Whose lumpiness the hidden half has: no less than the known half's, which is what the fusion
#: uses; or the posterior's, which it used at first and which failed on the development data.
LAWS = ("no less lumpy than what is known", "posterior")
#: Draws of lumpiness for each draw of the posterior.
REPEATS = 10
#: Sides with fewer hidden positions than this are not examined.
LEAST_HIDDEN = 3


@dataclass(frozen=True)
class ExamUnit:
    """One snapshot of one market."""

    plan: CensusPlan
    market: str
    time: np.datetime64
    store: Path
    splits: int


def census_exam(
    plan: CensusPlan,
    out: str | Path,
    executor: Executor,
    *,
    splits: int = SPLITS,
    store: str | Path | None = None,
    budget_minutes: float | None = None,
    force: bool = False,
    progress: bool = True,
) -> tuple[pd.DataFrame, Outcome]:
    """Split accounts at random, give one half to the fusion and predict the other.

    The hidden half is a part of the open interest that is not known: its shares are Dirichlet
    with the posterior's expected shares and as many effective positions as its part of open
    interest has. Of both halves together the known one enters exactly; without a census both are
    predicted: the ratio of these widths is what knowing a half is worth.

    Parameters
    ----------
    plan : CensusPlan
    out : str or Path
        Directory of the run.
    executor : concurrent.futures.Executor
    splits : int
        Of each snapshot; snapshots are at least `GAP_HOURS` apart.
    store, budget_minutes, force, progress
        As in `compare_with_positions`.

    Returns
    -------
    table : DataFrame
        One row a market, snapshot, split, side, law and move: ``truth``, ``low``, ``high``,
        ``covered``, ``below`` and ``above`` (shares, see `tails`), ``inside`` (the closed
        interval), ``width``, ``width_both`` and ``width_both_without``.
    Outcome

    Raises
    ------
    InputError
        If the directory does not fit, or nothing was examined.
    """
    if splits < 1:
        raise InputError(f"--splits is {splits}; use at least 1.")
    rows = Rows.open(out, {"schema": SCHEMA, **plan.identity(), "splits": splits}, force=force)
    fits = Path(out) / "fits" if store is None else Path(store)
    units = {
        f"{market} {time}": ExamUnit(plan, market, time, fits, splits)
        for time in plan.census.apart(GAP_HOURS, plan.census.daily())
        for market in plan.panels
    }
    return run_snapshots(
        units, examine_snapshot, rows, executor, budget_minutes=budget_minutes, progress=progress
    )


def examine_snapshot(unit: ExamUnit) -> dict[str, Any]:
    """All splits of one snapshot; plain values by column under ``table``."""
    plan = unit.plan
    panel = plan.panels[unit.market]
    fit = fit_until(plan.spec, panel, unit.time, plan.settings, unit.store)
    price = float(at_risk_amounts(thin(fit, 2), moves=MOVES).attrs["mark_price"])
    expected = at_risk(fit, moves=MOVES, kind="expected").to_numpy().reshape(-1, 2, len(MOVES))
    if is_rule(fit):
        raise InputError(f"{plan.model} is a rule and has no interval that could cover.")
    lumps = effective_positions(fit, "posterior").reshape(-1, 2)
    held = plan.census.snapshot(unit.market, unit.time)
    held = held.assign(side=held["side"].map(SIDE_NAMES))
    interest = interest_at(panel_until(panel, unit.time))
    accounts = np.unique(held["account"])
    seed = [plan.settings.seed, 45, int(unit.time.astype("datetime64[s]").astype(int))]
    rng = np.random.default_rng([*seed, sum(map(ord, unit.market))])
    out: list[dict[str, Any]] = []
    for split in range(unit.splits):
        hidden = rng.choice(accounts, accounts.size // 2, replace=False)
        for j, side in enumerate(SIDE_NAMES.values()):
            own = held[held["side"] == side]
            coverage(own, interest, unit.market, 1 if side == "long" else -1)
            is_hidden = own["account"].isin(hidden)
            dark, known = own[is_hidden], own[~is_hidden]
            if len(dark) < LEAST_HIDDEN or known.empty:
                continue
            truth = known_within(dark, side, price, MOVES)
            halves = _Halves.of(known, dark, interest)
            about = {
                "market": unit.market,
                "time": str(unit.time.astype("datetime64[s]")),
                "split": split,
                "side": side,
                "hidden": len(dark),
                "hidden_share": halves.share,
            }
            for law in LAWS:
                of, both = halves.predict(expected[:, j], lumps[:, j], law, rng)
                out += [{**about, "law": law, **_score(*pair)} for pair in _pairs(truth, of, both)]
    for row in out:
        row["width_both"] = row["hidden_share"] * row["width"]
    table = pd.DataFrame(out)
    plain = {str(name): column.tolist() for name, column in table.items()}
    return {"table": plain, "fit": fit_quality(fit)}


@dataclass(frozen=True)
class _Halves:
    """Sizes of a known and a hidden half as parts of a side's open interest.

    ``sizes`` are those of the known half, ``share`` is the hidden part of both.
    """

    known: float
    hidden: float
    sizes: FloatArray

    @classmethod
    def of(cls, known: pd.DataFrame, hidden: pd.DataFrame, interest: float) -> "_Halves":
        size = known["size"].to_numpy(float)
        return cls(
            float(size.sum()) / interest,
            float(hidden["size"].sum()) / interest,
            size,
        )

    @property
    def share(self) -> float:
        return self.hidden / (self.known + self.hidden)

    def predict(
        self, expected: FloatArray, lumps: FloatArray, law: str, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Draws for the hidden half, and for both halves without any census."""
        both = self.known + self.hidden
        if law == LAWS[0]:
            part = np.array([self.known])
            lumps = side_positions(lumps[:, None], [self.sizes], part)[:, 0]
        return (
            predict_part(expected, lumps, self.hidden, rng),
            predict_part(expected, lumps, both, rng),
        )


def _pairs(
    truth: FloatArray, of: FloatArray, both: FloatArray
) -> list[tuple[float, float, FloatArray, FloatArray]]:
    return [(m, float(truth[i]), of[:, i], both[:, i]) for i, m in enumerate(MOVES)]


def _score(move: float, truth: float, of: FloatArray, both: FloatArray) -> dict[str, Any]:
    low, high = interval(of)
    low_both, high_both = interval(both)
    below, above = tails(of, truth)
    return {
        "move": move,
        "truth": truth,
        "low": low,
        "high": high,
        "covered": 1.0 - below - above,
        "below": below,
        "above": above,
        "inside": low <= truth <= high,
        "width": high - low,
        "width_both_without": high_both - low_both,
    }


def tails(draws: FloatArray, truth: float) -> tuple[float, float]:
    """Share of the randomised transform of the truth in the lower and in the upper tail.

    What is below the resolution is none. Where draws and truth are none the transform is uniform
    over their share, so that an interval which begins at none can be missed below it, too: the
    closed interval could not, and would hold more than its nominal share (Czado, Gneiting and Held
    2009, doi 10.1111/j.1541-0420.2009.01191.x, section 2).

    Parameters
    ----------
    draws : ndarray, shape (draw,)
    truth : float

    Returns
    -------
    tuple of float
    """
    draws, truth = np.where(draws < RESOLUTION, 0.0, draws), 0.0 if truth < RESOLUTION else truth
    # a truth among n draws has one of n + 1 ranks, and each of those of its equals
    low = float((draws < truth).sum()) / (draws.size + 1)
    high = float((draws <= truth).sum() + 1) / (draws.size + 1)
    tail = (1 - NOMINAL) / 2
    below = max(min(high, tail) - low, 0.0) / (high - low)
    above = max(high - max(low, 1 - tail), 0.0) / (high - low)
    return below, above


def predict_part(
    expected: FloatArray, positions: FloatArray, part: float, rng: np.random.Generator
) -> FloatArray:
    """Draws of the shares within ascending moves of a part of a side's open interest.

    Parameters
    ----------
    expected : ndarray, shape (draw, move)
    positions : ndarray, shape (draw,)
    part : float
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (draw * REPEATS, move)
    """
    return within_part(
        np.repeat(expected, REPEATS, axis=0), np.repeat(positions, REPEATS), part, rng
    )


def interval(draws: FloatArray) -> tuple[float, float]:
    """Central 90 % interval; a lower limit below the resolution is 0."""
    low, high = np.quantile(draws, [(1 - NOMINAL) / 2, (1 + NOMINAL) / 2])
    return (0.0 if low < RESOLUTION else float(low)), float(high)


def exam_verdicts(table: pd.DataFrame, splits: int) -> pd.DataFrame:
    """Coverage by law and move, over both sides and each, against the binomial band.

    Splits of the same accounts are not independent, nor are sides, markets and snapshots; so the
    band is that of as many trials as there are splits of a snapshot, however many were pooled.

    Returns
    -------
    DataFrame
        ``law``, ``side``, ``move``, ``n``, ``coverage``, ``band_low``, ``band_high``, ``passed``,
        ``below`` and ``above`` (share of truths on each side of the interval), ``inside`` (share
        in the closed interval, which holds more where truths are none), ``width_ratio`` (mean width
        of both halves with the known one, over that without a census).
    """
    from scipy.stats import binom

    tail = (1 - BAND) / 2
    low, high = (float(binom.ppf(p, splits, NOMINAL)) / splits for p in (tail, 1 - tail))
    groups: Mapping[str, pd.DataFrame] = {
        "both": table,
        **{side: table[table["side"] == side] for side in SIDE_NAMES.values()},
    }
    out = []
    for side, of in groups.items():
        for (law, move), at in of.groupby(["law", "move"], sort=False):
            share = float(at["covered"].mean())
            out.append(
                {
                    "law": law,
                    "side": side,
                    "move": move,
                    "n": len(at),
                    "coverage": share,
                    "band_low": low,
                    "band_high": high,
                    "passed": low <= share <= high,
                    "below": float(at["below"].mean()),
                    "above": float(at["above"].mean()),
                    "inside": float(at["inside"].mean()),
                    "width_ratio": float(at["width_both"].mean() / at["width_both_without"].mean()),
                }
            )
    return pd.DataFrame(out)
