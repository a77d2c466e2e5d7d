"""What a posterior means for a trader or a risk desk: each quantity with its interval.

Every topic is a module of its own, with functions that take what `Workspace` holds and return
tables or datasets, and one function ``section`` that `analyse` calls for the command line.
"""

from liqbayes.analysis.run import SECTIONS, analyse
from liqbayes.analysis.section import Section
from liqbayes.analysis.workspace import Options, Workspace
from liqbayes.analysis.write import check_out, write_analysis

__all__ = [
    "SECTIONS",
    "Options",
    "Section",
    "Workspace",
    "analyse",
    "check_out",
    "write_analysis",
]
