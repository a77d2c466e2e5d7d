"""The hurdle where zeros are rare: its fit ends at the mode and not beyond it."""

import numpy as np
import pytest

from liqbayes.backtest.baselines.law import _logistic


@pytest.mark.parametrize("zeros", [1, 3, 10])
@pytest.mark.parametrize("seed", range(6))
def test_rare_zeros_stay_rare(zeros, seed):
    """A whole Newton step overshoots here, after which every bar would be forecast to be zero."""
    rng = np.random.default_rng(seed)
    n, terms = 1200, 60
    design = np.column_stack([np.ones(n), rng.standard_t(3, (n, terms))])
    none = np.zeros(n, bool)
    none[np.argsort(design[:, 1])[:zeros]] = True
    weight = 0.5 ** ((n - np.arange(n)) / 300.0)
    found, covariance = _logistic(design, none, weight)
    chance = 1.0 / (1.0 + np.exp(-(design @ found)))
    share = float(weight @ none / weight.sum())
    # the constant is all but unpenalised: mean chance and share agree at the mode
    assert float(weight @ chance / weight.sum()) == pytest.approx(share, rel=0.05, abs=1e-4)
    assert (np.diag(covariance) > 0).all()
