"""Zones: who entered where, as a profile of open interest by entry price.

Every contract has a long and a short side, so that over all prices the two sums are equal; by entry
price they differ where one side has left more than the other since. Net position delta at an entry
price is long minus short.
"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from liqbayes import outputs
from liqbayes.analysis.section import Section
from liqbayes.analysis.tables import amount, chance, percent, place_cautions, price, put, rows
from liqbayes.conventions import PRICE_RANGE
from liqbayes.errors import InputError
from liqbayes.outputs.context import KINDS

if TYPE_CHECKING:
    from liqbayes.analysis.workspace import Workspace

FloatArray = NDArray[np.float64]

#: Price bins of the aggregated profile: 0.7 % each over the usual range.
PROFILE_BINS = 200
#: Probability of a sign from which a price belongs to a zone of that sign.
SURE = 0.9
# Bins that hold less than this share of both sides in the median are left out of the table.
_NOTHING = 1e-4
CONVENTIONS = (
    "where longs entered more than shorts (positive delta) is read as support, where shorts did as "
    "resistance; nothing here was tested for it.",
)


def entry_zones(
    fit: xr.DataTree,
    *,
    bins: int = PROFILE_BINS,
    price_range: tuple[float, float] = PRICE_RANGE,
    kind: str = "realised",
    group: str = "posterior",
    seed: int = 1,
    levels: xr.Dataset | None = None,
) -> xr.Dataset:
    """Open interest of each side by entry price, net delta, share in profit and cost basis.

    `entry_price_distribution` is the expectation given the parameters. A real book is lumpy: with
    ``N`` effective positions its shares of the price bins are Dirichlet with ``N`` times the
    expected shares (Ferguson 1973, doi 10.1214/aos/1176342360), as for the levels. The two sides
    are drawn apart, each with its own ``N``, and so are levels and entries of a draw.

    Parameters
    ----------
    fit : DataTree
    bins, price_range
        Log-spaced grid around the last price.
    kind : {"realised", "expected"}
        With or without lumps; a rule's book has none.
    group : {"posterior", "prior"}
    seed : int
        Of the lumps.
    levels : Dataset, optional
        As `liqbayes.liquidation_levels` returns it for the same fit and group: saves computing what
        the sides hold in all.

    Returns
    -------
    Dataset
        ``quantity`` (chain, draw, side, price) in the contract's unit, ``delta`` (chain, draw,
        price) long minus short; (chain, draw, side): ``below`` and ``above`` (quantity entered
        outside the grid), ``in_profit`` (share of the side's quantity whose entry is on the
        winning side of the last price), ``cost_basis`` (average entry price, quote over base) and
        ``prior_book`` (share from before the first modelled bar, whose entries are a guess). NaN
        on a side on which a rule's book is empty. ``total`` is the side's quantity.

    Raises
    ------
    InputError
        On an unknown kind or group, or a grid that is none.
    """
    if kind not in KINDS:
        raise InputError(f"kind is {kind!r}; use one of {', '.join(KINDS)}.")
    entry = outputs.entry_price_distribution(fit, bins=bins, price_range=price_range, group=group)
    book = levels
    if book is None:
        book = outputs.liquidation_levels(fit, bins=2, kind="expected", group=group)
    total = book["quantity"].sum("price") + book["below"] + book["above"] + book["none"]
    parts = np.concatenate(
        [
            entry["below"].to_numpy()[..., None],
            entry["share"].to_numpy(),
            entry["above"].to_numpy()[..., None],
        ],
        axis=-1,
    )
    drawn = parts
    positions = fit[group].to_dataset().get("effective_positions")
    if kind == "realised" and positions is not None:
        drawn = _lumpy(parts, positions.transpose("chain", "draw", "side").to_numpy(), seed)
    quantity = drawn * total.transpose("chain", "draw", "side").to_numpy()[..., None]
    dims = ("chain", "draw", "side")
    unit = {"units": entry.attrs["unit"]}
    inner = quantity[..., 1:-1]
    return xr.Dataset(
        {
            "quantity": ((*dims, "price"), inner, unit),
            "delta": (("chain", "draw", "price"), inner[:, :, 0] - inner[:, :, 1], unit),
            "below": (dims, quantity[..., 0], unit),
            "above": (dims, quantity[..., -1], unit),
            "total": (dims, total.transpose(*dims).to_numpy(), unit),
            "in_profit": (dims, _in_profit(drawn, entry)),
            "cost_basis": (dims, _cost_basis(drawn, parts, entry)),
            "prior_book": entry["prior_book"],
        },
        coords={name: entry[name] for name in entry.coords},
        attrs={**entry.attrs, "kind": kind if positions is not None else "expected"},
    )


def net_zones(zones: xr.Dataset, *, sure: float = SURE) -> xr.Dataset:
    """Contiguous prices at which the sign of the net delta is known.

    A bin belongs to a zone if its delta is positive (or negative) in at least ``sure`` of the
    draws; the probability is of each bin by itself, not of all at once.

    Parameters
    ----------
    zones : Dataset
        As `entry_zones` returns it.
    sure : float

    Returns
    -------
    Dataset
        ``delta`` (chain, draw, zone); coordinates ``price_low``, ``price_high`` and ``sign``
        ("long" or "short": who holds more). No zones of a single draw: it knows every sign.
    """
    probability = chance(zones["delta"] > 0).to_numpy()
    low, high = zones["price_low"].to_numpy(), zones["price_high"].to_numpy()
    delta = zones["delta"].to_numpy()
    # an empty bin has no sign: neither side can be ahead in it
    negative = chance(zones["delta"] < 0).to_numpy()
    found = []
    for sign, sides in (("long", probability >= sure), ("short", negative >= sure)):
        edge = np.diff(sides.astype(int), prepend=0, append=0)
        starts, stops = np.flatnonzero(edge == 1), np.flatnonzero(edge == -1)
        found += [(int(a), int(b), sign) for a, b in zip(starts, stops, strict=True)]
    found.sort()
    values = [delta[:, :, a:b].sum(axis=2) for a, b, _ in found]
    stacked = np.stack(values, axis=2) if values else np.zeros((*delta.shape[:2], 0))
    return xr.Dataset(
        {"delta": (("chain", "draw", "zone"), stacked, zones["delta"].attrs)},
        coords={
            "chain": zones["chain"],
            "draw": zones["draw"],
            "zone": np.arange(len(found)),
            "price_low": ("zone", low[[a for a, _, _ in found]]),
            "price_high": ("zone", high[[b - 1 for _, b, _ in found]]),
            "sign": ("zone", np.array([s for _, _, s in found], dtype=object)),
        },
        attrs={**zones.attrs, "sure": sure},
    )


def section(work: "Workspace") -> Section:
    """Profile by entry price, zones of known sign, cost basis and share in profit."""
    zones = entry_zones(work.thinned, price_range=work.options.price_range, seed=work.options.seed)
    known = net_zones(zones)
    table = pd.DataFrame({name: known[name].to_numpy() for name in _ZONE_COLUMNS})
    put(table, "delta", known["delta"])
    unit = str(zones.attrs["unit"])
    sides = sides_table(zones)
    return Section(
        "zones",
        "Zones of entry prices",
        {"sides": sides, "zones": table, "profile": profile_table(zones)},
        tuple(_sentences(sides, table, unit)),
        CONVENTIONS,
        {
            "delta": unit,
            "long": unit,
            "short": unit,
            "cost_basis": str(zones.attrs["quote_unit"]),
            "in_profit": "share of the side's open interest",
            "prior_book": "share of the side's open interest",
        },
        place_cautions(work.fit),
    )


def sides_table(zones: xr.Dataset) -> pd.DataFrame:
    """One row a side: cost basis, its distance from the last price, in_profit and prior_book.

    ``gain`` is what the side has won or lost a unit, as a fraction of its cost basis: last price
    over cost basis minus one for longs, with the opposite sign for shorts.
    """
    sides = [str(s) for s in zones["side"].to_numpy()]
    table = pd.DataFrame({"side": sides})
    sign = xr.DataArray([1.0 if s == "long" else -1.0 for s in sides], dims="side")
    gain = sign * (zones.attrs["mark_price"] / zones["cost_basis"] - 1.0)
    for name, draws in (
        ("cost_basis", zones["cost_basis"]),
        ("gain", gain.transpose("chain", "draw", "side")),
        ("in_profit", zones["in_profit"]),
        ("prior_book", zones["prior_book"]),
    ):
        put(table, name, draws)
    return table


def profile_table(zones: xr.Dataset) -> pd.DataFrame:
    """One row a price bin with entries: long, short and delta (low, median, high), p_positive."""
    table = pd.DataFrame({name: zones[name].to_numpy() for name in ("price_low", "price_high")})
    for side in ("long", "short"):
        put(table, side, zones["quantity"].sel(side=side))
    put(table, "delta", zones["delta"])
    table["p_positive"] = chance(zones["delta"] > 0).to_numpy()
    least = _NOTHING * zones["total"].median(("chain", "draw"))
    middle = zones["quantity"].median(("chain", "draw"), skipna=False)
    # unknown is kept: only what is known to be next to nothing is left out
    some = (~(middle < least)).any("side").to_numpy()
    return table[some].reset_index(drop=True)


_ZONE_COLUMNS = ("price_low", "price_high", "sign")


def _sentences(sides: pd.DataFrame, zones: pd.DataFrame, unit: str) -> list[str]:
    out = [
        f"{row.side.capitalize()}s paid "
        f"{price(row, 'cost_basis')} on average; "
        f"{percent(row, 'in_profit')} of their open "
        "interest is in profit; "
        f"{percent(row, 'prior_book')} was open "
        "before the first modelled bar."
        for row in rows(sides)
    ]
    if zones.empty:
        out.append(
            f"At no entry price is it known with probability {SURE:g} which side holds more."
        )
    for row in rows(zones):
        other = "shorts" if row.sign == "long" else "longs"
        out.append(
            f"Between {row.price_low:.6g} and {row.price_high:.6g} {row.sign}s hold more than "
            f"{other}: {amount(row, 'delta', unit)} net."
        )
    return out


def _lumpy(shares: FloatArray, positions: FloatArray, seed: int) -> FloatArray:
    """Dirichlet draws around shares (chain, draw, side, part) that sum to one."""
    rng = np.random.default_rng([seed, 11])
    weight = rng.standard_gamma(np.maximum(positions[..., None] * shares, 0.0))
    total = weight.sum(axis=-1, keepdims=True)
    return np.asarray(np.where(total > 0, weight / np.where(total > 0, total, 1.0), shares))


def _in_profit(drawn: FloatArray, entry: xr.Dataset) -> FloatArray:
    """Share of each side that entered on the winning side of the last price."""
    low, high = np.log(entry["price_low"].to_numpy()), np.log(entry["price_high"].to_numpy())
    mark = np.log(entry.attrs["mark_price"])
    under = np.clip((mark - low) / (high - low), 0.0, 1.0)
    # the last price splits its bin; entries below the grid are below it
    weight = np.concatenate([[1.0], under, [0.0]])
    below = drawn @ weight
    total = drawn.sum(axis=-1)
    out = np.stack([below[..., 0], total[..., 1] - below[..., 1]], axis=-1)
    return np.asarray(np.clip(out, 0.0, 1.0))


def _cost_basis(drawn: FloatArray, expected: FloatArray, entry: xr.Dataset) -> FloatArray:
    """Average entry price of the drawn book: the expected one, moved by what the lumps move."""
    low, high = entry["price_low"].to_numpy(), entry["price_high"].to_numpy()
    at = np.concatenate([low[:1], np.sqrt(low * high), high[-1:]])
    basis = entry["vwap"].transpose("chain", "draw", "side").to_numpy()
    if entry.attrs["unit"] == "USD":
        return np.asarray(1.0 / (1.0 / basis + (drawn - expected) @ (1.0 / at)))
    return np.asarray(basis + (drawn - expected) @ at)
