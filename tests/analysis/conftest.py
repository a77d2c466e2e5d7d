"""Fits of the outputs' tests, and rules."""

from tests.outputs.conftest import any_fit, linear

__all__ = ["any_fit", "linear"]
