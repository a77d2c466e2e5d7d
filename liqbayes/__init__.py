"""Bayesian inference of liquidation levels from market data.

The public names below load on first use, so that ``import liqbayes`` and ``liqbayes --help`` stay
fast: nothing numerical is imported until a name that needs it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from liqbayes import plots as plots
    from liqbayes.checks import Review as Review
    from liqbayes.checks import Verdict as Verdict
    from liqbayes.checks import review as review
    from liqbayes.contracts import Contract as Contract
    from liqbayes.contracts import bankruptcy_price as bankruptcy_price
    from liqbayes.contracts import liquidation_price as liquidation_price
    from liqbayes.contracts import list_contracts as list_contracts
    from liqbayes.contracts import load_contract as load_contract
    from liqbayes.errors import InputError as InputError
    from liqbayes.errors import LiqbayesError as LiqbayesError
    from liqbayes.errors import NotDeterminedError as NotDeterminedError
    from liqbayes.errors import SamplingError as SamplingError
    from liqbayes.errors import SpecError as SpecError
    from liqbayes.errors import UnknownContractError as UnknownContractError
    from liqbayes.model import ModelSpec as ModelSpec
    from liqbayes.model import build_model as build_model
    from liqbayes.model import list_models as list_models
    from liqbayes.model import load_spec as load_spec
    from liqbayes.outputs import at_risk as at_risk
    from liqbayes.outputs import at_risk_amounts as at_risk_amounts
    from liqbayes.outputs import average_leverage as average_leverage
    from liqbayes.outputs import entry_price_distribution as entry_price_distribution
    from liqbayes.outputs import leverage_distribution as leverage_distribution
    from liqbayes.outputs import liquidation_delta as liquidation_delta
    from liqbayes.outputs import liquidation_heatmap as liquidation_heatmap
    from liqbayes.outputs import liquidation_levels as liquidation_levels
    from liqbayes.outputs import realised_liquidations as realised_liquidations
    from liqbayes.outputs import thin as thin
    from liqbayes.panel import MarketPanel as MarketPanel
    from liqbayes.panel import inspect_panel as inspect_panel
    from liqbayes.panel import read_panel as read_panel
    from liqbayes.sampling import SamplerConfig as SamplerConfig
    from liqbayes.sampling import fit as fit
    from liqbayes.sampling import load_fit as load_fit
    from liqbayes.sampling import save_fit as save_fit
    from liqbayes.simulate import MarketConfig as MarketConfig
    from liqbayes.simulate import SimulatedMarket as SimulatedMarket
    from liqbayes.simulate import list_presets as list_presets
    from liqbayes.simulate import market_preset as market_preset
    from liqbayes.simulate import resample_market as resample_market
    from liqbayes.simulate import simulate_market as simulate_market
    from liqbayes.simulate import write_simulation as write_simulation

    __version__: str

# The home of every public name. The imports above repeat it for type checkers, which cannot read a
# table; a test holds the two together.
_HOMES = {
    "InputError": "errors",
    "LiqbayesError": "errors",
    "NotDeterminedError": "errors",
    "SamplingError": "errors",
    "SpecError": "errors",
    "UnknownContractError": "errors",
    "Contract": "contracts",
    "bankruptcy_price": "contracts",
    "liquidation_price": "contracts",
    "list_contracts": "contracts",
    "load_contract": "contracts",
    "MarketPanel": "panel",
    "inspect_panel": "panel",
    "read_panel": "panel",
    "MarketConfig": "simulate",
    "SimulatedMarket": "simulate",
    "list_presets": "simulate",
    "market_preset": "simulate",
    "resample_market": "simulate",
    "simulate_market": "simulate",
    "write_simulation": "simulate",
    "ModelSpec": "model",
    "build_model": "model",
    "list_models": "model",
    "load_spec": "model",
    "SamplerConfig": "sampling",
    "fit": "sampling",
    "load_fit": "sampling",
    "save_fit": "sampling",
    "at_risk": "outputs",
    "at_risk_amounts": "outputs",
    "average_leverage": "outputs",
    "entry_price_distribution": "outputs",
    "leverage_distribution": "outputs",
    "liquidation_delta": "outputs",
    "liquidation_heatmap": "outputs",
    "liquidation_levels": "outputs",
    "realised_liquidations": "outputs",
    "thin": "outputs",
    "Review": "checks",
    "Verdict": "checks",
    "review": "checks",
}
_SUBPACKAGES = ("plots",)

__all__ = ["__version__", *sorted(_HOMES), *_SUBPACKAGES]


# A type checker must see the names above, not a function that accepts any name.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Load a public name on first use (PEP 562)."""
        value: Any
        if name in _HOMES:
            value = getattr(import_module(f"liqbayes.{_HOMES[name]}"), name)
        elif name in _SUBPACKAGES:
            value = import_module(f"liqbayes.{name}")
        elif name == "__version__":
            from importlib.metadata import version

            value = version("liqbayes")
        else:
            raise AttributeError(
                f"module 'liqbayes' has no attribute {name!r}; its public names are "
                f"{', '.join(__all__)}"
            )
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """Names offered for completion, without loading them."""
    return sorted({*globals(), *__all__})
