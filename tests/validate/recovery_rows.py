"""Invented rows of a recovery run, with a known calibration."""

import numpy as np
from scipy.stats import norm

from liqbayes.validate.recovery.markets import N_DEVELOPMENT, N_JUDGED
from liqbayes.validate.recovery.outputs import FAMILIES, OUTPUTS, TOTALS, width_of
from liqbayes.validate.recovery.statistics import interval_score
from liqbayes.validate.recovery.unit import ARMS

END = float(norm.ppf(0.95))
CONVERGED = {
    "max_rhat": 1.01,
    "min_ess_bulk": 300.0,
    "min_ess_tail": 250.0,
    "divergences": 0,
    "min_ebfmi": 0.8,
    "notes": [],
    "sampling_seconds": 20.0,
}


def invented_rows(n=N_JUDGED, shrink=1.0, rules=(), seed=1):
    """Truths within normal intervals; ``shrink`` below 1 makes the intervals too narrow."""
    rng = np.random.default_rng(seed)
    numbers = range(N_DEVELOPMENT, N_DEVELOPMENT + n)
    return [invented_row(number, arm, rng, shrink, rules) for number in numbers for arm in ARMS]


def invented_row(number, arm, rng, shrink=1.0, rules=()):
    # a total's prior is wide on the log scale that its width is measured on
    prior_sd = {name: 0.06 if name in FAMILIES[TOTALS] else 0.012 for name in OUTPUTS}
    truth, interval, prior, point = {}, {}, {}, {}
    for name in OUTPUTS:
        centre = 0.1 + 0.01 * rng.standard_normal()
        sd = 0.005
        truth[name] = centre + sd * rng.standard_normal()
        half = shrink * END * sd
        interval[name] = [centre - half, centre, centre + half]
        low = max(0.1 - END * prior_sd[name], 0.002)
        prior[name] = [low, 0.1, 0.1 + END * prior_sd[name]]
        point[name] = 0.1
    return {
        "key": f"{number:03d}-{arm}",
        "market": number,
        "arm": arm,
        "bars": 500,
        "distance": {"leverage": 0.5 + (number % 2), "turnover": -0.5 - (number % 2)},
        "open_interest": 1.0,
        "reported_share": {"long": 0.5, "short": 0.5},
        "silent_feed": False,
        "truth": truth,
        "interval": interval,
        "prior": prior,
        "point": {rule: point for rule in rules},
        "rule_errors": {},
        "width": widths(interval, prior),
        "score": scores(truth, interval, prior, {rule: point for rule in rules}),
        "convergence": CONVERGED,
        "seconds": 30.0,
    }


def widths(interval, prior):
    return {
        name: {"posterior": width_of(name, interval[name]), "prior": width_of(name, prior[name])}
        for name in OUTPUTS
    }


def scores(truth, interval, prior, points):
    return {
        name: {
            "posterior": interval_score(interval[name][0], interval[name][2], truth[name]),
            "prior": interval_score(prior[name][0], prior[name][2], truth[name]),
            **{r: interval_score(p[name], p[name], truth[name]) for r, p in points.items()},
        }
        for name in OUTPUTS
    }


def failed_row(number, arm, *, simulated=True):
    """A fit that failed after, or in, the simulation."""
    row = {"key": f"{number:03d}-{arm}", "error": "SamplingError: stuck"}
    if simulated:
        whole = invented_row(number, arm, np.random.default_rng(0))
        kept = ("market", "arm", "bars", "distance", "truth", "silent_feed", "seconds")
        row |= {name: whole[name] for name in kept}
    return row
