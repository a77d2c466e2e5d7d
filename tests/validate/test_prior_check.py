"""Prior predictive figures: of the draws they should be of, beside what was published."""

import numpy as np
import pytest

from liqbayes.errors import InputError
from liqbayes.model.spec import load_spec
from liqbayes.validate import prior_check
from liqbayes.validate.prior_check import PUBLISHED
from tests.model.markets import bars, panel, small_spec


def test_table():
    data = panel(bars(24 * 8, seed=3))
    table = prior_check(small_spec(), panel=data, draws=60).set_index("quantity")
    assert list(table.index) == list(PUBLISHED)
    for name in ("prior_05", "prior_50", "prior_95"):
        assert (table[name] >= 0).all() and np.isfinite(table[name]).all()
    assert (table["prior_05"] <= table["prior_50"]).all()
    risk = table.loc[[f"at_risk[long, {m}]" for m in ("0.05", "0.1", "0.2")], "prior_50"]
    assert (np.diff(risk) > 0).all() and risk.iloc[-1] < 1
    # a share of 0.2 of a volume of about 1.2 times open interest a day leaves half of it a side
    assert 0.01 < table.loc["slow_hazard_per_day", "prior_50"] < 1.0
    wide = table.loc["at_risk[long, 0.1]"]
    assert wide["inside"] == (wide["prior_05"] <= 0.079 and wide["prior_95"] >= 0.029)


def test_a_rule_has_no_prior():
    with pytest.raises(InputError, match="no prior"):
        prior_check(load_spec("fixed-mix"))
