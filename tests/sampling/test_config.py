"""Settings that cannot run are refused before anything is compiled."""

from importlib import import_module

import pytest

from liqbayes.errors import InputError, SpecError
from liqbayes.sampling import SamplerConfig, fit
from tests.model import markets


def test_defaults():
    config = SamplerConfig()
    assert (config.draws, config.tune, config.chains, config.sampler) == (1000, 1000, 4, "nutpie")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("draws", 3),
        ("tune", 19),
        ("chains", 0),
        ("cores", 0),
        ("seed", -1),
        ("target_accept", 0.49),
        ("target_accept", 1.0),
        ("target_accept", float("nan")),
    ],
)
def test_refused(name, value):
    with pytest.raises(InputError, match=f"{name} is {value}"):
        SamplerConfig(**{name: value})


def test_unknown_sampler_lists_the_known():
    with pytest.raises(InputError, match=r"'stan'.*nutpie, pymc, numpyro"):
        SamplerConfig(sampler="stan")


def test_fit_refuses_before_it_compiles(monkeypatch):
    def compile_nothing(*_, **__):
        raise AssertionError("compiled")

    module = import_module("liqbayes.model.build")
    monkeypatch.setattr(module, "build_from_data", compile_nothing)
    panel = markets.panel()
    with pytest.raises(InputError, match="sampler"):
        fit(markets.small_spec(), panel, sampler="stan")
    with pytest.raises(SpecError, match="open_interest"):
        fit(markets.small_spec(), panel.without("open_interest"))
    with pytest.raises(InputError, match="nowhere"):
        fit("nowhere", panel)
    with pytest.raises(AssertionError, match="compiled"):
        fit(markets.small_spec(), panel)
