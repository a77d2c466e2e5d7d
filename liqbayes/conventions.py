"""What outputs, reports, simulator and command line agree on, so that their answers line up."""

from collections.abc import Hashable, Mapping

#: Adverse moves from the last price, as fractions.
MOVES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3)

#: Windows of ΔL; all end at the last bar.
WINDOWS = ("1h", "4h", "12h", "1d", "3d", "7d", "30d")

#: Windows of the leverage of what was opened lately.
OPENED_WINDOWS = ("1h", "4h", "1d", "7d", "30d")

DELTA_CONVENTION = "long minus short liquidations; positive: more longs were liquidated"

#: Log-spaced price bins, and their limits as multiples of the last price.
BINS = 400
PRICE_RANGE = (0.5, 2.0)


def has_interval(sizes: Mapping[Hashable, int]) -> bool:
    """Whether draws can have an interval: a single one, such as the book of a rule, cannot.

    Its quantiles would coincide, which looks like certainty.

    Parameters
    ----------
    sizes : mapping
        ``sizes`` of an xarray object with dims ``chain`` and ``draw``.
    """
    return sizes["chain"] * sizes["draw"] > 1
