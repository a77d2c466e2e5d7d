"""Coverage of clustered comparisons, and the score of an interval."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

FloatArray = NDArray[np.float64]
# Outside share of the intervals that are judged.
ALPHA = 0.1


@dataclass(frozen=True)
class Coverage:
    """How often intervals held the truth.

    Attributes
    ----------
    n : int
        Comparisons.
    clusters : int
        Markets with at least one.
    effective_n : float
        Independent comparisons that would say as much.
    share : float
        Covered share; NaN without comparisons.
    low, high : float
        Wilson interval of it.
    """

    n: int
    clusters: int
    effective_n: float
    share: float
    low: float
    high: float


def clustered_coverage(hits: FloatArray, sizes: FloatArray, level: float = 0.95) -> Coverage:
    """Covered share with a Wilson interval that knows which comparisons are of one market.

    With ``y`` hits among ``m`` comparisons in each of ``k`` markets, ``n = Σ m`` and
    ``p = Σ y / n``, the variance of the ratio is ``v = k / (k - 1) Σ (y - p m)² / n²`` (Cochran
    1977, Sampling Techniques, eq. 9.26), the design effect ``v n / (p (1 - p))`` (Kish 1965, Survey
    Sampling), held at one or more; the effective number ``n / design effect`` is multiplied by
    ``(t(n - 1) / t(k - 1))²`` for the few clusters behind ``v`` (Korn and Graubard 1998, Survey
    Methodology 24:193-201) and takes the place of n in the interval of Wilson (1927, doi
    10.1080/01621459.1927.10502953). Where all or none are covered the design effect is unknown:
    each market then counts once.

    Parameters
    ----------
    hits, sizes : ndarray, shape (cluster,)
        Covered comparisons and all comparisons of each market.
    level : float
        Probability of the Wilson interval.
    """
    hits, sizes = hits[sizes > 0], sizes[sizes > 0]
    k, n = int(sizes.size), float(sizes.sum())
    if k == 0:
        return Coverage(0, 0, 0.0, np.nan, 0.0, 1.0)
    p = float(hits.sum() / n)
    if 0.0 < p < 1.0 and k > 1:
        variance = k / (k - 1) * float(np.square(hits - p * sizes).sum()) / n**2
        effect = max(variance * n / (p * (1 - p)), 1.0)
        tail = 0.5 + level / 2
        few = (float(t.ppf(tail, n - 1)) / float(t.ppf(tail, k - 1))) ** 2
        effective = n / effect * few
    else:
        effective = float(k)
    low, high = wilson(p, effective, level)
    return Coverage(int(n), k, effective, p, low, high)


def wilson(share: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share among ``n`` trials (1927, doi 10.1080/01621459.1927.10502953).

    Parameters
    ----------
    share : float
    n : float
        Above 0; need not be whole.
    level : float
    """
    z2 = float(norm.ppf(0.5 + level / 2)) ** 2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (share * (1 - share) + z2 / (4 * n)) / n) / (1 + z2 / n)
    return max(float(middle - half), 0.0), min(float(middle + half), 1.0)


def interval_score(low: float, high: float, truth: float) -> float:
    """Score of a central interval of probability ``1 - ALPHA``; smaller is better.

    Its width plus ``2 / ALPHA`` times the distance by which it misses: in expectation smallest for
    the quantiles ``ALPHA / 2`` and ``1 - ALPHA / 2`` of the truth's law (Gneiting and Raftery 2007,
    eq. 43, doi 10.1198/016214506000001437). A point is an interval without width, so its score is
    ``2 / ALPHA`` times its absolute error.
    """
    missed = max(low - truth, 0.0) + max(truth - high, 0.0)
    return (high - low) + 2.0 / ALPHA * missed
