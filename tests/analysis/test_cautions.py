"""What has not been shown is said beside the quantity."""

import pytest
import xarray as xr

from liqbayes.analysis import Options, analyse
from liqbayes.sampling import fit
from tests.outputs import fits


@pytest.fixture(scope="module")
def rule() -> xr.DataTree:
    return fit("fixed-mix", fits.small_market(), progress=False)


@pytest.mark.parametrize("topic", ["clusters", "zones"])
def test_places_carry_a_caution_unless_they_claim_no_certainty(
    linear: xr.DataTree, rule: xr.DataTree, topic: str
) -> None:
    options = Options(draws=10)
    (sampled,) = analyse(linear, options=options, only=(topic,))
    assert "where it is densest has not" in sampled.cautions[0]
    (fixed,) = analyse(rule, options=options, only=(topic,))
    assert fixed.cautions == ()
