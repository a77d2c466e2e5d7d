"""Levels that stand now run against price paths: what would be liquidated within a horizon."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.analysis.paths import PathSet
from liqbayes.conventions import has_interval
from liqbayes.errors import InputError

FloatArray = NDArray[np.float64]
QUANTILES = (0.05, 0.5, 0.95)
KINDS = ("long", "short", "delta")
# Share of paths that may leave the priced range before the amounts count as not identified.
LARGEST_OUTSIDE = 0.01
_SHARE = {"units": "share of variance"}


def expected_liquidated(
    levels: xr.Dataset,
    paths: PathSet,
    horizons: Mapping[str, int],
    *,
    closed: xr.DataArray | None = None,
) -> xr.Dataset:
    """Liquidations of the levels that stand now, over horizons, and ΔL of them.

    In draw d and on path k the longs liquidated by horizon h are those whose level is not below
    the path's lowest price, the shorts those whose level is not above its highest:
    L_dk = c_d Q_d(m_k), with Q_d the draw's quote by distance, linear within a price bin. Positions
    that are opened, closed or moved meanwhile are left out. By the law of total variance

        Var L = Var_k E_d[L | k] + E_k Var_d[L | k] = E_d Var_k[L | d] + Var_d E_k[L | d],

    of which the last split is reported: price at a given book, and the book (parameters, and with
    levels of kind "realised" its lumpiness). Of price's part the variance between the parameter
    draws of the volatility model is not the process's (one-way analysis of variance; Searle,
    Casella and McCulloch 1992, section 3.6).

    Parameters
    ----------
    levels : Dataset
        As `liqbayes.liquidation_levels` returns it.
    paths : PathSet
        From the same mark price.
    horizons : mapping of str to int
        Name to bars.
    closed : DataArray, dims (chain, draw), optional
        Share of touched quantity that is closed by force; 1 by default.

    Returns
    -------
    Dataset
        In quote at each level's price, over kind ("long", "short", "delta") and horizon:
        ``mean``; ``total``, quantiles of paths and draws together (.05, .5, .95);
        ``of_process``, quantiles over paths of the mean book; ``of_parameters``, quantiles over
        draws of the mean over paths; ``process_share`` and ``volatility_share`` of the variance,
        what price does and what is unknown of its volatility (0 where it is too little to be told
        from none, NaN of paths of one set; the book has the rest); ``expected`` (chain, draw), the
        mean over paths of each draw; ``p_positive``, of delta alone; ``outside``, share of
        paths that leave the priced range. What needs several draws is NaN of a single one, and all
        is NaN where more than ``LARGEST_OUTSIDE`` of the paths leave the range; below that they
        count what lies within it.

    Raises
    ------
    InputError
        If paths and levels begin at different prices, a horizon is longer than the paths, or
        levels are unknown.
    """
    mark = float(levels.attrs["mark_price"])
    if not np.isclose(mark, paths.mark_price, rtol=1e-9):
        raise InputError(
            f"the levels' mark price is {mark:g}, that of the paths {paths.mark_price:g}; draw the "
            "paths from the levels' mark price."
        )
    for name, bars in horizons.items():
        if not 1 <= bars <= paths.n_bars:
            raise InputError(
                f"horizon {name!r} is {bars} bars, the paths have {paths.n_bars}; draw longer ones."
            )
    quote = levels["quote"].transpose("chain", "draw", "side", "price")
    if not np.isfinite(quote).all():
        raise InputError("levels holds unknown values (NaN); give levels of all draws.")
    shape = (quote.sizes["chain"], quote.sizes["draw"])
    share = np.ones(shape) if closed is None else closed.transpose("chain", "draw").to_numpy()
    books = {
        side: Ladder.of(levels, side, quote.sel(side=side).to_numpy() * share[..., None])
        for side in ("long", "short")
    }
    several = has_interval(quote.sizes)
    n = len(horizons)
    out = _Table(
        mean=np.full((3, n), np.nan),
        quantile=np.full((len(QUANTILES), 3, n), np.nan),
        of_process=np.full((len(QUANTILES), 3, n), np.nan),
        of_parameters=np.full((len(QUANTILES), 3, n), np.nan),
        process_share=np.full((3, n), np.nan),
        volatility_share=np.full((3, n), np.nan),
        expected=np.full((*shape, 3, n), np.nan),
        p_positive=np.full((3, n), np.nan),
        outside=np.zeros(n),
    )
    for i, bars in enumerate(horizons.values()):
        reached = {
            "long": -np.log(paths.low[:, bars - 1].astype(float)),
            "short": np.log(paths.high[:, bars - 1].astype(float)),
        }
        beyond = [reached[side] > book.distance[-1] * (1 + 1e-9) for side, book in books.items()]
        out.outside[i] = float(np.mean(beyond[0] | beyond[1]))
        if out.outside[i] > LARGEST_OUTSIDE:
            continue
        long, short = (book.passed(reached[side]) for side, book in books.items())
        for j, values in enumerate((long, short, long - short)):
            _reduce(out, values, i, j, shape, sets=paths.sets, several=several)
    return out.dataset(levels, tuple(horizons))


@dataclass(frozen=True)
class Ladder:
    """One side's quote by distance from the mark price, in every draw.

    Attributes
    ----------
    distance : ndarray, shape (edge,)
        Ascending adverse log moves, the first 0.
    total : ndarray of float32, shape (draw, edge)
        Quote whose level is nearer.
    """

    distance: FloatArray
    total: NDArray[np.float32]

    @classmethod
    def of(cls, levels: xr.Dataset, side: str, quote: FloatArray) -> "Ladder":
        """Ladder of ``quote`` (chain, draw, price) by the bins of ``levels``.

        Bins on the profit side of the mark price are no distance away and hold no standing level.
        """
        mark = float(levels.attrs["mark_price"])
        low, high = (levels[f"price_{x}"].to_numpy().astype(float) for x in ("low", "high"))
        far = np.log(mark / low) if side == "long" else np.log(high / mark)
        order = np.argsort(far)
        order = order[far[order] > 1e-12]
        flat = quote.reshape(-1, quote.shape[-1])[:, order]
        total = np.concatenate([np.zeros((flat.shape[0], 1)), np.cumsum(flat, axis=1)], axis=1)
        return cls(np.concatenate([[0.0], far[order]]), total.astype(np.float32))

    def passed(self, reached: FloatArray) -> NDArray[np.float32]:
        """Quote whose level is at most so far away, shape (draw, *reached*).

        Parameters
        ----------
        reached : ndarray, shape (path,)
            Adverse log moves; beyond the last edge all of the range counts.
        """
        x = np.clip(reached, 0.0, self.distance[-1])
        right = np.clip(np.searchsorted(self.distance, x), 1, self.distance.size - 1)
        step = self.distance[right] - self.distance[right - 1]
        part = ((x - self.distance[right - 1]) / step).astype(np.float32)
        return self.total[:, right - 1] * (1 - part) + self.total[:, right] * part


@dataclass(frozen=True)
class _Table:
    mean: FloatArray
    quantile: FloatArray
    of_process: FloatArray
    of_parameters: FloatArray
    process_share: FloatArray
    volatility_share: FloatArray
    expected: FloatArray
    p_positive: FloatArray
    outside: FloatArray

    def dataset(self, levels: xr.Dataset, horizons: tuple[str, ...]) -> xr.Dataset:
        unit = {"units": levels.attrs.get("quote_unit", "")}
        spread = ("quantile", "kind", "horizon")
        return xr.Dataset(
            {
                "mean": (spread[1:], self.mean, unit),
                "total": (spread, self.quantile, unit),
                "of_process": (spread, self.of_process, unit),
                "of_parameters": (spread, self.of_parameters, unit),
                "process_share": (spread[1:], self.process_share, _SHARE),
                "volatility_share": (spread[1:], self.volatility_share, _SHARE),
                "expected": (("chain", "draw", *spread[1:]), self.expected, unit),
                "p_positive": (spread[1:], self.p_positive, {"units": "probability"}),
                "outside": ("horizon", self.outside, {"units": "share of paths"}),
            },
            coords={
                "chain": levels["chain"],
                "draw": levels["draw"],
                "quantile": list(QUANTILES),
                "kind": list(KINDS),
                "horizon": list(horizons),
            },
            attrs=dict(levels.attrs),
        )


def _reduce(
    out: _Table,
    values: NDArray[np.float32],
    i: int,
    j: int,
    shape: tuple[int, int],
    *,
    sets: int,
    several: bool,
) -> None:
    """Fill horizon i and kind j from values (draw, path)."""
    over_paths, over_draws = (values.mean(axis=axis, dtype=float) for axis in (1, 0))
    out.expected[:, :, j, i] = over_paths.reshape(shape)
    out.mean[j, i] = over_paths.mean()
    out.of_process[:, j, i] = np.quantile(over_draws, QUANTILES)
    if KINDS[j] == "delta":
        out.p_positive[j, i] = np.mean(values > 0)
    if not several:
        # one book has no spread of its own; its paths have
        out.process_share[j, i] = np.nan
        return
    out.quantile[:, j, i] = np.quantile(values, QUANTILES)
    out.of_parameters[:, j, i] = np.quantile(over_paths, QUANTILES)
    price, book = values.var(axis=1, dtype=float).mean(), over_paths.var()
    if not price + book > 0:
        return
    volatility = _between(values, sets) if sets > 1 else 0.0
    out.process_share[j, i] = (price - volatility) / (price + book)
    if sets > 1:
        out.volatility_share[j, i] = volatility / (price + book)


def _between(values: NDArray[np.float32], sets: int) -> float:
    """Variance between sets of paths beyond that of their means' Monte Carlo error.

    Of values (draw, path), paths set by set; the mean over draws, 0 or more.
    """
    parts = values.reshape(values.shape[0], sets, -1)
    each = parts.shape[2]
    error = parts.var(axis=2, dtype=float).mean() / max(each - 1, 1)
    between = parts.mean(axis=2, dtype=float).var(axis=1, ddof=1).mean() - error
    # by this estimate all of price's variance at most
    return float(np.clip(between, 0.0, values.var(axis=1, dtype=float).mean()))
