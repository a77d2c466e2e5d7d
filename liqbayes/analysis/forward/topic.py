"""The topic `forward` of an analysis."""

import numpy as np
import pandas as pd
import xarray as xr

from liqbayes.analysis.forward.ahead import KINDS, LARGEST_OUTSIDE, expected_liquidated
from liqbayes.analysis.forward.reach import reach_probability
from liqbayes.analysis.section import Section
from liqbayes.analysis.tables import chance
from liqbayes.analysis.workspace import Workspace
from liqbayes.errors import InputError

_TITLE = "Looking forward"
_LEFT_OUT = (
    "Levels standing now are run against price alone: positions opened, closed or moved before "
    "price gets there are left out, and so is what liquidations do to price. The longer the "
    "horizon, the more of them there are."
)
# Parts of the variance beside the book's.
_PARTS = {"process": "are price's", "volatility": "what is unknown of its volatility"}
_CONVENTION = (
    "a positive ΔL ahead (more long than short liquidations expected) is usually read as bearish."
)


def section(work: Workspace) -> Section:
    """Reach of moves, levels and clusters, and liquidations over horizons."""
    try:
        bars, reasons = work.horizons()
        paths = work.paths
    except InputError as error:
        return Section("forward", _TITLE, {}, (f"Not identified: {error}",))
    unknown = tuple(
        f"The horizon {name} is not identified: {reason}." for name, reason in reasons.items()
    )
    amounts = expected_liquidated(work.levels, paths, bars, closed=work.closed_share)
    quote = work.context.contract.quote_unit
    tables = {
        "moves": _moves(work, bars),
        "clusters": _clusters(work, bars),
        **amounts_tables(amounts),
        "levels": _levels(work, bars),
    }
    model = work.volatility
    about = (
        f"Paths: EGARCH of {model.moves.shape[0]} bars and a block bootstrap; a shock to log "
        f"variance halves in {model.half_life_hours:.3g} h, the next bar's standard deviation is "
        f"{100 * model.next_deviation:.3g} %."
    )
    return Section(
        "forward",
        _TITLE,
        tables,
        (about, *_of_moves(tables["moves"]), *_of_amounts(amounts, quote), _LEFT_OUT, *unknown),
        (_CONVENTION,),
        {
            "reach": "probability",
            "quote": quote,
            "liquidated": quote,
            "process": quote,
            "parameters": quote,
        },
    )


def amounts_tables(amounts: xr.Dataset) -> dict[str, pd.DataFrame]:
    """Rows of kind and horizon of what `expected_liquidated` returns, and where their spread is.

    In ``amounts`` the interval ``liquidated`` is that of price and book together; in ``spread``
    ``process`` is that of price at the mean book, ``parameters`` that of the mean over prices;
    ``process_share`` and ``volatility_share`` are parts of the variance, the book has the rest.
    """
    rows = []
    for horizon in amounts["horizon"].to_numpy():
        for kind in KINDS:
            at = amounts.sel(horizon=horizon, kind=kind)
            outside = float(at["outside"])
            row: dict[str, object] = {"horizon": horizon, "kind": kind, "mean": float(at["mean"])}
            for name, values in (
                ("liquidated", at["total"]),
                ("process", at["of_process"]),
                ("parameters", at["of_parameters"]),
            ):
                low, median, high = values.to_numpy()
                row |= {f"{name}_low": low, f"{name}_median": median, f"{name}_high": high}
            row["process_share"] = float(at["process_share"])
            row["volatility_share"] = float(at["volatility_share"])
            row["p_positive"] = float(at["p_positive"])
            row["outside"] = outside
            row["reason"] = (
                f"{100 * outside:.2g} % of paths leave the priced range; widen it"
                if outside > LARGEST_OUTSIDE
                else ""
            )
            rows.append(row)
    table = pd.DataFrame(rows)
    apart = [c for c in table if str(c).startswith(("process", "volatility", "parameters"))]
    return {
        "amounts": table.drop(columns=apart),
        "spread": table[["horizon", "kind", *apart]],
    }


def _reach_rows(
    reach: xr.DataArray, horizons: dict[str, int], name: str = "reach"
) -> dict[str, np.ndarray]:
    """Columns of a table whose rows are level by level, horizons within."""
    values = reach.to_numpy().reshape(-1, 3)
    columns = {f"{name}_{b}": values[:, i] for i, b in enumerate(("low", "median", "high"))}
    repeats = values.shape[0] // len(horizons)
    return {"horizon": np.tile(np.array(list(horizons), dtype=object), repeats), **columns}


def _moves(work: Workspace, bars: dict[str, int]) -> pd.DataFrame:
    mark = work.context.mark_price
    moves = np.array(work.options.moves)
    price = np.concatenate([mark * (1 - moves), mark * (1 + moves)])
    reach = reach_probability(work.paths, price, bars)
    n = len(bars)
    return pd.DataFrame(
        {
            "direction": np.repeat(["fall", "rise"], moves.size * n),
            "move": np.repeat(np.tile(moves, 2), n),
            "price": np.repeat(price, n),
            **_reach_rows(reach, bars),
        }
    )


