"""Whether models earn their intervals where the truth is known, and which of them predicts."""

from liqbayes.validate.cascades.run import CascadePlan, cascades_on_agent_markets
from liqbayes.validate.challenges import challenge
from liqbayes.validate.feedback.run import FeedbackPlan, feedback_study
from liqbayes.validate.feedback.tables import FeedbackResult
from liqbayes.validate.levels.run import LevelsPlan, levels_on_agent_markets
from liqbayes.validate.lfo.run import ComparisonPlan, compare_models
from liqbayes.validate.lfo.tables import ComparisonResult
from liqbayes.validate.prior_check import prior_check
from liqbayes.validate.recovery.run import RecoveryPlan, recovery_on_agent_markets
from liqbayes.validate.recovery.tables import RecoveryResult
from liqbayes.validate.resolution import resolution_check
from liqbayes.validate.sbc.faults import FAULTS
from liqbayes.validate.sbc.run import SbcPlan, simulation_based_calibration
from liqbayes.validate.sbc.tables import SbcResult
from liqbayes.validate.studies import Studies, Study, read_studies

__all__ = [
    "FAULTS",
    "CascadePlan",
    "ComparisonPlan",
    "ComparisonResult",
    "FeedbackPlan",
    "FeedbackResult",
    "LevelsPlan",
    "RecoveryPlan",
    "RecoveryResult",
    "SbcPlan",
    "SbcResult",
    "Studies",
    "Study",
    "cascades_on_agent_markets",
    "challenge",
    "compare_models",
    "feedback_study",
    "levels_on_agent_markets",
    "prior_check",
    "read_studies",
    "recovery_on_agent_markets",
    "resolution_check",
    "simulation_based_calibration",
]
