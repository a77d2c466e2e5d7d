"""Distance from anchor to liquidation level and effective leverage.

Effective leverage is *defined* here by the level at zero maintenance margin: a position of
leverage L whose margin is 1/L of its value at the anchor is worth nothing at the level. For a
linear contract the margin is in the quote currency, for an inverse one in the base coin, so
the same leverage lies at different distances.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from liqbayes.errors import InputError

KINDS = ("linear", "inverse")
SIDES = ("long", "short")


def _check(kind: str, side: str) -> None:
    if kind not in KINDS:
        raise InputError(f"kind={kind!r}; a contract is one of {', '.join(KINDS)}")
    if side not in SIDES:
        raise InputError(f"side={side!r}; a side is one of {', '.join(SIDES)}")


def level_log_offset(kind: str, side: str, leverage: ArrayLike) -> NDArray[np.float64]:
    """Return log(level / anchor) of a position at zero maintenance margin.

    Parameters
    ----------
    kind
        "linear" or "inverse".
    side
        "long" or "short".
    leverage
        Effective leverage, above 0 (any shape; inf allowed).

    Returns
    -------
    ndarray
        Shape of `leverage`. linear long log(1 - 1/L), -inf if L <= 1; linear short
        log(1 + 1/L); inverse long log(L/(L + 1)); inverse short log(L/(L - 1)), +inf if
        L <= 1.

    Notes
    -----
    The zero-margin (bankruptcy) price: equity W + sQ(p - E) = 0 with W = QE/L (linear), or
    W + sQ(1/E - 1/p) = 0 with W = Q/(EL) (inverse).
    """
    _check(kind, side)
    lev = np.asarray(leverage, dtype=np.float64)
    if not np.all(lev > 0):
        raise InputError("leverage must be above 0 everywhere (NaN is not accepted)")
    inv = 1.0 / lev
    if kind == "linear":
        if side == "short":
            return np.asarray(np.log1p(inv))
        reachable = inv < 1.0
        return np.asarray(np.where(reachable, np.log1p(-np.where(reachable, inv, 0.0)), -np.inf))
    if side == "long":
        return np.asarray(-np.log1p(inv))
    reachable = inv < 1.0
    return np.asarray(np.where(reachable, -np.log1p(-np.where(reachable, inv, 0.0)), np.inf))


def leverage_from_level(kind: str, side: str, ratio: ArrayLike) -> NDArray[np.float64]:
    """Return the effective leverage whose level lies at `ratio` = level / anchor.

    The inverse of `level_log_offset` on the side where levels can lie.

    Parameters
    ----------
    kind, side
        As in `level_log_offset`.
    ratio
        level / anchor, 0 or above (any shape); inf is a short that is never liquidated.

    Returns
    -------
    ndarray
        Effective leverage; inf for a level at the anchor, NaN where no leverage exists (a
        level on the profit side of the anchor). A linear long at ratio 0 and an inverse short
        at ratio inf give 1, the largest leverage without a level; a linear short at ratio inf
        and an inverse long at ratio 0 give 0.
    """
    _check(kind, side)
    rho = np.asarray(ratio, dtype=np.float64)
    if not np.all(rho >= 0):
        raise InputError("ratio = level / anchor must be 0 or above everywhere (no NaN)")
    valid = rho <= 1.0 if side == "long" else rho >= 1.0
    # Work with x = 1/ratio for inverse contracts: there the payoff is linear in x.
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = np.abs(1.0 - rho) if kind == "linear" else np.abs(1.0 - 1.0 / rho)
        lev = 1.0 / gap
    return np.asarray(np.where(valid, lev, np.nan))
