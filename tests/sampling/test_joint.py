"""Several markets fitted at once."""

import numpy as np
import pytest

from liqbayes import InputError, at_risk, fit, load_fit, market_preset, review, save_fit
from liqbayes.checks import diagnostics
from liqbayes.simulate import simulate_market

BARS = 200


@pytest.fixture(scope="module")
def panels():
    return {
        "first": simulate_market(market_preset("default", bars=BARS), 1).panel,
        "second": simulate_market(market_preset("high-leverage", bars=BARS), 2).panel,
    }


def test_settings_that_do_not_fit_are_refused_before_sampling(panels):
    one = next(iter(panels.values()))
    with pytest.raises(InputError, match="baseline fits one market at a time"):
        fit("baseline", panels)
    with pytest.raises(InputError, match="a rule"):
        fit("fixed-mix", panels)
    with pytest.raises(InputError, match="at least two"):
        fit("hierarchical", {"first": one})
    with pytest.raises(InputError, match="must not"):
        fit("hierarchical", {"a::b": one, "c": one})
    with pytest.raises(InputError, match="give history as panel is given"):
        fit("hierarchical", panels, history=one)
    with pytest.raises(InputError, match="no panel"):
        fit("hierarchical", panels, history={"third": one})


@pytest.mark.slow
def test_markets_are_fits_of_their_own_and_share_what_is_common(panels, tmp_path):
    trees = fit("hierarchical", panels, draws=500, tune=400, chains=2, seed=1, progress=False)
    assert list(trees) == list(panels)
    first, second = trees.values()
    share = first["posterior"]["pooled_share"]
    assert share.dims == ("chain", "draw", "pool") and share.identical(
        second["posterior"]["pooled_share"]
    )
    for name, tree in trees.items():
        assert tree.attrs["market"] == name and float(tree.attrs["oi_conservation_error"]) < 1e-9
        found = diagnostics(tree)
        # 2 x 500 draws: the share of churners mixes slowly; a chain astray is far above
        assert found["max_rhat"] < 1.15, found["worst_rhat"]
        risk = at_risk(tree).median(("chain", "draw"))
        assert (risk > 0).all() and (risk < 1).all()
        # pooled over prior draws, a market's prior is the one it has alone
        prior = tree["prior"]["z"].isel(chain=0)
        assert float(np.abs(prior.mean("draw")).max()) < 0.15
        assert float(np.abs(prior.std("draw") - 1.0).max()) < 0.12
        assert review(tree).verdicts
    loaded = load_fit(save_fit(first, tmp_path / "fit.nc"))
    np.testing.assert_allclose(at_risk(loaded).to_numpy(), at_risk(first).to_numpy(), rtol=1e-12)
