"""Specifications, data preparation, observation channels and the PyMC graph."""

from liqbayes.model.build import build_model
from liqbayes.model.data import ModelData, prepare
from liqbayes.model.spec import ModelSpec, list_models, load_spec

__all__ = ["ModelData", "ModelSpec", "build_model", "list_models", "load_spec", "prepare"]
