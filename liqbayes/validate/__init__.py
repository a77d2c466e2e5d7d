"""Whether the models earn their intervals: calibration and recovery where the truth is known."""

from liqbayes.validate.challenges import challenge
from liqbayes.validate.prior_check import prior_check
from liqbayes.validate.recovery.run import RecoveryPlan, recovery_on_agent_markets
from liqbayes.validate.recovery.tables import RecoveryResult
from liqbayes.validate.resolution import resolution_check
from liqbayes.validate.sbc.faults import FAULTS
from liqbayes.validate.sbc.run import SbcPlan, simulation_based_calibration
from liqbayes.validate.sbc.tables import SbcResult

__all__ = [
    "FAULTS",
    "RecoveryPlan",
    "RecoveryResult",
    "SbcPlan",
    "SbcResult",
    "challenge",
    "prior_check",
    "recovery_on_agent_markets",
    "resolution_check",
    "simulation_based_calibration",
]
