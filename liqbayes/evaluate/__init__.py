"""A whole evaluation of a model on real panels: studies in order, resumable, and one page."""

from liqbayes.evaluate.plan import EvaluationPlan, Market, read_plan
from liqbayes.evaluate.run import Step, evaluate

__all__ = ["EvaluationPlan", "Market", "Step", "evaluate", "read_plan"]
