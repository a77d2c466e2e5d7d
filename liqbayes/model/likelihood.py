"""Log likelihood of every observation for one draw, outside the graph."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from liqbayes.model.evaluate import BookRun, Evaluator
from liqbayes.model.inputs import DEGREES_OF_FREEDOM

FloatArray = NDArray[np.float64]


def log_likelihood(
    evaluator: Evaluator, p: FloatArray, runs: dict[tuple[str, str], BookRun]
) -> dict[str, FloatArray]:
    """Log density of each observation under the model's one-step laws.

    Parameters
    ----------
    evaluator : Evaluator
    p : ndarray, shape (parameter,)
        Natural parameters.
    runs : mapping
        ``evaluator.books`` of the same draw.

    Returns
    -------
    dict of str to ndarray
        ``open_interest_change_<leg>`` and, with a feed, ``report_<side>``: one value an
        observation, in the model's order; each raised to its channel's weight.
    """
    data = evaluator.data
    out = {}
    for i, leg in enumerate(data.legs):
        location, scale = evaluator.interest_moments(p, runs, i)
        change = np.log(leg.interest[leg.term_to] / leg.interest[leg.term_from])
        law = stats.t(DEGREES_OF_FREEDOM, loc=location, scale=scale)
        out[f"open_interest_change_{leg.name}"] = data.open_interest_weight * law.logpdf(change)
    if not data.feeds:
        return out
    location, scale, log_zero = evaluator.report_moments(p, evaluator.expected_common(p, runs))
    before = data.common_before()
    for j, (side, feed) in enumerate(data.feeds.items()):
        bars = feed.bars
        share = feed.reported[bars] / before[bars]
        some = share > 0
        log_share = np.log(np.where(some, share, 1.0))
        density = (
            np.log(-np.expm1(log_zero[j, bars]))
            + stats.norm.logpdf(log_share, location[j, bars], scale[j, bars])
            - log_share
        )
        out[f"report_{side}"] = data.feed_weight * np.where(some, density, log_zero[j, bars])
    return out
