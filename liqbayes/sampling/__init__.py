"""Fit a model to a panel, and keep fits in files."""

from liqbayes.sampling.config import SamplerConfig
from liqbayes.sampling.fit import fit
from liqbayes.sampling.storage import load_fit, save_fit

__all__ = ["SamplerConfig", "fit", "load_fit", "save_fit"]
