"""What a posterior means for a trader or a risk desk: each quantity with its interval.

Every topic is a module of its own, with functions that take what `Workspace` holds and return
tables or datasets, and one function ``section`` that `analyse` calls for the command line.
"""

from liqbayes.analysis.cascade import cascades, least_fixed_point
from liqbayes.analysis.impact import IMPACT_PRIORS, Liquidity, Prior, liquidity_of
from liqbayes.analysis.manipulation import Attack, Execution, Terms, manipulation_risk
from liqbayes.analysis.run import SECTIONS, analyse
from liqbayes.analysis.section import Section
from liqbayes.analysis.workspace import Options, Workspace
from liqbayes.analysis.write import check_out, write_analysis

__all__ = [
    "IMPACT_PRIORS",
    "SECTIONS",
    "Attack",
    "Execution",
    "Liquidity",
    "Options",
    "Prior",
    "Section",
    "Terms",
    "Workspace",
    "analyse",
    "cascades",
    "check_out",
    "least_fixed_point",
    "liquidity_of",
    "manipulation_risk",
    "write_analysis",
]
