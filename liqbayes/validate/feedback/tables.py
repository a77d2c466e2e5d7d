"""Differences between shares of readers, paired by market."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from liqbayes.errors import InputError
from liqbayes.validate.feedback.measures import MEASURES

FloatArray = NDArray[np.float64]

PROBABILITY = 0.95
#: Below this many pairs the spread of a difference is not known well enough for any interval.
LEAST_MARKETS = 4
#: Family-wise level of the verdicts, over all rows of a table (Holm).
FAMILY_LEVEL = 0.05
HIGHER, LOWER, UNDECIDED, TOO_FEW = "higher", "lower", "not decided", "too few markets"


@dataclass(frozen=True)
class FeedbackResult:
    """What a study found.

    Attributes
    ----------
    table : DataFrame
        A row for each behaviour, share above 0 and measure: ``markets`` (pairs), ``nobody`` and
        ``readers`` (means over them without and with readers), ``difference`` (readers minus
        nobody) with its 95 % interval ``low`` and ``high``, ``p``, ``p_holm`` and ``verdict``.
    errors : tuple of str
        Of units that failed.
    """

    table: pd.DataFrame
    errors: tuple[str, ...]


def paired(differences: FloatArray) -> tuple[float, float, float, float]:
    """Mean of differences of whole markets, its 95 % interval and p, by Student's t.

    The standard error of a mean of independent pairs is that of the bootstrap over markets times
    sqrt(n / (n - 1)) (Efron & Tibshirani 1993, section 5.3). Quantiles of a bootstrap of a handful
    of markets would be too narrow, so t with n - 1 degrees of freedom sets the width.

    Parameters
    ----------
    differences : ndarray, shape (market,)
        None unknown.

    Returns
    -------
    tuple of float
        Mean, low, high, p. All but the mean are NaN below `LEAST_MARKETS`; where every market has
        the same difference the interval has no width and p is 1 for 0, else 0.
    """
    n = differences.size
    mean = float(differences.mean()) if n else np.nan
    if n < LEAST_MARKETS:
        return mean, np.nan, np.nan, np.nan
    error = float(differences.std(ddof=1) / np.sqrt(n))
    if error == 0:
        return mean, mean, mean, float(mean == 0)
    wide = float(stats.t.ppf(0.5 + PROBABILITY / 2, n - 1)) * error
    p = 2 * float(stats.t.sf(abs(mean) / error, n - 1))
    return mean, mean - wide, mean + wide, p


def holm(p: FloatArray) -> FloatArray:
    """Holm's adjusted p values (1979, Scand. J. Statist. 6:65-70); NaN stays and does not count."""
    out = np.full(p.size, np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    factor = known.size - np.arange(known.size)
    out[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * factor))
    return out


def compared(rows: Sequence[Mapping[str, Any]]) -> FeedbackResult:
    """Compare finished markets with the same markets without readers.

    Parameters
    ----------
    rows : sequence of mapping
        What `liqbayes.validate.feedback.unit.feed_back` returned, or an ``error``.

    Raises
    ------
    InputError
        If no market has been finished with and without readers.
    """
    good = [row for row in rows if "error" not in row]
    errors = tuple(str(row["error"]) for row in rows if "error" in row)
    base = {row["market"]: row["measures"] for row in good if row["share"] == 0}
    arms: dict[tuple[str, float], dict[int, Mapping[str, Any]]] = {}
    for row in good:
        if row["share"] > 0 and row["market"] in base:
            arms.setdefault((row["behaviour"], row["share"]), {})[row["market"]] = row["measures"]
    if not arms:
        raise InputError(
            "no market has been finished both without and with readers"
            + (f": {errors[0]}" if errors else "; let the run go on.")
        )
    out = []
    for (behaviour, share), markets in sorted(arms.items()):
        for measure in MEASURES:
            pairs = np.array(
                [
                    (base[number][measure], found[measure])
                    for number, found in sorted(markets.items())
                    if base[number][measure] is not None and found[measure] is not None
                ],
                dtype=np.float64,
            ).reshape(-1, 2)
            if not len(pairs):
                continue
            mean, low, high, p = paired(pairs[:, 1] - pairs[:, 0])
            out.append(
                {
                    "behaviour": behaviour,
                    "share": share,
                    "measure": measure,
                    "markets": len(pairs),
                    "nobody": float(pairs[:, 0].mean()),
                    "readers": float(pairs[:, 1].mean()),
                    "difference": mean,
                    "low": low,
                    "high": high,
                    "p": p,
                }
            )
    table = pd.DataFrame(out)
    table["p_holm"] = holm(table["p"].to_numpy(dtype=np.float64))
    table["verdict"] = [
        TOO_FEW
        if not np.isfinite(p)
        else UNDECIDED
        if p > FAMILY_LEVEL
        else (HIGHER if difference > 0 else LOWER)
        for p, difference in zip(table["p_holm"], table["difference"], strict=True)
    ]
    return FeedbackResult(table, errors)
