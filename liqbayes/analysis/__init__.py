"""What a posterior means for a trader or a risk desk: each quantity with its interval.

Every topic is a module of its own, with functions that take what `Workspace` holds and return
tables or datasets, and one function ``section`` that `analyse` calls for the command line.
"""

from liqbayes.analysis.cascade import cascades, least_fixed_point
from liqbayes.analysis.clusters import cluster_ages, find_clusters, match_clusters
from liqbayes.analysis.concentration import gini, herfindahl, level_concentration
from liqbayes.analysis.consumed import consumed_levels, swept_by_bar
from liqbayes.analysis.forward import expected_liquidated, reach_probability
from liqbayes.analysis.impact import IMPACT_PRIORS, Liquidity, Prior, liquidity_of
from liqbayes.analysis.manipulation import Attack, Execution, Terms, manipulation_risk
from liqbayes.analysis.paths import PathSet, price_paths
from liqbayes.analysis.position import Position, assess_position
from liqbayes.analysis.reach_check import ReachCheck, check_reach
from liqbayes.analysis.run import SECTIONS, analyse
from liqbayes.analysis.section import Section
from liqbayes.analysis.velocity import liquidation_velocity, velocity_windows
from liqbayes.analysis.windows import window_totals
from liqbayes.analysis.workspace import Options, Workspace
from liqbayes.analysis.write import check_out, write_analysis
from liqbayes.analysis.zones import entry_zones, net_zones

__all__ = [
    "IMPACT_PRIORS",
    "SECTIONS",
    "Attack",
    "Execution",
    "Liquidity",
    "Options",
    "PathSet",
    "Position",
    "Prior",
    "ReachCheck",
    "Section",
    "Terms",
    "Workspace",
    "analyse",
    "assess_position",
    "cascades",
    "check_out",
    "check_reach",
    "cluster_ages",
    "consumed_levels",
    "entry_zones",
    "expected_liquidated",
    "find_clusters",
    "gini",
    "herfindahl",
    "least_fixed_point",
    "level_concentration",
    "liquidation_velocity",
    "liquidity_of",
    "manipulation_risk",
    "match_clusters",
    "net_zones",
    "price_paths",
    "reach_probability",
    "swept_by_bar",
    "velocity_windows",
    "window_totals",
    "write_analysis",
]