def _levels(work: Workspace, bars: dict[str, int]) -> pd.DataFrame:
    """Reach and standing quote of each price bin, longs below the mark price and shorts above."""
    levels, mark = work.levels, work.context.mark_price
    price = levels["price"].to_numpy()
    side = np.where(price < mark, "long", "short")
    reach = reach_probability(work.paths, price, bars)
    chosen = levels["quote"].sel(side=xr.DataArray(side, dims="price"))
    spread = chosen.quantile([0.05, 0.5, 0.95], ("chain", "draw")).to_numpy()
    if levels.sizes["chain"] * levels.sizes["draw"] == 1:
        spread[[0, 2]] = np.nan
    n = len(bars)
    return pd.DataFrame(
        {
            "side": np.repeat(side, n),
            **{name: np.repeat(levels[name].to_numpy(), n) for name in ("price_low", "price_high")},
            "distance": np.repeat(np.abs(price / mark - 1), n),
            **{
                f"quote_{name}": np.repeat(spread[i], n)
                for i, name in enumerate(("low", "median", "high"))
            },
            **_reach_rows(reach, bars),
        }
    )


def _clusters(work: Workspace, bars: dict[str, int]) -> pd.DataFrame:
    """Reach of each cluster's near edge, and of its far edge: all of it passed."""
    parts = []
    for within, found in work.clusters.items():
        part = _reach_of(work, found, bars)
        part.insert(0, "within", within)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _reach_of(work: Workspace, found: xr.Dataset, bars: dict[str, int]) -> pd.DataFrame:
    side = found["side"].to_numpy()
    long = side == "long"
    low, high = (found[f"price_{x}"].to_numpy() for x in ("low", "high"))
    n = len(bars)
    mark = work.context.mark_price
    # the bin that holds the mark price has begun
    near = np.where(long, np.minimum(high, mark), np.maximum(low, mark))
    far = np.where(long, low, high)
    passed = _reach_rows(reach_probability(work.paths, far, bars), bars, "passed")
    del passed["horizon"]
    return pd.DataFrame(
        {
            "cluster": np.repeat(found["cluster"].to_numpy(), n),
            "side": np.repeat(side, n),
            "price_low": np.repeat(low, n),
            "price_high": np.repeat(high, n),
            "distance": np.repeat(found["distance"].to_numpy(), n),
            "in_top": np.repeat(chance(found["in_top"]).to_numpy(), n),
            **_reach_rows(reach_probability(work.paths, near, bars), bars),
            **passed,
        }
    )


def _of_moves(moves: pd.DataFrame) -> tuple[str, ...]:
    """One sentence a horizon: the move nearest to even odds of those that are asked for."""
    out = []
    for horizon, rows in moves.groupby("horizon", sort=False):
        parts = []
        for direction in ("fall", "rise"):
            own = rows[rows["direction"] == direction]
            row = own.iloc[int((own["reach_median"] - 0.25).abs().argmin())]
            parts.append(
                f"a {direction} of {100 * row['move']:g} % with probability "
                f"{row['reach_median']:.2g} ({row['reach_low']:.2g} to {row['reach_high']:.2g})"
            )
        out.append(f"Within {horizon} price sees {' and '.join(parts)}.")
    return tuple(out)


def _of_amounts(amounts: xr.Dataset, unit: str) -> tuple[str, ...]:
    out = []
    for horizon in amounts["horizon"].to_numpy():
        at = amounts.sel(horizon=horizon)
        mean = at["mean"].to_numpy()
        if not np.isfinite(mean).all():
            out.append(
                f"Liquidations within {horizon} are not identified: "
                f"{100 * float(at['outside']):.2g} % of paths leave the priced range; widen it."
            )
            continue
        parts = []
        for j, kind in enumerate(KINDS):
            low, _, high = at["total"].sel(kind=kind).to_numpy()
            spread = f"{_short(low)} to {_short(high)}"
            if not np.isfinite(low):
                low, _, high = at["of_process"].sel(kind=kind).to_numpy()
                spread = f"{_short(low)} to {_short(high)} of price alone: one book"
            parts.append(f"{'ΔL' if kind == 'delta' else kind} {_short(mean[j])} ({spread})")
        told = _told({name: float(at[f"{name}_share"].sel(kind="delta")) for name in _PARTS})
        out.append(f"Mean liquidations within {horizon}, {unit}: {', '.join(parts)}{told}.")
    return tuple(out)


def _told(shares: dict[str, float]) -> str:
    """Whose the variance of ΔL is."""
    known = {name: share for name, share in shares.items() if share == share}
    if not known:
        return ""
    parts = [f"{100 * share:.0f} % {_PARTS[name]}" for name, share in known.items()]
    rest = 100 * (1 - sum(known.values()))
    return f"; of the variance of ΔL {', '.join(parts)} and {rest:.0f} % the book's"


def _short(value: float) -> str:
    """Three digits with a suffix; less than half a unit is none."""
    for limit, suffix in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{suffix}"
    return "0" if abs(value) < 0.5 else f"{value:.3g}"
