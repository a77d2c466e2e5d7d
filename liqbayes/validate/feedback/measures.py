"""What is measured of one market: the published map against the book, and what threatens it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liqbayes.simulate import Publication, ReaderConfig, SimulatedMarket
from liqbayes.simulate.chart import CELL, read_map
from liqbayes.validate.recovery.outputs import AT_RISK, FAMILIES, TOTALS
from liqbayes.validate.recovery.statistics import interval_score

FloatArray = NDArray[np.float64]

#: Log distances within which map and book are compared; the larger one is what readers see.
NEAR, FAR = 0.05, 0.1
#: Shock whose amplification is computed, and the factor of the square-root law there: of order one
#: for metaorders (Donier & Bonart 2015, arXiv 1412.4503).
SHOCK, IMPACT = 0.05, 1.0

#: Measures in the order of tables: name to what it is.
MAP_MEASURES = {
    "map: overlap of shapes": "1 - total variation distance of map and book within 10 %",
    "map: |log error|, 5 %": "of the amount within 5 %",
    "map: |log error|, 10 %": "of the amount within 10 %",
    "map: log error, 10 %": "shown over true, signed",
}
RISK_MEASURES = {
    "book: within 5 %": "share of open interest whose level lies there",
    "book: within 10 %": "share of open interest whose level lies there",
    "book: in dense cells": "share of the book within 10 % in cells that the map shows as dense",
    "book: Herfindahl index": "of the cells within 10 %",
    "market: liquidated a day": "share of open interest",
    "market: largest hour": "largest share of open interest liquidated in an hour",
    "market: hourly volatility": "standard deviation of log returns",
    "scenario: amplification": "final over initial move, shock of 5 %, square-root law, factor 1",
}
FIT_MEASURES = {
    "fit: shares at risk covered": "share of the 90 % intervals that hold the truth",
    "fit: interval score": "of shares at risk, mean; smaller is better",
    "fit: |log error|, 5 %": "of the median share at risk",
    "fit: |log error|, 10 %": "of the median share at risk",
    "fit: log error, 10 %": "median over true, signed",
    "fit: totals covered": "share of the 90 % intervals that hold the truth",
    "fit: |log error|, totals": "of the median total",
}
MEASURES = {**MAP_MEASURES, **RISK_MEASURES, **FIT_MEASURES}


def map_measures(publications: Sequence[Publication], orientation: int) -> dict[str, float]:
    """Mean over publications and sides of how a map compares with the book, and of the book.

    Parameters
    ----------
    publications : sequence of Publication
    orientation : int
        1 for a linear contract, -1 for an inverse one.

    Returns
    -------
    dict
        `MAP_MEASURES` and those of `RISK_MEASURES` that begin with ``book``. A side on which map
        or book has nothing within reach has no log error and no overlap; where that is so of
        every publication they are NaN.
    """
    config = ReaderConfig(window=FAR)
    found: dict[str, list[float]] = {}
    for each in publications:
        shown = read_map(each.shown, each.price, orientation, config)
        book = read_map(each.book, each.price, orientation, config)
        for row in range(2):
            for name, value in _side(
                _outwards(shown.amount, row),
                _outwards(book.amount, row),
                _outwards(shown.dense, row),
                each.open_interest,
            ).items():
                found.setdefault(name, []).append(value)
    return {name: _mean(values) for name, values in found.items()}


def _outwards(cells: FloatArray, row: int) -> FloatArray:
    """One side's cells from the price outwards."""
    half = cells.shape[1] // 2
    return cells[0, :half][::-1] if row == 0 else cells[1, half:]


def _side(
    shown: FloatArray, book: FloatArray, dense: FloatArray, open_interest: float
) -> dict[str, float]:
    near = round(NEAR / CELL)
    total, true = shown.sum(), book.sum()
    both = total > 0 and true > 0
    errors = [_log_ratio(shown[:n].sum(), book[:n].sum()) for n in (near, shown.size)]
    share = book / true if true > 0 else np.full(book.size, np.nan)
    return {
        "map: overlap of shapes": float(np.minimum(shown / total, share).sum()) if both else np.nan,
        "map: |log error|, 5 %": abs(errors[0]),
        "map: |log error|, 10 %": abs(errors[1]),
        "map: log error, 10 %": errors[1],
        "book: within 5 %": float(book[:near].sum() / open_interest),
        "book: within 10 %": float(true / open_interest),
        # a map that shows nothing has no dense cells to be in
        "book: in dense cells": float((share * dense).sum()) if total > 0 else np.nan,
        "book: Herfindahl index": float(np.square(share).sum()),
    }


