"""Maps that published tools would draw: their rules, restated on the bars of a panel.

Deterministic, without an interval; for comparison only. See ``docs/explanation/peers.md``.
"""

from liqbayes.peers.levels import LevelMap
from liqbayes.peers.rules import RULES, rule_map, swept

__all__ = ["RULES", "LevelMap", "rule_map", "swept"]
