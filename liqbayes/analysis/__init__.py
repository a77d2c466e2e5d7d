"""What a posterior means for a trader or a risk desk: each quantity with its interval.

Every topic is a module of its own, with functions that take what `Workspace` holds and return
tables or datasets, and one function ``section`` that `analyse` calls for the command line.
"""

from liqbayes.analysis.forward import expected_liquidated, reach_probability
from liqbayes.analysis.paths import PathSet, price_paths
from liqbayes.analysis.position import Position, assess_position
from liqbayes.analysis.reach_check import ReachCheck, check_reach
from liqbayes.analysis.run import SECTIONS, analyse
from liqbayes.analysis.section import Section
from liqbayes.analysis.workspace import Options, Workspace
from liqbayes.analysis.write import check_out, write_analysis

__all__ = [
    "SECTIONS",
    "Options",
    "PathSet",
    "Position",
    "ReachCheck",
    "Section",
    "Workspace",
    "analyse",
    "assess_position",
    "check_out",
    "check_reach",
    "expected_liquidated",
    "price_paths",
    "reach_probability",
    "write_analysis",
]
