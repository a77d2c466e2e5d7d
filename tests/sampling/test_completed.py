"""What is kept of an interrupted run, and when a chain counts as stuck."""

import numpy as np
import pytest
import xarray as xr

from liqbayes.sampling.run import Draws, _bad, _completed


def run(done, draws=20, parameters=3):
    """Chains that completed so many draws; the rest is not a number, as nutpie pads."""
    z = np.random.default_rng(0).standard_normal((len(done), draws, parameters))
    for chain, n in enumerate(done):
        z[chain, n:] = np.nan
    stats = xr.Dataset(
        {
            "diverging": (("chain", "draw"), np.zeros(z.shape[:2], bool)),
            "logp": (("chain", "draw"), z[..., 0]),
            "depth": (("chain", "draw"), np.ones(z.shape[:2], int)),
            "maxdepth_reached": (("chain", "draw"), np.zeros(z.shape[:2], bool)),
            "gradient": (("chain", "draw"), z[..., 0]),
        }
    )
    return xr.DataArray(z, dims=("chain", "draw", "parameter")), stats


def test_complete_run_is_kept():
    z, stats = run([20, 20])
    kept, kept_stats = _completed(z, stats)
    np.testing.assert_array_equal(kept, z)
    assert set(kept_stats) == {"diverging", "lp", "tree_depth", "reached_max_treedepth"}


def test_common_number_of_draws_of_the_started_chains():
    z, stats = run([20, 7, 0, 12])
    kept, kept_stats = _completed(z, stats)
    assert kept.sizes["chain"] == 3 and kept.sizes["draw"] == 7
    np.testing.assert_array_equal(kept, z.to_numpy()[[0, 1, 3], :7])
    assert list(kept["chain"].to_numpy()) == [0, 1, 2]
    assert kept_stats.sizes == {"chain": 3, "draw": 7}
    np.testing.assert_array_equal(kept_stats["lp"], z.to_numpy()[[0, 1, 3], :7, 0])


def test_no_draw_at_all_stays_an_interrupt():
    with pytest.raises(KeyboardInterrupt):
        _completed(*run([0, 0]))


def drawn(z, diverging=None):
    shape = z.shape[:2]
    diverging = np.zeros(shape, bool) if diverging is None else diverging
    return Draws(
        xr.DataArray(z, dims=("chain", "draw", "parameter")),
        xr.Dataset({"diverging": (("chain", "draw"), diverging)}),
        1.0,
        1.0,
        False,
        (),
    )


def noise(draws=200):
    return np.random.default_rng(1).standard_normal((2, draws, 2))


def test_healthy_chains_are_not_bad():
    assert not _bad(drawn(noise()))


def test_a_chain_that_hardly_moves_is_bad():
    z = noise()
    z[1, :, 0] = np.cumsum(1e-3 * z[1, :, 0])
    assert _bad(drawn(z))


def test_a_frozen_chain_is_bad():
    z = noise()
    z[1] = 0.3
    assert _bad(drawn(z))


def test_a_chain_that_diverges_is_bad():
    diverging = np.zeros((2, 200), bool)
    diverging[0, ::10] = True
    assert _bad(drawn(noise(), diverging))
    diverging[0, 5:] = False
    assert not _bad(drawn(noise(), diverging))
