"""Cascades of the agent market beside the fixed point on its true book."""

import pytest

from liqbayes.errors import InputError
from liqbayes.validate.cascades import simulated_cascade


@pytest.mark.slow
def test_market_and_fixed_point_agree_on_the_order_of_a_cascade():
    weak, strong = (simulated_cascade(1, 0.1, impact) for impact in (0.5, 2.0))
    for row in (weak, strong):
        assert row["simulated"] > 0 and 0 < row["closing_share"] <= 1
        # a root of the sum is less than the sum of the roots that the market takes
        assert 0 < row["predicted"] < row["by_rounds"]
        assert row["simulated"] == pytest.approx(row["by_rounds"], rel=0.6)
    assert strong["simulated"] > weak["simulated"] and strong["predicted"] > weak["predicted"]


@pytest.mark.parametrize(("fall", "impact"), [(0.0, 1.0), (1.0, 1.0), (0.1, 0.0)])
def test_falls_that_are_none(fall, impact):
    with pytest.raises(InputError):
        simulated_cascade(1, fall, impact)
