"""Looking forward: what price may reach within a horizon, and what would be liquidated there."""

from liqbayes.analysis.forward.ahead import expected_liquidated
from liqbayes.analysis.forward.reach import reach_probability
from liqbayes.analysis.forward.topic import section

__all__ = ["expected_liquidated", "reach_probability", "section"]
