"""Prior and predictive draws from the engine's own kernels; nothing further is compiled."""

import numpy as np
import xarray as xr

from liqbayes.model.data import SIDES
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.inputs import DEGREES_OF_FREEDOM

# Predictive draws are thinned to this many a group: they serve checks, not inference.
PREDICTIVE_DRAWS = 200


def parameter_dataset(evaluator: Evaluator, z: xr.DataArray) -> xr.Dataset:
    """Named parameters and opening shares of draws of ``z``.

    Parameters
    ----------
    z : xarray.DataArray, dims (chain, draw, parameter)

    Returns
    -------
    xarray.Dataset
        ``z``, one variable a prior, and ``leverage_share`` (side, block, cell), a block for each
        funding regime; see ``Evaluator.mean_shares``.
    """
    values = z.transpose("chain", "draw", "parameter").to_numpy()
    n_chain, n_draw, _ = values.shape
    natural = np.empty_like(values)
    shares = []
    for i in range(n_chain):
        for j in range(n_draw):
            natural[i, j] = evaluator.natural(np.ascontiguousarray(values[i, j]))
            shares.append(evaluator.mean_shares(natural[i, j]))
    out: dict[str, xr.DataArray] = {
        "z": xr.DataArray(
            values,
            dims=("chain", "draw", "parameter"),
            coords={"parameter": evaluator.layout.labels},
        )
    }
    for prior in evaluator.layout.priors:
        at = evaluator.layout.where(prior.name)
        attrs = {"units": prior.unit, "long_name": prior.description}
        if prior.labels:
            out[prior.name] = xr.DataArray(
                natural[..., at],
                dims=("chain", "draw", prior.dim),
                coords={prior.dim: list(prior.labels)},
                attrs=attrs,
            )
        else:
            out[prior.name] = xr.DataArray(natural[..., at[0]], dims=("chain", "draw"), attrs=attrs)
    block = np.stack(shares).reshape(n_chain, n_draw, *shares[0].shape)
    out["leverage_share"] = xr.DataArray(
        block,
        dims=("chain", "draw", "side", "block", "cell"),
        coords={
            "side": list(SIDES),
            "leverage_high": ("cell", evaluator.data.cells.edges),
            "leverage_low": ("cell", evaluator.data.cells.low),
        },
        attrs={"units": "share", "long_name": "effective leverage at opening"},
    )
    data = xr.Dataset(out)
    return data.assign_coords(chain=np.arange(n_chain), draw=np.arange(n_draw))


def prior_draws(n_coordinates: int, n: int, seed: int) -> xr.DataArray:
    """Independent draws of ``z`` from its prior, as one chain."""
    z = np.random.default_rng([seed, 1]).standard_normal((1, n, n_coordinates))
    return xr.DataArray(z, dims=("chain", "draw", "parameter"))


def noise_seed(seed: int, market: str | None) -> int:
    """Seed of what is drawn given parameters: of each jointly fitted market another."""
    if market is None:
        return seed
    return int(np.random.SeedSequence([seed, *market.encode()]).generate_state(1)[0])


def predictive(evaluator: Evaluator, z: xr.DataArray, seed: int) -> xr.Dataset:
    """One-step-ahead predictive draws of every observed variable.

    Each bar is predicted from the observed bars before it (a prequential predictive, as the
    likelihood is), so coverage and PIT values refer to one-step forecasts given price and volume.

    Returns
    -------
    xarray.Dataset
        ``open_interest_change_<leg>`` (chain, draw, change bar) and, with a feed,
        ``report_<side>`` (chain, draw, report bar), a share of open interest.
    """
    data = evaluator.data
    rng = np.random.default_rng([seed, 2])
    every = max(1, z.sizes["chain"] * z.sizes["draw"] // PREDICTIVE_DRAWS)
    values = z.isel(draw=slice(None, None, every)).transpose("chain", "draw", "parameter")
    n_chain, n_draw = values.sizes["chain"], values.sizes["draw"]
    parts: dict[str, list[np.ndarray]] = {}
    for row in values.to_numpy().reshape(n_chain * n_draw, -1):
        p = evaluator.natural(np.ascontiguousarray(row))
        runs = evaluator.books(p, evaluator.shares(p))
        for i, leg in enumerate(data.legs):
            location, scale = evaluator.interest_moments(p, runs, i)
            noise = rng.standard_t(DEGREES_OF_FREEDOM, location.size)
            parts.setdefault(f"open_interest_change_{leg.name}", []).append(
                location + scale * noise
            )
        if not data.feeds:
            continue
        location, scale, log_zero = evaluator.report_moments(p, evaluator.expected_common(p, runs))
        for j, side in enumerate(SIDES):
            bars = data.feeds[side].bars
            value = np.exp(rng.normal(location[j, bars], scale[j, bars]))
            some = rng.random(bars.size) < -np.expm1(log_zero[j, bars])
            parts.setdefault(f"report_{side}", []).append(np.where(some, value, 0.0))
    return xr.Dataset(
        {
            name: (
                ("chain", "draw", _dim(name)),
                np.stack(rows).reshape(n_chain, n_draw, -1).astype(np.float32),
            )
            for name, rows in parts.items()
        },
        coords={
            "chain": np.arange(n_chain),
            "draw": np.arange(0, z.sizes["draw"], every)[:n_draw],
            **observed_bars(evaluator),
        },
    )


def observed(evaluator: Evaluator) -> xr.Dataset:
    """The observed values that the predictive draws refer to."""
    out = {}
    for leg in evaluator.data.legs:
        name = f"open_interest_change_{leg.name}"
        out[name] = (_dim(name), np.log(leg.interest[leg.term_to] / leg.interest[leg.term_from]))
    before = evaluator.data.common_before()
    for side, feed in evaluator.data.feeds.items():
        name = f"report_{side}"
        out[name] = (_dim(name), feed.reported[feed.bars] / before[feed.bars])
    return xr.Dataset(out, coords=observed_bars(evaluator))


def observed_bars(evaluator: Evaluator) -> dict[str, np.ndarray]:
    """Bar index of each observed value, counted from the first bar of panel or history."""
    out = {_dim(f"open_interest_change_{leg.name}"): leg.term_to for leg in evaluator.data.legs}
    for side, feed in evaluator.data.feeds.items():
        out[_dim(f"report_{side}")] = feed.bars
    return out


def _dim(name: str) -> str:
    return f"bar_of_{name}"
