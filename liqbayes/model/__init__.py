"""Specifications, data preparation, observation channels and the PyMC graph."""

from typing import TYPE_CHECKING, Any

from liqbayes.model.data import ModelData, prepare
from liqbayes.model.spec import ModelSpec, list_models, load_spec

if TYPE_CHECKING:
    from liqbayes.model.build import build_model as build_model

__all__ = ["ModelData", "ModelSpec", "build_model", "list_models", "load_spec", "prepare"]


# The graph needs PyMC, a rule and every output of a fit do not. A type checker must see the name
# above, not a function that accepts any name.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Load the graph's builder on first use (PEP 562)."""
        if name != "build_model":
            raise AttributeError(f"module 'liqbayes.model' has no attribute {name!r}")
        from liqbayes.model.build import build_model

        return build_model
