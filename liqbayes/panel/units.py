"""Conversion of quantities to the panel's unit, and checks that the units are what they say."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from liqbayes.contracts import AggregateContract, AnyContract
from liqbayes.errors import InputError
from liqbayes.panel.columns import Unit

Array = np.ndarray[Any, Any]

# No perpetual has ever had a trillion USD of open interest, or traded a hundred trillion a day:
# beyond these a quantity in quote currency was given as coins.
_MOST_OPEN_INTEREST = 1e12
_MOST_DAILY_VOLUME = 1e14
# Open interest that moves by many times the traded volume in a typical bar is in another unit.
_MOST_FLOW_PER_VOLUME = 5.0
# The whole open interest changing hands thousands of times a day: volume is in another unit.
_MOST_DAILY_TURNOVER = 5000.0


def wanted_unit(contract: AnyContract, name: str) -> str:
    """``"base"`` or ``"quote"``: the unit in which a quantity column is stored."""
    if name == "open_interest_linear":
        return "base"
    return "base" if contract.kind == "linear" else "quote"


def bar_price(
    prices: Mapping[str, Array],
    volume_base: Array | None,
    volume_quote: Array | None,
) -> tuple[Array, str]:
    """Price at which the flows of a bar convert between base and quote.

    Parameters
    ----------
    prices : mapping with (n,) arrays ``open``, ``high``, ``low``, ``close``
    volume_base, volume_quote : (n,) arrays, or None
        The venue's own volume in both units, where the file has it.

    Returns
    -------
    price : (n,) array
        ``volume_quote / volume_base`` where both are known and positive, else the OHLC mean.
    how : str
        What was used, for the provenance.

    Raises
    ------
    InputError
        If that ratio lies outside the bar's own price range in more than a tenth of the bars:
        one of the two columns is then not in the unit its name says.
    """
    mean = (prices["open"] + prices["high"] + prices["low"] + prices["close"]) / 4
    if volume_base is None or volume_quote is None:
        return mean, "OHLC mean of the bar"
    usable = (volume_base > 0) & (volume_quote > 0) & np.isfinite(mean)
    if not usable.any():
        return mean, "OHLC mean of the bar"
    ratio = np.divide(volume_quote, volume_base, out=np.full(len(mean), np.nan), where=usable)
    outside = usable & ((ratio > prices["high"] * 1.02) | (ratio < prices["low"] * 0.98))
    if outside.sum() > 0.1 * usable.sum():
        raise InputError(
            "volume_quote / volume_base lies outside the bar's price range in "
            f"{outside.sum()} of {usable.sum()} bars (median ratio "
            f"{np.median(ratio[usable]):.6g}, median price {np.median(mean[usable]):.6g}): one of "
            "them is in another unit. Name the right column, e.g. columns={'volume': "
            "'volume_base:contracts'}, or remove the wrong one."
        )
    return np.where(usable & ~outside, ratio, mean), "volume_quote / volume_base of the bar"


def instant_price(prices: Mapping[str, Array], offset_seconds: float, bar_seconds: int) -> Array:
    """Price at the instant at which open interest was read.

    At bar close that is the close. For an earlier stamp it is interpolated on the log scale
    between open and close, for a later one the close is the best known.
    """
    share = float(np.clip(1 + offset_seconds / bar_seconds, 0.0, 1.0))
    log_price = (1 - share) * np.log(prices["open"]) + share * np.log(prices["close"])
    return prices["close"] if share == 1.0 else np.asarray(np.exp(log_price))


def convert(
    values: Array, unit: Unit, contract: AnyContract, name: str, price: Array
) -> tuple[Array, str]:
    """Convert a quantity to the panel's unit.

    Parameters
    ----------
    values : (n,) array
    unit : {"base", "quote", "contracts", "panel"}
        Unit of `values`.
    contract : Contract or AggregateContract
    name : str
        Canonical column, because the legs of an aggregate have their own units.
    price : (n,) array
        Quote units per base coin at which base and quote are exchanged.

    Returns
    -------
    converted : (n,) array
    how : str
        ``"as given"`` or the rule, for the provenance.
    """
    wanted = wanted_unit(contract, name)
    if unit in ("panel", wanted):
        return values, "as given"
    if unit == "contracts":
        if isinstance(contract, AggregateContract):
            raise InputError(
                f"column {name!r} is in contracts, which {contract.name} cannot convert because "
                "its venues have different contract sizes. Give it in base or quote units."
            )
        size = contract.contract_size
        return values * size, f"contracts x {size:g} {contract.quantity_unit}"
    if wanted == "base":
        return values / price, "quote / price"
    return values * price, "base x price"


def check_units(
    columns: Mapping[str, Array],
    contract: AnyContract,
    bar_seconds: int,
    proxies: Mapping[str, str],
) -> None:
    """Refuse quantities that can only be in a unit other than the one stated.

    Raises
    ------
    InputError
        With the figure that is impossible and how to name the unit.
    """
    close = columns["close"]
    days = bar_seconds / 86_400
    unit = contract.quantity_unit
    remedy = "Name the unit of the source column, e.g. columns={{'{0}': 'SOURCE:quote'}}."

    def notional(name: str) -> float:
        if name not in columns:
            return np.nan
        values = columns[name] * close if contract.kind == "linear" else columns[name]
        return _median(values)

    if notional("open_interest") > _MOST_OPEN_INTEREST:
        raise InputError(
            f"open_interest is worth {notional('open_interest'):.3g} {contract.quote_unit} as "
            f"{unit}, more than any contract ever had: it is not in {unit}. "
            + remedy.format("open_interest")
        )
    if "volume" not in proxies and notional("volume") / days > _MOST_DAILY_VOLUME:
        raise InputError(
            f"volume is worth {notional('volume') / days:.3g} {contract.quote_unit} a day as "
            f"{unit}, more than any contract ever traded: it is not in {unit}. "
            + remedy.format("volume")
        )
    if "open_interest" not in columns or "volume" not in columns or "volume" in proxies:
        return
    flow = _median(np.abs(np.diff(columns["open_interest"])))
    volume = _median(columns["volume"])
    if flow > _MOST_FLOW_PER_VOLUME * volume > 0:
        raise InputError(
            f"a typical change of open_interest ({flow:.4g}) is {flow / volume:.3g} times the "
            f"typical volume ({volume:.4g}) of a bar: they are not both in {unit}. "
            + remedy.format("open_interest")
        )
    turnover = volume / days / _median(columns["open_interest"])
    if turnover > _MOST_DAILY_TURNOVER:
        raise InputError(
            f"the volume of a day is {turnover:.3g} times the open interest: they are not both "
            f"in {unit}. " + remedy.format("volume")
        )


def check_open_interest_pair(base: Array, quote: Array, close: Array) -> None:
    """Refuse open interest given in both units whose ratio is no price."""
    usable = (base > 0) & (quote > 0) & np.isfinite(close)
    if usable.sum() < 3:
        return
    ratio = _median(quote[usable] / base[usable] / close[usable])
    if not 0.8 < ratio < 1.25:
        raise InputError(
            f"open_interest_quote / open_interest_base is {ratio:.4g} times the close (median): "
            "one of them is in another unit. Name the right one, e.g. columns={'open_interest': "
            "'open_interest_base:contracts'}, or remove the wrong one."
        )


def _median(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")
