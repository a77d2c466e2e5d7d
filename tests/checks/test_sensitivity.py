"""Power scaling: what moves an output, and what does not."""

import numpy as np

from liqbayes.checks.identification import output_values
from liqbayes.checks.sensitivity import FEED, INTEREST, PRIOR, _log_densities, power_scaling
from tests.model.markets import bars, panel, small_spec
from tests.outputs.fits import fake_fit


def made(**options):
    return fake_fit(panel(bars(24 * 8, seed=4, **options)), small_spec(), draws=60, scale=0.3)


def test_every_output_and_source():
    fit = made()
    found = power_scaling(fit)
    assert set(found) <= set(output_values(fit, "posterior"))
    assert {"at_risk[long, 0.05]", "delta_total", "realised_total[short]"} <= set(found)
    for by_source in found.values():
        assert list(by_source) == [PRIOR, INTEREST, FEED]
        assert all(np.isfinite(v) and v >= 0 for v in by_source.values())
    # windows longer than the panel have no values
    assert "delta[30d]" not in found
    without = power_scaling(made(feed=False))
    assert list(next(iter(without.values()))) == [PRIOR, INTEREST]


def test_log_densities_are_those_of_the_draws():
    fit = made()
    found = _log_densities(fit)
    z = fit["posterior"]["z"].transpose("chain", "draw", "parameter").to_numpy()
    np.testing.assert_allclose(found[PRIOR], -0.5 * (z**2).sum(axis=2))
    # reports follow what is liquidated, which open interest hardly does: another spread
    assert found[INTEREST].shape == found[FEED].shape == z.shape[:2]
    assert found[FEED].std() > 1.0


def test_too_few_draws_say_nothing():
    assert power_scaling(made(), draws=40) == {}
