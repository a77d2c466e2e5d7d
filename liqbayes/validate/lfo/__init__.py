"""Comparison of models by leave-future-out cross-validation (arXiv 1902.06281)."""
