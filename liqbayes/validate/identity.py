"""What a run's rows depend on: the same words for a model and a panel in every run."""

from importlib.metadata import version
from typing import Any

from liqbayes.model import ModelSpec
from liqbayes.panel import MarketPanel


def model_identity(spec: ModelSpec) -> dict[str, str]:
    """What tells a specification from another."""
    return {"name": spec.name, "version": spec.version, "hash": spec.content_hash}


def panel_identity(panel: MarketPanel) -> dict[str, Any]:
    """What tells a panel from another."""
    return {
        "contract": panel.contract.name,
        "hash": panel.content_hash,
        "bars": panel.n_bars,
        "first": str(panel.time[0]),
        "last": str(panel.time[-1]),
    }


def run_versions(*more: str) -> dict[str, str]:
    """Versions of what samples, and of `more` distributions."""
    return {name: version(name) for name in ("liqbayes", "pymc", "nutpie", "numba", *more)}
