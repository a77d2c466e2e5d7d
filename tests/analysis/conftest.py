"""Fits shared with the tests of outputs."""

import pytest
import xarray as xr

from tests.outputs import fits


@pytest.fixture(scope="session")
def linear() -> xr.DataTree:
    """A fit of six days of hours, without sampling."""
    return fits.linear_fit()
