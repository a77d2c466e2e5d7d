"""Margin for a chosen liquidation probability, and two published studies of it, replicated.

Works on prices alone: block maxima of adverse moves and their generalised extreme value law, beside
what normal returns and the past alone say.
"""

from liqbayes.margin.alexander import AlexanderResult, replicate_alexander
from liqbayes.margin.answers import Answer, historical_answer, normal_answer
from liqbayes.margin.backtest import binomial_interval, judge
from liqbayes.margin.cell import Settings
from liqbayes.margin.cheng import ChengResult, replicate_cheng
from liqbayes.margin.cheng_grid import ChengPlan
from liqbayes.margin.gev import gev_exceedances, gev_quantile, predictive_level
from liqbayes.margin.model import GevFit, fit_gev
from liqbayes.margin.moves import Moves, block_maxima, holding_moves
from liqbayes.margin.passage import Passage, first_passage, level_ratios
from liqbayes.margin.plan import MarginPlan
from liqbayes.margin.priors import SHAPE_PRIORS
from liqbayes.margin.required import required_margin
from liqbayes.margin.study import MarginResult, margin_study
from liqbayes.margin.write import write_tables

__all__ = [
    "SHAPE_PRIORS",
    "AlexanderResult",
    "Answer",
    "ChengPlan",
    "ChengResult",
    "GevFit",
    "MarginPlan",
    "MarginResult",
    "Moves",
    "Passage",
    "Settings",
    "binomial_interval",
    "block_maxima",
    "first_passage",
    "fit_gev",
    "gev_exceedances",
    "gev_quantile",
    "historical_answer",
    "holding_moves",
    "judge",
    "level_ratios",
    "margin_study",
    "normal_answer",
    "predictive_level",
    "replicate_alexander",
    "replicate_cheng",
    "required_margin",
    "write_tables",
]
