"""Equity and requirement of a position, written from the venues' words, not from the code."""

import math
from collections.abc import Callable
from typing import Any

from scipy.optimize import brentq

from liqbayes.contracts import Contract, contract_from_dict


def equity(kind: str, side: str, q: float, entry: float, margin: float, price: float) -> float:
    """Margin plus unrealised profit, in the settlement currency."""
    sign = 1 if side == "long" else -1
    if kind == "linear":
        return margin + sign * q * (price - entry)
    return margin + sign * q * (1 / entry - 1 / price)


def value(kind: str, q: float, price: float) -> float:
    """Position value in the settlement currency."""
    return q * price if kind == "linear" else q / price


def marginal(v: float, rows: list[tuple[float, float]]) -> float:
    """Maintenance margin charged bracket by bracket, like income tax (no amounts needed)."""
    total, below = 0.0, 0.0
    for cap, rate in rows:
        total += rate * max(0.0, min(v, cap) - below)
        below = cap
    return total


def first_breach(
    kind: str,
    side: str,
    q: float,
    entry: float,
    margin: float,
    requirement: Callable[[float], float],
) -> float:
    """Root of equity - requirement(price) on the adverse side; 0 or inf if there is none."""

    def gap(log_price: float) -> float:
        price = math.exp(log_price)
        return equity(kind, side, q, entry, margin, price) - requirement(price)

    start = math.log(entry)
    assert gap(start) > 0, "the position must be sound at entry"
    end = start + (-25.0 if side == "long" else 25.0)
    if gap(end) > 0:
        return 0.0 if side == "long" else math.inf
    return math.exp(brentq(gap, *sorted((start, end)), xtol=1e-15, rtol=1e-14, maxiter=500))


def made(kind: str, isolated: str, cross: str | None = None, **more: Any) -> Contract:
    """A contract with the given formulas and nothing else."""
    rule = {"isolated": isolated, "source": "test"} | ({"cross": cross} if cross else {})
    values = {
        "venue": "test",
        "symbol": "X",
        "kind": kind,
        "base": "BTC",
        "quote": "USD",
        "settle": "USD" if kind == "linear" else "BTC",
        "contract_size": 1.0,
        "funding_interval_hours": 8,
        "trigger_price": "mark",
        "formulas": [rule],
    }
    contract = contract_from_dict(values | more)
    assert isinstance(contract, Contract)
    return contract
