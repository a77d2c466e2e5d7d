"""What every output refuses, and thinning."""

import numpy as np
import pytest
import xarray as xr

import liqbayes.outputs as outputs
from liqbayes.errors import InputError
from liqbayes.outputs import thin

WITH_KIND = (
    "liquidation_levels",
    "at_risk",
    "at_risk_amounts",
    "realised_liquidations",
    "liquidation_delta",
    "liquidation_heatmap",
)
ALL = (*WITH_KIND, "leverage_distribution", "average_leverage", "entry_price_distribution")


@pytest.mark.parametrize("name", WITH_KIND)
def test_unknown_kind(linear, name):
    with pytest.raises(InputError, match=r"'real'.*realised, expected"):
        getattr(outputs, name)(linear, kind="real")


@pytest.mark.parametrize("name", ALL)
def test_unknown_group(linear, name):
    with pytest.raises(InputError, match=r"posterior_predictive.*'posterior' or 'prior'"):
        getattr(outputs, name)(linear, group="posterior_predictive")


@pytest.mark.parametrize("name", ALL)
def test_something_that_is_no_fit(name):
    with pytest.raises(InputError, match="no fit"):
        getattr(outputs, name)(xr.DataTree())


def test_thin_spreads_the_draws_that_it_keeps(linear):
    few = thin(linear, 20)
    assert few["posterior"].sizes["chain"] == 2
    assert few["posterior"].sizes["draw"] == 10
    assert few["prior"].sizes["draw"] == 20
    kept = few["posterior"]["draw"].to_numpy()
    assert kept[-1] >= linear["posterior"].sizes["draw"] - 5
    np.testing.assert_array_equal(few["posterior"]["z"], linear["posterior"]["z"].sel(draw=kept))
    assert linear["posterior"].sizes["draw"] == 30


@pytest.mark.parametrize("draws", [39, 41, 50, 59])
def test_thin_never_just_cuts_the_end_off(linear, draws):
    kept = thin(linear, draws)["posterior"]["draw"].to_numpy()
    assert kept[0] == 0 and kept[-1] >= 27
    assert kept.size <= draws // 2 + 1


def test_thin_keeps_all_where_more_are_asked(linear):
    many = thin(linear, 10_000)
    assert many["posterior"].sizes["draw"] == 30
    assert many["prior"].sizes["draw"] == linear["prior"].sizes["draw"]
    assert many.attrs == linear.attrs


def test_outputs_of_a_thinned_fit_are_those_of_its_draws(linear):
    few = thin(linear, 20)
    kept = few["posterior"]["draw"].to_numpy()
    full = outputs.at_risk(linear, kind="expected").sel(draw=kept)
    np.testing.assert_allclose(outputs.at_risk(few, kind="expected"), full, rtol=1e-12)
