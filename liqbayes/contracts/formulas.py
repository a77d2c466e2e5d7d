"""Liquidation-price formulas of the venues, as pure array functions.

Every formula solves "equity = maintenance requirement" for the price p. With s = +1 for a
long and -1 for a short, quantity Q (base coin if linear, USD if inverse), entry price E,
margin W, maintenance rate m and amount c:

linear   W + s Q (p - E)     = requirement in the quote currency
inverse  W + s Q (1/E - 1/p) = requirement in the base coin

They differ in what the requirement is: valued at the liquidation price (`at_liquidation`) or
at entry, with or without the closing fee f. A long is liquidated at p <= price, a short at
p >= price; 0 for a long and inf for a short therefore mean "never".
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Terms:
    """Arguments of a formula, already broadcast against each other.

    `margin` is the equity at entry; `extra` the part of it added beyond the initial margin.
    """

    s: Array
    q: Array
    entry: Array
    margin: Array
    m: Array
    c: Array
    fee: Array
    extra: Array
    size_rate: float


@dataclass(frozen=True, slots=True)
class Formula:
    """A venue's liquidation formula and its inverse.

    Attributes
    ----------
    name, kind
        Name used in contract files; "linear" or "inverse".
    at_liquidation
        Whether the requirement is valued at the liquidation price (else at entry).
    uses_fee
        Whether the taker fee enters.
    splits_margin
        Whether margin added beyond the initial margin counts differently.
    fees_in_margin
        Multiple of fee times value at entry that the venue adds to value/leverage to form the
        position margin.
    fees_reserved
        Multiple of fee times value at entry in an isolated margin that is kept for fees and
        does not carry losses (bankruptcy price).
    price
        Liquidation price of `Terms`.
    margin
        Margin W that gives a liquidation price (extra = 0).
    source
        Where the formula is stated, and what it was checked with.
    """

    name: str
    kind: str
    at_liquidation: bool
    uses_fee: bool
    price: Callable[[Terms], Array]
    margin: Callable[[Terms, Array], Array]
    source: str
    splits_margin: bool = False
    fees_in_margin: float = 0.0
    fees_reserved: float = 0.0


def _positive(price: Array) -> Array:
    return np.maximum(price, 0.0)


def _invert(numerator: Array, denominator: Array, s: Array) -> Array:
    """Return numerator/denominator where it is positive, inf where no price exists."""
    valid = numerator * denominator > 0
    return np.where(valid, numerator / np.where(valid, denominator, 1.0), np.inf)


def _linear(t: Terms, rate: Array) -> Array:
    return _positive((t.margin + t.c - t.s * t.q * t.entry) / (t.q * (rate - t.s)))


def _linear_margin(t: Terms, rate: Array, p: Array) -> Array:
    return t.q * p * rate - t.c - t.s * t.q * (p - t.entry)


def _linear_entry(t: Terms, rate: Array) -> Array:
    maintenance = t.q * t.entry * rate - t.c
    return _positive(t.entry - t.s * (t.margin - maintenance) / t.q)


def _linear_entry_margin(t: Terms, rate: Array, p: Array) -> Array:
    return t.q * t.entry * rate - t.c - t.s * t.q * (p - t.entry)


def _inverse(t: Terms, rate: Array) -> Array:
    return _invert(t.q * (rate + t.s), t.margin + t.c + t.s * t.q / t.entry, t.s)


def _inverse_margin(t: Terms, rate: Array, p: Array) -> Array:
    return t.q / p * rate - t.c - t.s * t.q * (1 / t.entry - 1 / p)


def _inverse_entry(t: Terms, rate: Array) -> Array:
    maintenance = t.q / t.entry * rate - t.c
    return _invert(t.q, t.q / t.entry + t.s * (t.margin - maintenance), t.s)


def _inverse_entry_margin(t: Terms, rate: Array, p: Array) -> Array:
    return t.q / t.entry * rate - t.c - t.s * t.q * (1 / t.entry - 1 / p)


def _bybit_b(t: Terms) -> Array:
    initial = t.margin - t.extra
    held = initial + t.extra / (1 + t.s * t.fee) + t.c
    return _invert(t.q * (1 + t.s * t.m), t.q / t.entry + t.s * held, t.s)


def _bybit_b_margin(t: Terms, p: Array) -> Array:
    return t.s * (t.q * (1 + t.s * t.m) / p - t.q / t.entry) - t.c


def _bybit_cross(t: Terms) -> Array:
    value = t.q / t.entry
    closing = t.fee * (value + t.s * t.margin) / (1 + t.s * t.fee)  # fee at bankruptcy price
    return _invert(t.q, value + t.s * (t.margin - value * t.m + t.c - closing), t.s)


def _bybit_cross_margin(t: Terms, p: Array) -> Array:
    value = t.q / t.entry
    grown = 1 + t.s * t.fee
    return grown * (t.s * (t.q / p - value) + value * t.m - t.c + t.fee * value / grown)


def _inverse_size(t: Terms) -> Array:
    # Maintenance rate m + b * (Q/p): with x = 1/p, b Q^2 x^2 + (m + s) Q x - (W + sQ/E) = 0.
    b = t.size_rate
    if b == 0.0:
        return _inverse(t, t.m)
    linear = t.m + t.s
    constant = t.margin + t.c + t.s * t.q / t.entry
    disc = linear**2 + 4 * b * constant
    root = np.sqrt(np.maximum(disc, 0.0))
    # The root reached first from entry, written without cancellation.
    x = 2 * constant / (t.q * (linear + t.s * root))
    # A short so large that no price satisfies the requirement is liquidated at any price.
    valid = (x > 0) & (disc >= 0)
    price = np.where(valid, 1 / np.where(valid, x, 1.0), np.inf)
    return np.where((t.s < 0) & (disc < 0), 0.0, price)


def _inverse_size_margin(t: Terms, p: Array) -> Array:
    return _inverse_margin(t, t.m + t.size_rate * t.q / p, p)


def _fee1(t: Terms) -> Array:
    return t.m + t.fee


def _fee2(t: Terms) -> Array:
    return t.m + 2 * t.fee


_ALL = (
    Formula(
        "linear",
        "linear",
        True,
        False,
        lambda t: _linear(t, t.m),
        lambda t, p: _linear_margin(t, t.m, p),
        "Binance FAQ 'How to calculate liquidation price of USD-M futures contracts' with its "
        "worked numbers in freqtrade tests/exchange/test_binance.py; Hyperliquid docs "
        "'Liquidations' and dYdX v4 docs 'Isolated liquidation price' are the same identity",
    ),
    Formula(
        "linear_fee",
        "linear",
        True,
        True,
        lambda t: _linear(t, _fee1(t)),
        lambda t, p: _linear_margin(t, _fee1(t), p),
        "Gate help centre and OKX, numbers in freqtrade tests/exchange/test_exchange.py",
    ),
    Formula(
        "linear_entry",
        "linear",
        False,
        False,
        lambda t: _linear_entry(t, t.m),
        lambda t, p: _linear_entry_margin(t, t.m, p),
        "Bybit help centre 'Liquidation Price (USDT Contract)', examples 1 and 2",
    ),
    Formula(
        "bitmex_linear",
        "linear",
        False,
        True,
        lambda t: _linear_entry(t, _fee2(t)),
        lambda t, p: _linear_entry_margin(t, _fee2(t), p),
        "BitMEX position samples (posMargin, posMaint, liquidationPrice), ETHUSDT 2022: "
        "posMaint = value * (m + 2 * taker + funding), posMargin = value * (1/leverage + "
        "2 * taker)",
        fees_in_margin=2.0,
        fees_reserved=2.0,
    ),
    Formula(
        "inverse",
        "inverse",
        True,
        False,
        lambda t: _inverse(t, t.m),
        lambda t, p: _inverse_margin(t, t.m, p),
        "Binance FAQ 'How to calculate liquidation price of COIN-M futures contracts' (2021-02-05)",
    ),
    Formula(
        "inverse_fee",
        "inverse",
        True,
        True,
        lambda t: _inverse(t, _fee1(t)),
        lambda t, p: _inverse_margin(t, _fee1(t), p),
        "OKX help centre 'Tiered maintenance margin ratio rules' (equity at most maintenance "
        "margin plus liquidation fee); Gate customer answer of 2023-07 for inverse contracts",
    ),
    Formula(
        "inverse_entry",
        "inverse",
        False,
        False,
        lambda t: _inverse_entry(t, t.m),
        lambda t, p: _inverse_entry_margin(t, t.m, p),
        "Bybit help centre 'Liquidation price calculation under isolated mode (UTA)', copy of "
        "2024, short example of 60,000 USD",
    ),
    Formula(
        "bybit_inverse_2026",
        "inverse",
        True,
        True,
        _bybit_b,
        _bybit_b_margin,
        "Bybit help centre 'Liquidation price calculation under isolated mode (UTA)', copy of "
        "2026-05-27",
        splits_margin=True,
    ),
    Formula(
        "bybit_inverse_cross_2020",
        "inverse",
        False,
        True,
        _bybit_cross,
        _bybit_cross_margin,
        "Bybit help centre 'How to calculate liquidation price (inverse contract)', 2020, "
        "example of 10,000 contracts at 8,000 USD",
    ),
    Formula(
        "bitmex_inverse",
        "inverse",
        False,
        True,
        lambda t: _inverse_entry(t, _fee2(t)),
        lambda t, p: _inverse_entry_margin(t, _fee2(t), p),
        "BitMEX: same requirement as bitmex_linear, valued in XBT; fits the XBTUSD position of "
        "2021-07-11 (entry 33,669.35, liquidation 20,288, bankruptcy 20,226)",
        fees_reserved=2.0,
    ),
    Formula(
        "inverse_size",
        "inverse",
        True,
        False,
        _inverse_size,
        _inverse_size_margin,
        "Deribit announcement of 2022-01-11: maintenance rate grows with the position in coin; "
        "account with this one position",
    ),
)

FORMULAS: dict[str, Formula] = {formula.name: formula for formula in _ALL}
