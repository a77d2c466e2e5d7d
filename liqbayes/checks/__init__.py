"""Verdicts with reasons: convergence, identification, predictive fit."""

from liqbayes.checks.convergence import LIMITS, convergence_reasons, diagnostics
from liqbayes.checks.identification import prior_book_share, prior_share, scale_products
from liqbayes.checks.review import Review, Verdict, review

__all__ = [
    "LIMITS",
    "Review",
    "Verdict",
    "convergence_reasons",
    "diagnostics",
    "prior_book_share",
    "prior_share",
    "review",
    "scale_products",
]
