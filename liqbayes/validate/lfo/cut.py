"""Prepared data without the bars after an origin, in which every parameter means the same.

A panel cut before it is prepared would have other covariates: they are centred on its own mean,
which moves an intercept. So the whole panel is prepared once and then cut.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from liqbayes.engine.path import PricePath
from liqbayes.engine.touches import Touches
from liqbayes.model.data import USUAL_TURNOVER_PER_DAY, Leg, ModelData
from liqbayes.model.feeds import Feed


def anchored(data: ModelData, first: int) -> ModelData:
    """Data whose scales are those of the bars before the first origin, not of the whole panel.

    Scales are the centre of the covariates and, of another venue's volume, its mean over open
    interest: the latter would let later open interest into the fits of earlier origins.

    Parameters
    ----------
    data : ModelData
        Of the whole panel.
    first : int
        First origin.
    """
    inside = np.isfinite(data.path.close)
    seen = inside.copy()
    seen[first:] = False
    z = data.covariates.copy()
    z[:, 1:] -= z[seen, 1:].mean(axis=0)
    data = replace(data, covariates=np.where(inside[:, None], z, 0.0))
    if not data.proxy_volume:
        return data
    stepping = (data.start == 0) & seen
    usual = USUAL_TURNOVER_PER_DAY * data.bar_hours / 24.0
    legs = tuple(
        replace(leg, turnover=leg.turnover * usual / leg.turnover[stepping].mean())
        for leg in data.legs
    )
    return replace(data, legs=legs)


def origins_allowed(data: ModelData) -> NDArray[np.bool_]:
    """Where the data can be cut: after which bar everything is known; shape (time + 1,).

    Inside a gap of open interest the bridge leans on the value after it, and a book needs two
    bars.
    """
    out = np.zeros(data.n_bars + 1, bool)
    out[1:] = (data.start == 0) & ~data.bridged
    return out


def cut(data: ModelData, origin: int) -> ModelData:
    """The bars before an origin.

    Blocks of openings and the number of steps of a walk stay as they are, with weeks to come: the
    layout of the parameters is the same at every origin, and a step that no data have seen keeps
    its prior.

    Parameters
    ----------
    data : ModelData
    origin : int
        Number of bars to keep; one of ``origins_allowed``.

    Returns
    -------
    ModelData
        In which likelihood and book of the kept bars are what they are in ``data``.
    """
    if origin == data.n_bars:
        return data
    n = origin
    segments = tuple((a, min(b, n)) for a, b in data.path.segments if a < n)
    path = PricePath(
        data.path.open[:n],
        data.path.high[:n],
        data.path.low[:n],
        data.path.close[:n],
        segments=segments,
    )
    return replace(
        data,
        path=path,
        start=data.start[:n],
        legs=tuple(_leg(leg, n) for leg in data.legs),
        block=data.block[:n],
        turnover_step=data.turnover_step[:n],
        covariates=data.covariates[:n],
        bridged=data.bridged[:n],
        scored_from=data.scored_from[: len(segments)],
        book_volatility=data.book_volatility[: len(segments)],
        feeds={
            side: Feed(
                bars=feed.bars[feed.bars < n], reported=feed.reported[:n], known=feed.known[:n]
            )
            for side, feed in data.feeds.items()
        },
        capacity=data.capacity[:n],
    )


def _leg(leg: Leg, n: int) -> Leg:
    before = leg.term_to < n
    return replace(
        leg,
        interest=leg.interest[:n],
        before=leg.before[:n],
        turnover=leg.turnover[:n],
        to_common=leg.to_common[:n],
        at_close=leg.at_close[:n],
        term_from=leg.term_from[before],
        term_to=leg.term_to[before],
        touches={side: _touches(touches, n) for side, touches in leg.touches.items()},
    )


def _touches(touches: Touches, n: int) -> Touches:
    # sorted by bar
    stop = touches.pointer[n]
    return Touches(
        pointer=touches.pointer[: n + 1],
        cohort=touches.cohort[:stop],
        cell=touches.cell[:stop],
        weight=touches.weight[:stop],
        alive=touches.alive[:n],
    )
