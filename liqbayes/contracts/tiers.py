"""Maintenance-margin tiers: one dated table of a contract, its checks and its look-ups."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liqbayes.errors import InputError, NotDeterminedError

Array = NDArray[np.float64]

TIER_UNITS = ("quote", "base", "contracts")
DEDUCTIONS = ("cumulative", "none")
# Tables are published with amounts rounded to a cent or a satoshi.
RECURRENCE_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier; `cap` None is open-ended, a rate of None is not determined.

    Attributes
    ----------
    cap
        Largest position size of the tier, in the unit of the table.
    maintenance_rate
        Maintenance margin as a fraction of the position's value.
    maintenance_amount
        Amount taken off rate times value (settlement currency).
    max_leverage
        Largest leverage; the initial margin rate is its inverse.
    """

    cap: float | None
    maintenance_rate: float | None
    maintenance_amount: float
    max_leverage: float | None


@dataclass(frozen=True, slots=True)
class TierTable:
    """Maintenance-margin tiers in force from a date.

    Attributes
    ----------
    since
        Start (UTC); None if the source does not date the table.
    unit
        What `cap` counts: "quote" (position value in the quote currency), "base" (value in
        the base coin) or "contracts".
    deductions
        "cumulative": the margin is `rate * value - amount`, continuous in the value.
        "none": the rate of the tier applies to the whole position, the tier being the one of
        the position's value at entry.
    complete
        Whether the last tier is known to be the venue's last.
    step
        Beyond the last tier, every further `step` of size adds `step_rate` to the
        maintenance and the initial margin rate (BitMEX); 0 if there are no such steps.
    size_rate
        Added to the maintenance and the initial margin rate per base coin of position size
        (Deribit).
    """

    since: dt.datetime | None
    unit: str
    deductions: str
    tiers: tuple[Tier, ...]
    complete: bool
    source: str
    note: str = ""
    step: float = 0.0
    step_rate: float = 0.0
    size_rate: float = 0.0

    @property
    def caps(self) -> Array:
        """Upper ends of the tiers; inf where a tier is open-ended."""
        return np.array([np.inf if t.cap is None else t.cap for t in self.tiers])

    @property
    def rates(self) -> Array:
        """Maintenance rates of the tiers; NaN where not determined."""
        return np.array(
            [np.nan if t.maintenance_rate is None else t.maintenance_rate for t in self.tiers]
        )

    @property
    def amounts(self) -> Array:
        """Maintenance amounts of the tiers."""
        return np.array([t.maintenance_amount for t in self.tiers])

    def index(self, size: Array, *, name: str) -> NDArray[np.intp]:
        """Return the tier number of each position size (in the table's unit).

        A size equal to a cap belongs to the lower tier.

        Raises
        ------
        InputError
            A size beyond the last tier of a complete table.
        NotDeterminedError
            A size beyond what is known of an incomplete table.
        """
        caps = self.caps
        found = np.searchsorted(caps, size, side="left")
        if self.step == 0.0:
            # Conversions such as USD / price round; a size at the cap is inside.
            beyond = size > caps[-1] * (1 + 1e-12)
            if np.any(beyond):
                largest = float(np.max(size))
                unit = self.unit
                if self.complete:
                    raise InputError(
                        f"{name}: a position of {largest:,.8g} ({unit}) is beyond the last margin "
                        f"tier, which ends at {caps[-1]:,.8g}; reduce the quantity"
                    )
                raise NotDeterminedError(
                    f"{name}: margin tiers are not determined beyond {caps[-1]:,.8g} ({unit}), "
                    f"the position has {largest:,.8g}; pass maintenance_margin_rate= (and "
                    f"maintenance_amount=) to override. Source read: {self.source}"
                )
        return np.minimum(found, len(self.tiers) - 1)

    def steps(self, size: Array) -> Array:
        """Return how many steps beyond the last tier each size lies (0 without steps)."""
        if self.step == 0.0:
            return np.zeros_like(size)
        return np.asarray(np.ceil(np.maximum(size - self.caps[-1], 0.0) / self.step - 1e-12))

    def max_leverage(self, size: Array, base_size: Array, *, name: str) -> Array:
        """Return the largest leverage allowed at each size; inf where not determined."""
        levels = np.array(
            [np.inf if t.max_leverage is None else t.max_leverage for t in self.tiers]
        )
        limit = levels[self.index(size, name=name)]
        known = np.isfinite(limit)
        extra = self.steps(size) * self.step_rate + base_size * self.size_rate
        initial = 1.0 / np.where(known, limit, 1.0) + extra
        return np.asarray(np.where(known, 1.0 / initial, np.inf))

    def check(self, where: str) -> None:
        """Check order and recurrence of the table.

        With cumulative deductions every table obeys
        c_k = c_{k-1} + cap_{k-1} (m_k - m_{k-1}), which makes the margin continuous.

        Raises
        ------
        InputError
            Naming the row that breaks a rule.
        """
        caps, rates = self.caps, self.rates
        for k in range(1, len(self.tiers)):
            if not caps[k] > caps[k - 1]:
                raise InputError(
                    f"{where}.rows[{k}].cap: {caps[k]:,.8g} is not above the cap before it, "
                    f"{caps[k - 1]:,.8g}; list the tiers from the smallest cap up"
                )
            if rates[k] < rates[k - 1]:
                raise InputError(
                    f"{where}.rows[{k}].maintenance_rate: {rates[k]:g} is below the rate before "
                    f"it, {rates[k - 1]:g}; larger positions never need a lower rate"
                )
        amounts = self.amounts
        if self.deductions == "none":
            if np.any(amounts != 0):
                raise InputError(
                    f'{where}: amounts are given but deductions = "none"; '
                    'set deductions = "cumulative" or remove them'
                )
            return
        expected = recurrence(self)
        for k, (given, due) in enumerate(zip(amounts, expected, strict=True)):
            if np.isfinite(due) and abs(given - due) > RECURRENCE_TOLERANCE * max(1.0, abs(due)):
                raise InputError(
                    f"{where}.rows[{k}].amount: {given:,.8g} breaks the recurrence "
                    f"c_k = c_(k-1) + cap_(k-1) (m_k - m_(k-1)), which gives {due:,.8g}; "
                    "correct the amount, the rates or the caps"
                )


def recurrence(table: TierTable) -> Array:
    """Return the maintenance amounts that make the margin continuous in the position size."""
    rates, caps = table.rates, table.caps
    amounts = np.zeros(len(table.tiers))
    for k in range(1, len(amounts)):
        amounts[k] = amounts[k - 1] + caps[k - 1] * (rates[k] - rates[k - 1])
    return amounts
