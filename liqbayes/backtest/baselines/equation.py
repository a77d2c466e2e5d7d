"""The feed equation: the law over both sides' reports with a slow residual, fitted at an origin.

Both sides are fitted together on mirrored terms: common coefficients, and deviations of the sides
that are shrunk apart. What is left over lingers for days (a throttle, a venue's book), so that
means of past residuals are terms of a second and a third fit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from liqbayes.backtest.baselines.design import (
    GroupsOf,
    Scaler,
    raw_terms,
    sided,
    sided_groups,
    slow_terms,
)
from liqbayes.backtest.baselines.law import Law, fit_law
from liqbayes.backtest.baselines.terms import Spans, Terms, change_terms, log_turnover, usable
from liqbayes.backtest.forecaster import check_request
from liqbayes.backtest.scores import log_ratio
from liqbayes.backtest.table import BarTable
from liqbayes.contracts import SIDES
from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
KnownRows = Callable[[BarTable, IntArray], NDArray[np.bool_]]
# Bars after which a report counts half in a fit: feeds change.
HALF_LIFE = 300.0
LEAST_REPORTS, LEAST_POSITIVE = 60, 20
SLOW_ROUNDS = 2
LARGEST_RESIDUAL = 4.0


def check_past(past: BarTable, name: str, least: int = LEAST_REPORTS) -> None:
    """Refuse to fit too few reports.

    Raises
    ------
    InputError
    """
    for i, side in enumerate(SIDES):
        known = past.reported[i][np.isfinite(past.reported[i])]
        positive = int((known > 0).sum())
        if known.size < least or positive < min(LEAST_POSITIVE, least):
            raise InputError(
                f"{name}: {known.size} reports of {side} liquidations are known before the origin, "
                f"{positive} of them positive; {least} and {min(LEAST_POSITIVE, least)} are "
                "needed. Begin later (--since) or give more bars."
            )


def all_rows(table: BarTable, rows: IntArray) -> NDArray[np.bool_]:
    """Every row: nothing but price and turnover needs to be known."""
    return np.ones(rows.size, bool)


@dataclass(frozen=True)
class Equation:
    """What goes into a feed equation.

    Attributes
    ----------
    name : str
    groups_of : callable
        Terms by group; those of a group share the strength of their prior.
    scale : tuple of str
        Terms that the spread follows.
    slow : bool
        Whether means of past residuals are terms.
    known : callable
        Rows of a table that can be used, beside those of known price and turnover.
    """

    name: str
    groups_of: GroupsOf
    scale: tuple[str, ...]
    slow: bool = True
    known: KnownRows = all_rows

    def fit(self, table: BarTable, stop: int) -> "FittedEquation":
        """Fit to rows before ``stop``; an InputError if too few reports are known."""
        past = table.rows(None, stop)
        check_past(past, self.name)
        return FittedEquation(self, past)

    def usable(self, table: BarTable, rows: IntArray) -> NDArray[np.bool_]:
        """Rows that can be fitted and forecast."""
        return usable(table, rows) & self.known(table, rows)


@dataclass(frozen=True, eq=False)
class FittedEquation:
    """A feed equation and the bars that it was fitted to; each task's fit is made once."""

    equation: Equation
    past: BarTable

    @cached_property
    def plain(self) -> "Fit":
        """Without the change of open interest."""
        return fit_equation(self.equation, self.past, with_change=False)

    @cached_property
    def with_change(self) -> "Fit":
        """With it."""
        return fit_equation(self.equation, self.past, with_change=True)

    def draws(
        self, table: BarTable, bars: IntArray, *, task: str, size: int, rng: np.random.Generator
    ) -> FloatArray:
        """Draws, shape (side, bar, draw); see `liqbayes.backtest.forecaster.Fitted`."""
        rows = check_request(table, bars, task, size)
        out = np.full((len(SIDES), rows.size, size), np.nan)
        seen = self.equation.usable(table, rows)
        changed = seen & np.isfinite(table.change[rows]) & (task == "conditional-oi")
        if (seen & ~changed).any():
            out[:, seen & ~changed] = self.plain.draws(table, rows[seen & ~changed], size, rng)
        if changed.any():
            out[:, changed] = self.with_change.draws(table, rows[changed], size, rng)
        return out


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted equation.

    Attributes
    ----------
    equation : Equation
    with_change : bool
    stop : int
        Rows fitted to.
    centre : float
        Usual log turnover.
    scaler : Scaler
    law : Law
    base : ndarray
        Location without slow terms, of which the residuals are taken.
    residuals : ndarray, shape (side, row)
        Of the rows fitted to.
    """

    equation: Equation
    with_change: bool
    stop: int
    centre: float
    scaler: Scaler
    law: Law
    base: FloatArray
    residuals: FloatArray

    def draws(
        self, table: BarTable, rows: IntArray, size: int, rng: np.random.Generator
    ) -> FloatArray:
        """Draws of usable rows, shape (side, row, draw)."""
        scaled, places = self._scaled(table, rows)
        slow = np.zeros((len(SIDES), rows.size, 0))
        if self.equation.slow:
            slow = slow_terms(self._all_residuals(table, rows), rows, Spans.of(table))
        design = sided(scaled, slow)
        return np.stack(
            [
                self.law.draws(design[side], scaled[side][:, places], size, rng)
                for side in range(len(SIDES))
            ]
        )

    def location(self, table: BarTable, rows: IntArray) -> FloatArray:
        """Location of ``log(x + 1e-6)`` of usable rows given ``x > 0``, shape (side, row)."""
        scaled, _ = self._scaled(table, rows)
        slow = np.zeros((len(SIDES), rows.size, 0))
        if self.equation.slow:
            slow = slow_terms(self._all_residuals(table, rows), rows, Spans.of(table))
        return np.stack([self.law.centre(each) for each in sided(scaled, slow)])

    def _scaled(self, table: BarTable, rows: IntArray) -> tuple[FloatArray, list[int]]:
        raw = raw_terms(_terms(self.equation, self.with_change), table, rows, self.centre)
        return self.scaler(raw.values), _places(raw.names, self.equation.scale)

    def _all_residuals(self, table: BarTable, rows: IntArray) -> FloatArray:
        """Residuals of all bars before the last row, those since the fit reckoned anew."""
        last = int(rows.max())
        since = np.arange(self.stop, last)
        since = since[np.isfinite(table.reported[:, since]).any(axis=0)]
        since = since[_fitted_rows(self.equation, table, since, self.with_change)]
        out = np.full((len(SIDES), max(last, self.stop)), np.nan)
        out[:, : self.stop] = self.residuals
        if since.size:
            scaled, _ = self._scaled(table, since)
            out[:, since] = _residuals(table, since, scaled, self.base)
        return out


def fit_equation(equation: Equation, past: BarTable, *, with_change: bool) -> Fit:
    """Fit an equation to all rows of a table."""
    n, spans = past.n_bars, Spans.of(past)
    rows = np.arange(n)
    inside = _fitted_rows(equation, past, rows, with_change) & (rows >= min(spans.day, n // 4))
    side, bar = np.nonzero(np.isfinite(past.reported) & inside)
    x, weight = past.reported[side, bar], 0.5 ** ((n - bar) / HALF_LIFE)
    if min(np.bincount(side[x > 0], minlength=len(SIDES))) < LEAST_POSITIVE:
        raise InputError(
            f"{equation.name}: fewer than {LEAST_POSITIVE} positive reports of a side have known "
            "price, turnover and covariates before the origin; begin later (--since)."
        )
    centre = float(np.median(log_turnover(past)[inside]))
    raw = raw_terms(_terms(equation, with_change), past, rows, centre)
    scaler = Scaler.of(raw.values[side, bar], weight)
    scaled = scaler(raw.values)
    spread = scaled[side, bar][:, _places(raw.names, equation.scale)]
    slow = np.zeros((len(SIDES), n, 0))
    residuals, base = np.full((len(SIDES), n), np.nan), np.zeros(0)
    width = 2 + 2 * scaled.shape[2]
    for turn in range(SLOW_ROUNDS + 1):
        design = sided(scaled, slow)
        group = sided_groups(raw.groups, slow.shape[2])
        law = fit_law(design[side, bar], spread, x, weight, group)
        if turn == SLOW_ROUNDS or not equation.slow:
            break
        base = law.location[:width]
        residuals = _residuals(past, rows, scaled, base)
        residuals[:, ~inside] = np.nan
        slow = slow_terms(residuals, rows, spans)
    return Fit(equation, with_change, n, centre, scaler, law, base, residuals)


def _terms(equation: Equation, with_change: bool) -> GroupsOf:
    if not with_change:
        return equation.groups_of

    def groups_of(table: BarTable, side: int, rows: IntArray, centre: float) -> dict[str, Terms]:
        found = dict(equation.groups_of(table, side, rows, centre))
        return found | {"change": change_terms(table, rows)}

    return groups_of


def _fitted_rows(
    equation: Equation, table: BarTable, rows: IntArray, with_change: bool
) -> NDArray[np.bool_]:
    seen = equation.usable(table, rows)
    return seen & np.isfinite(table.change[rows]) if with_change else seen


def _places(names: tuple[str, ...], wanted: tuple[str, ...]) -> list[int]:
    return [names.index(name) for name in wanted]


def _residuals(table: BarTable, rows: IntArray, scaled: FloatArray, base: FloatArray) -> FloatArray:
    """What is left of ``log(x + 1e-6)`` without slow terms, shape (side, row); NaN unknown."""
    design = sided(scaled, np.zeros((*scaled.shape[:2], 0)))
    left = log_ratio(table.reported[:, rows]) - base[0] - design @ base[1:]
    return np.asarray(np.clip(left, -LARGEST_RESIDUAL, LARGEST_RESIDUAL))
