"""Whether the models earn their intervals: calibration where the truth is known."""

from liqbayes.validate.challenges import challenge
from liqbayes.validate.sbc.faults import FAULTS
from liqbayes.validate.sbc.run import SbcPlan, simulation_based_calibration
from liqbayes.validate.sbc.tables import SbcResult

__all__ = ["FAULTS", "SbcPlan", "SbcResult", "challenge", "simulation_based_calibration"]
