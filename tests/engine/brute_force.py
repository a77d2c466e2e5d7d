"""A slow book that shares no code with the engine: a list of intervals of liquidation levels.

Every interval holds a mass a class, spread evenly over a stretch of log prices (longs' prices;
shorts live on the mirrored axis). A bar whose low lies inside cuts the part above it off. There
are no cohorts, no first-touch bookkeeping, no running survival and no closed form for the hazard,
so that agreement with the engine is evidence.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm


@dataclass
class Book:
    """Living intervals of one segment."""

    n_classes: int
    n_cells: int
    top: np.ndarray = field(default_factory=lambda: np.zeros(0))
    bottom: np.ndarray = field(default_factory=lambda: np.zeros(0))
    cell: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    mass: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    def add(self, pieces, mass_by_class):
        """Spread masses over weighted intervals ``(cell, bottom, top, weight of each class)``.

        ``mass_by_class`` has shape (class,) or (class, cell).
        """
        if not pieces:
            return
        cell = np.array([p[0] for p in pieces])
        bottom, top, weight = (np.array(x, float) for x in list(zip(*pieces, strict=True))[1:])
        if np.ndim(mass_by_class) == 2:
            mass_by_class = np.asarray(mass_by_class).T[cell]
        self.cell = np.append(self.cell, cell)
        self.bottom = np.append(self.bottom, bottom)
        self.top = np.append(self.top, top)
        old = self.mass.reshape(-1, self.n_classes)
        self.mass = np.vstack([old, weight * np.asarray(mass_by_class)])

    def touch(self, low):
        """Cut off what lies above ``low``; returns the mass cut off by class and cell."""
        with np.errstate(invalid="ignore"):  # levels at minus infinity are never cut
            cut = np.clip((self.top - low) / (self.top - self.bottom), 0.0, 1.0)
        cut = np.where(np.isfinite(self.top), cut, 0.0)
        gone = self.by_cell(cut[:, None] * self.mass)
        keep = cut < 1.0
        self.cell = self.cell[keep]
        self.mass = (self.mass * (1.0 - cut)[:, None])[keep]
        self.top = np.minimum(self.top, low)[keep]
        self.bottom = self.bottom[keep]
        return gone

    def by_cell(self, mass=None):
        """Sum by class and cell."""
        out = np.zeros((self.n_classes, self.n_cells))
        np.add.at(out.T, self.cell, self.mass if mass is None else mass)
        return out

    def total(self):
        return self.mass.sum(axis=0) if self.mass.size else np.zeros(self.n_classes)


def oriented_bars(path, side):
    """Log open, favourable extreme, adverse extreme and close."""
    logs = {n: np.log(getattr(path, n)) for n in ("open", "high", "low", "close")}
    if side == "long":
        return logs["open"], logs["high"], logs["low"], logs["close"]
    return -logs["open"], -logs["low"], -logs["high"], -logs["close"]


def bar_entries(o, h, low, c, n_nodes):
    """Entries at equal steps of the ordered path, each with the lowest point still to come."""
    corners = np.array([o, low, h, c] if c >= o else [o, h, low, c])
    walked = np.concatenate(([0.0], np.cumsum(np.abs(np.diff(corners)))))
    out = []
    for j in range(n_nodes):
        at = walked[-1] * (j + 0.5) / n_nodes
        entry = float(np.interp(at, walked, corners))
        out.append((entry, min([entry, *corners[walked > at]])))
    return out


def own_bar_pieces(entries, close, near, far, shares):
    """Intervals that the own bar leaves, of what is opened and, per unit, of what is re-anchored.

    Re-anchored mass is spread over the survivors of each cell, or from the close where the bar
    sweeps the whole cell.
    """
    opened, moved = [], []
    one = np.ones(shares.shape[0])
    for k in range(near.size):
        if not np.isfinite(near[k]):
            opened.append((k, -np.inf, -np.inf, shares[:, k]))
            moved.append((k, -np.inf, -np.inf, one))
            continue
        left = []
        for entry, lowest in entries:
            top, bottom = min(entry - near[k], lowest), entry - far[k]
            if top > bottom:
                left.append((bottom, top, (top - bottom) / (far[k] - near[k]) / len(entries)))
        alive = sum(w for _, _, w in left)
        opened += [(k, b, t, w * shares[:, k]) for b, t, w in left]
        if alive > 1e-9:
            moved += [(k, b, t, w / alive * one) for b, t, w in left]
        else:
            moved.append((k, close - far[k], close - near[k], one))
    return opened, moved


def first_book_pieces(close, sigma, book, near, far, shares):
    """Earlier entries whose levels a Brownian path to the first close has not reached."""
    pieces = []
    n = book.age_nodes * book.offset_nodes
    for a in range(book.age_nodes):
        age = -book.mean_age_bars * np.log(1.0 - (a + 0.5) / book.age_nodes)
        spread = max(np.sqrt(age) * sigma, 1e-6)
        for b in range(book.offset_nodes):
            offset = spread * norm.ppf((b + 0.5) / book.offset_nodes)
            for k in range(near.size):
                if not np.isfinite(near[k]):
                    pieces.append((k, -np.inf, -np.inf, shares[:, k] / n))
                    continue
                shallow = max(near[k], offset)
                if shallow >= far[k]:
                    continue
                middle = 0.5 * (shallow + far[k])
                survives = 1.0 - np.exp(-2.0 * middle * (middle - offset) / spread**2)
                weight = survives * (far[k] - shallow) / (far[k] - near[k]) / n
                entry = close + offset
                pieces.append((k, entry - far[k], entry - shallow, weight * shares[:, k]))
    return pieces


def run(market, near, far, book, *, at=None, levels=None):
    """Expected and predicted liquidation and living mass by class of every bar.

    ``levels``, a list, is filled with the intervals (bottom, top, mass) that live after bar ``at``.
    """
    o, h, low, c = oriented_bars(market.path, market.side)
    n_bars, n_classes = market.path.n_bars, market.entering.size
    close_share, nu = market.closed_share, market.renewal
    expected, predicted = np.zeros(n_bars), np.zeros(n_bars)
    living = np.zeros((n_classes, n_bars))
    for first, stop in market.path.segments:
        returns = np.diff(c[first:stop])
        sigma = max(float(np.sqrt(np.mean((returns - returns.mean()) ** 2))), 1e-6)
        state = Book(n_classes, near.size)
        shares = market.shares[:, market.block[first]]
        pieces = first_book_pieces(c[first], sigma, book, near, far, shares)
        left = np.sum([w for *_, w in pieces], axis=0)
        state.add(pieces, market.initial * market.interest[first] / left)
        living[:, first] = state.total()
        for t in range(first + 1, stop):
            before, after, f = market.interest[t - 1], market.interest[t], market.flow[t]
            shares = market.shares[:, market.block[t]]
            entries = bar_entries(o[t], h[t], low[t], c[t], market.n_nodes)
            opened, moved = own_bar_pieces(entries, c[t], near, far, shares)
            own_touched = shares.copy()
            for k, _, _, w in opened:
                own_touched[:, k] -= w
            gamma = own_touched.sum(axis=1)
            touched_by_cell = state.touch(low[t])
            touched = touched_by_cell.sum(axis=1)
            own = market.entering * gamma / (1.0 - close_share * gamma)
            predicted[t] = close_share * (
                touched.sum() + own.sum() * before * (1.0 - np.exp(-f / 2.0))
            )
            closed = close_share * touched
            x = np.log(after / (before - closed.sum()))
            hazard = (np.hypot(f, x) - x) / 2.0
            survivors = after * np.exp(-(hazard + x))
            net = after - survivors
            remaining = state.total() + touched - closed
            eta = _hazard_of_speed_one(remaining, market.speed, survivors)
            stay = np.exp(-market.speed * eta)
            gross = market.entering * net / (1.0 - close_share * gamma)
            again = state.by_cell() * (1.0 - np.exp(-nu)) + (1.0 - close_share) * touched_by_cell
            pool = stay[:, None] * again + (1.0 - close_share) * own_touched * gross[:, None]
            state.mass = state.mass * stay * np.exp(-nu)
            state.add(opened, gross)
            state.add(moved, pool)
            expected[t] = closed.sum() + close_share * (gamma * gross).sum()
            living[:, t] = state.total()
            if t == at and levels is not None:
                total = state.mass.sum(axis=1)
                levels.extend(zip(state.bottom, state.top, total, strict=True))
    return expected, predicted, living


def _hazard_of_speed_one(mass, speed, target):
    def excess(eta):
        return float(np.sum(mass * np.exp(-speed * eta)) / target - 1.0)

    if excess(0.0) <= 0.0:
        return 0.0
    return brentq(excess, 0.0, 1e3, xtol=1e-16, rtol=1e-15)
