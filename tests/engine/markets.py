"""Random price paths and books for the tests of the engine."""

from dataclasses import dataclass, replace

import numpy as np

from liqbayes.engine.path import InitialBook, PricePath
from liqbayes.engine.touches import Touches, build_touches

NEAR = np.array([0.004, 0.012, 0.03, 0.07, 0.15, 0.35, 0.8, np.inf])
FAR = np.array([0.012, 0.03, 0.07, 0.15, 0.35, 0.8, 1.7, np.inf])
N_CELLS = NEAR.size
BOOK = InitialBook(mean_age_bars=40.0, age_nodes=3, offset_nodes=4)


def random_path(seed, n_bars=70, *, volatility=0.015, segments=None):
    """Bars with wicks and jumps; NaN outside the segments."""
    rng = np.random.default_rng(seed)
    steps = volatility * rng.standard_t(3, n_bars)
    close = 100.0 * np.exp(np.cumsum(np.clip(steps, -0.25, 0.25)))
    opens = np.concatenate(([100.0], close[:-1])) * np.exp(
        0.2 * volatility * rng.normal(size=n_bars)
    )
    wick = np.exp(volatility * rng.exponential(0.7, (2, n_bars)))
    bars = [opens, np.maximum(opens, close) * wick[0], np.minimum(opens, close) / wick[1], close]
    segments = segments or ((0, n_bars),)
    inside = np.zeros(n_bars, bool)
    for a, b in segments:
        inside[a:b] = True
    return PricePath(*(np.where(inside, x, np.nan) for x in bars), segments=tuple(segments))


def starts(path):
    """1 on a segment's first bar, 0 inside, -1 outside."""
    out = np.full(path.n_bars, -1, np.int64)
    for a, b in path.segments:
        out[a:b] = 0
        out[a] = 1
    return out


@dataclass(frozen=True)
class Market:
    """Arguments of ``recursion.forward`` and the geometry that they were made from."""

    path: PricePath
    side: str
    n_nodes: int
    touches: Touches
    flow: np.ndarray
    shares: np.ndarray
    closed_share: float
    renewal: float
    entering: np.ndarray
    speed: np.ndarray
    initial: np.ndarray
    interest: np.ndarray
    start: np.ndarray
    block: np.ndarray

    @property
    def parameters(self):
        return (self.flow, self.shares, self.closed_share, self.renewal, self.entering,
                self.speed, self.initial)  # fmt: skip

    @property
    def data(self):
        return self.interest, self.start, self.block, *self.touches.arrays

    @property
    def arguments(self):
        return *self.parameters, *self.data

    def but(self, **changes):
        return replace(self, **changes)


def random_market(
    seed,
    *,
    side="long",
    n_bars=70,
    n_classes=1,
    n_blocks=1,
    closed_share=0.75,
    renewal=0.02,
    segments=None,
    n_nodes=3,
    flow_scale=0.15,
    interest_spread=0.04,
):
    """A side of a random market."""
    rng = np.random.default_rng([seed, n_classes, n_blocks])
    path = random_path(seed, n_bars, segments=segments)
    touches = build_touches(path, side, NEAR, FAR, book=BOOK, n_nodes=n_nodes)
    entering = rng.dirichlet(np.full(n_classes, 3.0))
    return Market(
        path=path,
        side=side,
        n_nodes=n_nodes,
        touches=touches,
        flow=flow_scale * rng.lognormal(0.0, 0.8, n_bars),
        shares=rng.dirichlet(np.ones(N_CELLS), (n_classes, n_blocks)),
        closed_share=closed_share,
        renewal=renewal,
        entering=entering,
        speed=np.cumprod(np.r_[1.0, rng.uniform(2.0, 8.0, n_classes - 1)]),
        initial=rng.dirichlet(np.full(n_classes, 3.0)),
        interest=1000.0 * np.exp(np.cumsum(interest_spread * rng.standard_t(3, n_bars))),
        start=starts(path),
        block=(np.arange(n_bars) * n_blocks // n_bars).astype(np.int64),
    )
