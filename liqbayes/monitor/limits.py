"""Thresholds of the monitor, each with its reason; fixed before markets were monitored.

Where a study changed one, the comment says so.
"""

from collections.abc import Mapping

GREEN, AMBER, RED = "green", "amber", "red"
ORDER = (GREEN, AMBER, RED)

# Draws of the posterior that are filtered forward: the quantiles of a mixture of so many
# predictive laws move by far less than one bar in a hundred.
DRAWS = 200
# Values drawn of each for the continuous ranked probability score.
VALUES_A_DRAW = 4

# A block is a day, within which errors hang together, but at least four bars, and what is judged
# are the last seven: long enough to see a shift, short enough to be about now.
BLOCK_HOURS, BLOCK_BARS = 24.0, 4
WINDOW_BLOCKS = 7
# A block needs so large a share of its values, and a fit so many blocks to be compared with.
BLOCK_FILLED = 0.25
LEAST_BLOCKS = 5
# Autocorrelation of blocks above which their mean is no estimate of anything.
LARGEST_MEMORY = 0.7

# Chance that any test of a run sounds although nothing has changed; divided by the number of
# tests (Bonferroni). Nominal: `liqbayes validate alarms` measures what comes of it.
FAMILY_AMBER, FAMILY_RED = 0.05, 0.005
# A red alarm must also matter.
COVERAGE_AMBER = (0.84, 0.96)  # as in `liqbayes review`
COVERAGE_RED = 0.75
PIT_RED = 0.25  # largest distance of the distribution of PIT values from the uniform one
SCORE_RED = 1.0  # score over the reference's: worse than the market's own last week
# Factor of reports at a given expected liquidation: a fifth is noise, a half is another feed.
LEVEL_AMBER, LEVEL_RED = 1.25, 2.0

# Feed: hours without a value, and log chance, by the fit, of so long a silence.
UNKNOWN_AMBER_HOURS, UNKNOWN_RED_HOURS = 6.0, 24.0
SILENCE_AMBER, SILENCE_RED = -9.2, -13.8  # 1e-4 and 1e-6
# A silence must also be this much less likely (in logs) than the longest one that the fit saw.
SILENCE_BEYOND = 1.5
# Share of judged bars without price, volume or open interest.
GAP_AMBER, GAP_RED = 0.05, 0.5

# Open interest cannot change by more than was traded. One bar in 400 of exchange archives says it
# did; a change of unit is larger than anything those show.
BREAK_AMBER, BREAK_RED = 0.10, 0.405  # absolute log change; 0.405 is half as much again
# Where another venue's volume stands in, only its size can be judged.
BREAK_UNTRADED = 0.69
# Disagreement of bars that fit and new panel both hold, as an absolute log ratio.
OVERLAP_AMBER, OVERLAP_RED = 0.01, 0.10
# Prices that differ by more in the median are another market's.
OTHER_MARKET = 0.05

# Realised volatility over the range of the fit's own windows of the same length. A short fit has
# few windows, so its days have to agree, at a level of their own: that volatility has left the
# range is a state of the market, not one more way in which a fit can fail. (The level was added
# after a first study, in which the range alone sounded in 4 weeks of 24.)
VOLATILITY_LEVEL_AMBER, VOLATILITY_LEVEL_RED = 0.01, 0.001
VOLATILITY_AMBER, VOLATILITY_RED, VOLATILITY_LOW = 1.25, 2.0, 0.5

# Draws of posterior and prior whose variances are compared: known to about a tenth.
PRIOR_DRAWS = 100
# Rise in the share of outputs that keep more than half of their prior variance.
PRIOR_RISE = 0.25

#: What each check watches and at which values it turns amber and red, in words.
TRIGGERS: Mapping[str, tuple[str, str, str]] = {
    "bars": (
        "share of judged bars without price, volume or open interest, or a gap after the fit",
        f"above {GAP_AMBER:.0%}, or the book had to be begun anew",
        f"above {GAP_RED:.0%}",
    ),
    "overlap": (
        "bars that fit and new panel share: median absolute log ratio of open interest or volume",
        f"above {OVERLAP_AMBER:g}",
        f"above {OVERLAP_RED:g}",
    ),
    "open interest break": (
        "absolute log change of open interest in one bar that its volume cannot explain",
        f"above {BREAK_AMBER:g}",
        f"above {BREAK_RED:g} (without a volume of the venue: {BREAK_UNTRADED:g})",
    ),
    "feed gap": (
        "hours without a value up to the last bar; log chance of the longest silence",
        f"{UNKNOWN_AMBER_HOURS:g} h; below {SILENCE_AMBER:g} and {SILENCE_BEYOND:g} times the "
        "fit's own",
        f"{UNKNOWN_RED_HOURS:g} h; below {SILENCE_RED:g} and {SILENCE_BEYOND:g} times the fit's "
        "own",
    ),
    "coverage": (
        "share of bars inside the 90 % one-step predictive interval, by block",
        f"outside {COVERAGE_AMBER[0]:.0%} to {COVERAGE_AMBER[1]:.0%} by more than chance",
        f"by much more than chance, and below {COVERAGE_RED:.0%}",
    ),
    "PIT": (
        "location and spread of the PIT values against those of the fit's own bars",
        "changed by more than chance",
        f"by much more than chance, and {PIT_RED:g} from uniform",
    ),
    "score": (
        "CRPS over that of the preceding week's values, against the same ratio in the fit",
        "worse by more than chance",
        f"by much more than chance, and above {SCORE_RED:g}",
    ),
    "reported level": (
        "reports over what the map expects of them, as a factor on the fit's own level",
        f"changed by more than chance, and by more than a factor of {LEVEL_AMBER:g}",
        f"by much more than chance, and by more than a factor of {LEVEL_RED:g}",
    ),
    "volatility": (
        "realised volatility over the range of the fit's windows of the same length",
        f"above {VOLATILITY_AMBER:g} times the largest, or below {VOLATILITY_LOW:g} times the "
        f"smallest, and by days with a chance below {VOLATILITY_LEVEL_AMBER:g}",
        f"above {VOLATILITY_RED:g} times the largest, with a chance below {VOLATILITY_LEVEL_RED:g}",
    ),
    "prior-dominated share": (
        "share of the shares at risk that keep more than half of their prior variance",
        f"up by {PRIOR_RISE:g} or more since the fit",
        "all of them, and less than half in the fit",
    ),
}


def worst(statuses: list[str]) -> str:
    """The worst of several statuses; green of none."""
    return max(statuses, key=ORDER.index, default=GREEN)


def limits() -> dict[str, float | list[float]]:
    """Every threshold by name, as plain values."""
    return {
        name.lower(): list(value) if isinstance(value, tuple) else value
        for name, value in globals().items()
        if name.isupper() and isinstance(value, int | float | tuple) and name != "ORDER"
    }
