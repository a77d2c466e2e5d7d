"""The public names: one table, seen alike by Python, type checkers, documentation and readers."""

import ast
import importlib
import importlib.metadata
import inspect
from pathlib import Path

import pytest

import liqbayes

ROOT = Path(__file__).parents[2]

PUBLIC = {
    "errors": {
        "LiqbayesError",
        "InputError",
        "UnknownContractError",
        "NotDeterminedError",
        "SpecError",
        "SamplingError",
    },
    "contracts": {
        "Contract",
        "load_contract",
        "list_contracts",
        "liquidation_price",
        "bankruptcy_price",
    },
    "panel": {"MarketPanel", "read_panel", "inspect_panel"},
    "simulate": {
        "MarketConfig",
        "SimulatedMarket",
        "list_presets",
        "market_preset",
        "resample_market",
        "simulate_market",
        "write_simulation",
    },
    "model": {"ModelSpec", "load_spec", "list_models", "build_model"},
    "sampling": {"SamplerConfig", "fit", "save_fit", "load_fit"},
    "checks": {"Review", "Verdict", "review"},
    "outputs": {
        "liquidation_levels",
        "at_risk",
        "at_risk_amounts",
        "liquidation_delta",
        "realised_liquidations",
        "leverage_distribution",
        "average_leverage",
        "entry_price_distribution",
        "liquidation_heatmap",
        "thin",
    },
}
HOMES = {name: home for home, names in PUBLIC.items() for name in names}


def test_names_and_homes_are_the_agreed_ones() -> None:
    assert HOMES == liqbayes._HOMES
    assert set(liqbayes.__all__) == {*HOMES, "plots", "__version__"}
    assert set(liqbayes.__all__) <= set(dir(liqbayes))


@pytest.mark.parametrize("name", sorted(HOMES))
def test_name_is_the_object_of_its_home(name: str) -> None:
    public = getattr(liqbayes, name)
    assert public is getattr(importlib.import_module(f"liqbayes.{HOMES[name]}"), name)
    assert inspect.getdoc(public), f"{name} has no docstring"
    assert getattr(public, "__module__", "").startswith(f"liqbayes.{HOMES[name]}")


def test_plots_is_a_subpackage() -> None:
    assert inspect.ismodule(liqbayes.plots)


def test_version_is_that_of_the_installation_and_of_the_files() -> None:
    assert liqbayes.__version__ == importlib.metadata.version("liqbayes")
    assert f'version = "{liqbayes.__version__}"' in (ROOT / "pyproject.toml").read_text()
    assert f"version: {liqbayes.__version__}" in (ROOT / "CITATION.cff").read_text()


def test_unknown_name_is_an_attribute_error_that_lists_the_known() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'levels'.*liquidation_levels"):
        liqbayes.levels  # noqa: B018


def test_no_module_hides_a_public_name() -> None:
    package = ROOT / "liqbayes"
    modules = {path.stem for path in package.glob("*.py")} | {
        path.name for path in package.iterdir() if path.is_dir()
    }
    assert not modules & set(HOMES), "importing such a module would replace the public function"


def test_type_checkers_see_the_same_table() -> None:
    tree = ast.parse((ROOT / "liqbayes" / "__init__.py").read_text())
    seen = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("liqbayes."):
            for alias in node.names:
                assert alias.asname == alias.name, "a re-export needs the form `x as x`"
                seen[alias.name] = str(node.module).removeprefix("liqbayes.")
    assert seen == HOMES


def test_reference_documents_every_name() -> None:
    text = (ROOT / "docs" / "reference" / "api.md").read_text()
    missing = [
        name
        for home, names in PUBLIC.items()
        for name in names
        if f"liqbayes.{home}.{name}" not in text
    ]
    assert not missing
