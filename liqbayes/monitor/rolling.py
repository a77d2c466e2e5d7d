"""The course of the monitored figures, block by block, the fit's own bars included."""

from typing import Any

import numpy as np

from liqbayes.monitor import limits as at
from liqbayes.monitor.checks import HIGH, LOW
from liqbayes.monitor.market import column, realised
from liqbayes.monitor.run import Monitoring
from liqbayes.monitor.scores import reference_score


def rolling(found: Monitoring) -> list[dict[str, Any]]:
    """One row a block of the fit's bars and of the new ones.

    Returns
    -------
    list of dict
        ``start`` (UTC), ``new``, ``judged``, ``volatility`` (a day), and for every channel
        ``coverage``, ``score_ratio`` (CRPS over the reference's) and, of reports, ``level`` (a
        factor on what the map expects); NaN where a block has too few values.
    """
    blocks, time = found.blocks, found.joined.time()
    which = [*blocks.inside(), *blocks.later()]
    close = column(found.joined, "close")
    squared = np.concatenate([[np.nan], np.diff(np.log(close))]) ** 2
    hours = found.joined.data.bar_hours
    rows: list[dict[str, Any]] = [
        {
            "start": str(np.datetime64(time[a], "s")),
            "new": a >= blocks.first,
            "judged": a >= blocks.judged,
            "volatility": realised(squared[a:b], hours),
        }
        for a, b in which
    ]
    for channel in found.predicted:
        held = ((channel.pit >= LOW) & (channel.pit <= HIGH)).astype(float)
        reference = reference_score(channel.value, channel.bars, at.WINDOW_BLOCKS * blocks.length)
        own = np.where(np.isfinite(reference), channel.score, np.nan)
        coverage = blocks.means(channel.bars, held, which)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = blocks.means(channel.bars, own, which) / blocks.means(
                channel.bars, reference, which
            )
        level = np.exp(blocks.means(channel.bars, channel.level, which))
        for row, a, b, c in zip(rows, coverage, ratio, level, strict=True):
            row[f"coverage, {channel.name}"] = float(a)
            row[f"score_ratio, {channel.name}"] = float(b)
            if np.isfinite(channel.level).any():
                row[f"level, {channel.name}"] = float(c)
    return rows
