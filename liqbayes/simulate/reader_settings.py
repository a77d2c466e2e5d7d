"""Settings of the traders who act on a published map."""

from dataclasses import dataclass

from liqbayes.simulate.validation import in_range, require, whole

STOPS, FRONT_RUNNING, AVOIDANCE = "stops", "front-running", "avoidance"
#: What a reader of the map can do.
BEHAVIOURS = (STOPS, FRONT_RUNNING, AVOIDANCE)


@dataclass(frozen=True)
class ReaderConfig:
    """Traders who see a map of levels made from the market's public data, and act on it.

    They are ordinary traders otherwise. A cell of the map is dense if it is among the `dense`
    share of the cells of its side within `window` of the price at publication; cells that price
    has passed since are empty.

    Parameters
    ----------
    share : float
        Share of traders who read the map; 0 for none.
    behaviour : tuple of str
        What they do: ``stops`` (a stop that would lie in dense cells is moved to the nearer end of
        them, at entry and at every publication), ``front-running`` (they open towards the side
        with more within `reach`, or not at all, by taking, and sell at the first dense cell),
        ``avoidance`` (they bring so much or so little collateral that their level lies at the
        nearer end of the dense cells in which it would have been).
    every_hours : int
        Time between two maps.
    first_hours : int
        Published hours before the first map.
    window : float
        Log distance from the price up to which cells are read.
    dense : float
        Share of the cells of a side that count as dense.
    reach : float
        Log distance up to which front-runners look.
    """

    share: float = 0.0
    behaviour: tuple[str, ...] = BEHAVIOURS
    every_hours: int = 8
    first_hours: int = 72
    window: float = 0.1
    dense: float = 0.2
    reach: float = 0.03

    def __post_init__(self) -> None:
        # above this nearly nobody is left to trade against
        in_range("readers.share", self.share, 0, 0.9)
        require(
            0 < len(self.behaviour) == len(set(self.behaviour) & set(BEHAVIOURS)),
            "behaviour",
            self.behaviour,
            f"some of {', '.join(BEHAVIOURS)}, each once",
        )
        whole("every_hours", self.every_hours, 1, 10_000)
        whole("first_hours", self.first_hours, 1, 100_000)
        in_range("window", self.window, 0.01, 0.5)
        in_range("dense", self.dense, 0.01, 0.9)
        in_range("reach", self.reach, 0.001, self.window)
