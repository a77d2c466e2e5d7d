"""Everything that a study fixes before it looks: horizons, zones, thresholds, levels, wording.

Nothing here was chosen after a result on a market; the length of blocks was chosen on made-up
markets (``planted``). Durations are in hours; distances are multiples of the
volatility that was known when the map was drawn, times the root of the span in bars.
"""

#: Horizons of returns and of reach, and windows of ΔL.
HORIZON_HOURS = (1.0, 4.0, 24.0)

#: Limits of the five bands of a map, and their middles, which are the levels whose reach is asked.
BAND_EDGES = (0.25, 0.75, 1.25, 1.75, 2.25, 2.75)
BAND_MIDDLES = (0.5, 1.0, 1.5, 2.0, 2.5)
#: Added to densities (share of the side's open interest per unit of log price) before the log: a
#: band that was swept empty is low, not infinitely low. 0.01 is one part in ten thousand of open
#: interest within 1 % of price.
DENSITY_FLOOR = 0.01

#: A band is dense if it holds more than this quantile of what the same band of the same side held
#: over the bars before, under the same draw.
DENSE_QUANTILE, REFERENCE_HOURS = 0.8, 168.0
#: Least share of the reference that must be known.
REFERENCE_KNOWN = 0.5

#: Half-life of the exponentially weighted volatility of past closes, and what it needs.
VOLATILITY_HALF_LIFE_HOURS, VOLATILITY_LEAST_HOURS = 24.0, 48.0

#: Half-life of the slower volatility that magnetism is judged beside.
SLOW_HALF_LIFE_HOURS = 168.0

#: A zone is approached by a move that ends less than this short of it, in volatilities.
APPROACH = 0.25
#: Smaller moves are no moves.
LEAST_REACH = 0.25
#: Classes of the size of a move, in volatilities.
SIZE_EDGES = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.25, 2.75)
#: Length of the sessions that the hour of the week is matched by, on working days and on weekends.
SESSION_HOURS = 6
#: Controls without which a cell of the match is widened (the hour of the week is given up), and
#: without which its events are left out.
LEAST_CONTROLS = 3
#: Events without which an arm says nothing.
LEAST_EVENTS = 20

#: Past over which it counts whether a level was visited, and one of the two past returns.
PAST_HOURS = 24.0
#: Levels reached and not reached that each band of a side needs to take part.
LEAST_OUTCOMES = 5

#: Length of a block of the bootstrap: the longer of two days and twice the horizon.
BLOCK_HOURS, BLOCK_HORIZONS = 48.0, 2.0
#: Blocks without which there is no interval.
LEAST_BLOCKS = 10

#: Probability of the intervals; level of tests after Holm's adjustment over all of them; power at
#: which the smallest detectable effect is stated.
PROBABILITY, ALPHA, POWER = 0.90, 0.05, 0.80

#: Posterior draws of the map that are carried through every estimate.
MAP_DRAWS = 40
#: Share of the panel before the first origin, and the least number of bars there and after.
FIRST_SHARE, LEAST_PAST_BARS, LEAST_STUDY_BARS = 0.3, 120, 240

#: What the rows of a run depend on; the other definitions only enter the tests.
OF_ROWS = (
    "HORIZON_HOURS",
    "BAND_EDGES",
    "DENSITY_FLOOR",
    "DENSE_QUANTILE",
    "REFERENCE_HOURS",
    "REFERENCE_KNOWN",
    "VOLATILITY_HALF_LIFE_HOURS",
    "VOLATILITY_LEAST_HOURS",
    "MAP_DRAWS",
)

CONSUMPTION, MAGNETISM, LEAD = "after consumption", "magnetism", "sign of ΔL"
APPROACHED, SWEPT = "approached", "swept"
DELTA_LEADS, RETURN_LEADS = "ΔL leads returns", "returns lead ΔL"
MAP, SHIFTED, MIRRORED = "map", "shifted-week", "sides-mirrored"
#: ΔL of the feed in place of the map's: no false map, but one that no model made.
REPORTED = "reported ΔL"

UNITS = {
    CONSUMPTION: "% of price, in the direction of the move, minus matched moves",
    MAGNETISM: "log odds of reach per doubling of density",
    LEAD: "partial rank correlation, given the window's own return",
}

#: What is usually read into the map; none of it is a result.
CONVENTIONS = {
    CONSUMPTION: "consumed zones reverse: price turns after it has swept a dense zone",
    MAGNETISM: "clusters attract: price is drawn to dense zones",
    LEAD: "positive ΔL (more longs than shorts liquidated) is bearish",
}