def market_measures(market: SimulatedMarket, first_bar: int) -> dict[str, float]:
    """Liquidations and volatility from a bar on, and the amplification of a shock at the end.

    Parameters
    ----------
    market : SimulatedMarket
    first_bar : int
        First bar whose map was published.
    """
    bars = market.bars.iloc[first_bar:]
    hours = market.config.bar_seconds / 3600
    rate = {
        side: bars[f"{side}_liquidations"].to_numpy()
        / bars[f"{side}_open_interest_before"].to_numpy()
        for side in ("long", "short")
    }
    both = (rate["long"] + rate["short"]) / 2
    log_price = np.log(market.panel.values("close")[first_bar - 1 :])
    return {
        "market: liquidated a day": float(both.mean() * 24 / hours),
        "market: largest hour": float(max(values.max() for values in rate.values())),
        "market: hourly volatility": float(np.diff(log_price).std() / np.sqrt(hours)),
        "scenario: amplification": _amplification(market),
    }


def _amplification(market: SimulatedMarket) -> float:
    """Mean over sides of the final over the initial move of `SHOCK`, by the true book."""
    panel = market.panel
    per_day = 86_400 / market.config.bar_seconds
    returns = np.diff(np.log(panel.values("close")))
    volatility = float(returns.std() * np.sqrt(per_day))
    volume = float(panel.values("volume").mean() * per_day)
    moves = []
    for side, sign in (("long", 1.0), ("short", -1.0)):
        held = market.positions[market.positions["side"] == side]
        level = held["liquidation_price"].to_numpy(dtype=np.float64)
        away = sign * np.log(market.truth["mark_price"] / level)
        known = np.isfinite(away)
        moves.append(
            shocked(
                away[known],
                held["size"].to_numpy(dtype=np.float64)[known],
                SHOCK,
                IMPACT * volatility / np.sqrt(volume),
            )
            / SHOCK
        )
    return float(np.mean(moves))


def shocked(away: FloatArray, size: FloatArray, shock: float, factor: float) -> float:
    """Move at which an initial shock comes to rest: y = shock + factor sqrt(Q(y)).

    Q(y) is what has its level within y. The least fixed point is reached from below, as Q never
    falls.

    Parameters
    ----------
    away : ndarray, shape (position,)
        Log distance of each level in the adverse direction; negative ones are long gone.
    size : ndarray, shape (position,)
        Quantities.
    shock : float
        Log move.
    factor : float
        Impact per square root of quantity, log price.
    """
    order = np.argsort(away)
    ahead = away[order] > 0
    distance, total = away[order][ahead], np.cumsum(size[order][ahead])
    move = shock
    while True:
        count = int(np.searchsorted(distance, move, side="right"))
        further = shock + factor * np.sqrt(total[count - 1] if count else 0.0)
        if further <= move:
            return float(move)
        move = float(further)


def fit_measures(
    interval: dict[str, list[float | None]], truth: dict[str, float]
) -> dict[str, float]:
    """How a fit's intervals compare with the truth.

    Parameters
    ----------
    interval : dict
        Output to low, median and high; None where a rule's book is empty. A rule's limits are
        equal, which is no interval: nothing is said of what it covers.
    truth : dict
        Output to its true value.
    """
    limits = {
        name: [np.nan if value is None else value for value in values]
        for name, values in interval.items()
    }
    risk, totals = FAMILIES[AT_RISK], FAMILIES[TOTALS]

    def covered(names: Sequence[str]) -> float:
        if all(not limits[n][0] < limits[n][2] for n in names):
            return np.nan
        return float(np.mean([limits[n][0] <= truth[n] <= limits[n][2] for n in names]))

    def errors(names: Sequence[str]) -> list[float]:
        return [_log_ratio(limits[n][1], truth[n]) for n in names]

    near, far = ([n for n in risk if n.endswith(f" {move}]")] for move in ("0.05", "0.1"))
    return {
        "fit: shares at risk covered": covered(risk),
        "fit: interval score": _mean(
            [interval_score(limits[n][0], limits[n][2], truth[n]) for n in risk]
        ),
        "fit: |log error|, 5 %": _mean([abs(e) for e in errors(near)]),
        "fit: |log error|, 10 %": _mean([abs(e) for e in errors(far)]),
        "fit: log error, 10 %": _mean(errors(far)),
        "fit: totals covered": covered(totals),
        "fit: |log error|, totals": _mean([abs(e) for e in errors(totals)]),
    }


def _log_ratio(found: float, true: float) -> float:
    return float(np.log(found / true)) if found > 0 and true > 0 else np.nan


def _mean(values: Sequence[float]) -> float:
    """Mean of the known values; NaN without any."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else np.nan
