"""Effective leverage of the living book and of what was opened."""

import json

import numpy as np
import pytest

from liqbayes.errors import InputError
from liqbayes.outputs import average_leverage, leverage_distribution


@pytest.mark.parametrize(
    "options", [{}, {"weighting": "opened"}, {"weighting": "opened", "window": "4h"}]
)
def test_shares_sum_to_one(any_fit, options):
    share = leverage_distribution(any_fit, **options)
    assert share.dims == ("chain", "draw", "side", "leverage")
    np.testing.assert_allclose(share.sum("leverage"), 1.0, rtol=1e-12)
    assert (share >= 0).all()
    low, high = share["leverage_low"].to_numpy(), share["leverage_high"].to_numpy()
    middle = share["leverage"].to_numpy()
    assert (low < middle).all() and (middle < high).all()
    assert (np.diff(high) < 0).all()
    assert share.attrs["units"] == "share"


def test_average_is_harmonic(any_fit):
    average = average_leverage(any_fit)
    assert average.dims == ("chain", "draw", "side", "window")
    assert list(average["window"].to_numpy()) == ["open_interest", "1h", "4h", "1d", "7d", "30d"]
    cases = {
        "open_interest": {},
        "4h": {"weighting": "opened", "window": "4h"},
        "1d": {"weighting": "opened", "window": "1d"},
    }
    for window, options in cases.items():
        share = leverage_distribution(any_fit, **options)
        for side in ("long", "short"):
            one = share.sel(side=side)
            harmonic = 1.0 / (one / one["leverage"]).sum("leverage")
            at = average.sel(side=side, window=window)
            kind = any_fit.attrs["contract"]
            unlevered = ("linear", "long"), ("inverse", "short")
            if "aggregate" in kind or (json.loads(kind)["kind"], side) in unlevered:
                # positions without a level count as 1x, not below
                assert (at > harmonic).all()
                no_level = one["leverage_high"] <= 1.06
                floor = 1.0 / (one / one["leverage"].where(~no_level, 1.0)).sum("leverage")
                if "aggregate" not in kind:
                    np.testing.assert_allclose(at, floor, rtol=1e-9)
            else:
                np.testing.assert_allclose(at, harmonic, rtol=1e-9)
    assert "harmonic" in average.attrs["weighting"]


def test_windows_longer_than_the_panel_are_unknown(linear):
    average = average_leverage(linear)
    known = average.notnull().all(("chain", "draw", "side"))
    assert known.sel(window=["open_interest", "1h", "4h", "1d"]).all()
    assert average.sel(window=["7d", "30d"]).isnull().all()


def test_opened_leverage_is_that_of_the_parameters(any_fit):
    """Within one funding block, what is opened has the opening distribution itself."""
    blocks = any_fit["posterior"].sizes["block"]
    share = leverage_distribution(any_fit, weighting="opened", window="1h").to_numpy()
    opening = any_fit["posterior"]["leverage_share"].transpose("chain", "draw", "side", ...)
    closest = min(np.abs(share - opening.isel(block=b).to_numpy()).max() for b in range(blocks))
    assert closest < 1e-12


def test_high_leverage_dies_first(linear):
    """Living positions are less leveraged than opened ones: the levels near price were hit."""
    living = leverage_distribution(linear, group="prior")
    opened = leverage_distribution(linear, group="prior", weighting="opened")
    high = living["leverage_low"] >= 20
    mean = [float(s.where(high, 0.0).sum("leverage").mean()) for s in (living, opened)]
    assert mean[0] < 0.8 * mean[1]


def test_refused_weighting_and_windows(linear):
    with pytest.raises(InputError, match="'open_interest' or 'opened'"):
        leverage_distribution(linear, weighting="volume")
    for window in ("365d", "10min", "150min"):
        with pytest.raises(InputError, match="longer than what is modelled"):
            leverage_distribution(linear, weighting="opened", window=window)
    for window in ("lately", "NaT"):
        with pytest.raises(InputError, match="no duration"):
            leverage_distribution(linear, weighting="opened", window=window)
