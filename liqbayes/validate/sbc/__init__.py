"""Simulation-based calibration: ranks of the truth among posterior draws (arXiv 1804.06788)."""
