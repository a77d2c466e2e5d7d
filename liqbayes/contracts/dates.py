"""Dates of venue rules: parsing and the choice of the rule in force."""

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from liqbayes.errors import InputError

type When = str | dt.date | dt.datetime | np.datetime64


class Dated(Protocol):
    """Anything with a date from which it holds; None means the date is not known."""

    @property
    def since(self) -> dt.datetime | None:
        """First moment (UTC) at which the rule holds."""


def as_utc(when: When) -> dt.datetime:
    """Return a point in time as a datetime in UTC without tzinfo.

    Parameters
    ----------
    when
        ISO 8601 string, date, datetime (pandas Timestamps are datetimes) or numpy datetime64.
        Values without a time zone are taken as UTC.

    Raises
    ------
    InputError
        If the value is no date, or is not a time (NaT).
    """
    value: object = when
    if isinstance(value, np.datetime64):
        if np.isnat(value):
            raise InputError("at=NaT is no date; give a date such as '2024-10-24'")
        value = value.astype("datetime64[us]").item()
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            raise InputError(
                f"{when!r} is no date; write ISO 8601 such as '2024-10-24' or "
                "'2021-03-18T09:00:00Z'"
            ) from None
    if isinstance(value, dt.datetime):
        if value != value:  # pandas.NaT is a datetime that differs from itself
            raise InputError("at=NaT is no date; give a date such as '2024-10-24'")
        if value.tzinfo is not None:
            value = value.astimezone(dt.UTC).replace(tzinfo=None)
        return dt.datetime(
            value.year,
            value.month,
            value.day,
            value.hour,
            value.minute,
            value.second,
            value.microsecond,
        )
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day)
    raise InputError(f"{when!r} is no date; give a string, a date, a datetime or a datetime64")


def in_force[D: Dated](rules: Sequence[D], at: When | None) -> tuple[D, str | None]:
    """Choose the last rule not after a date; before the first dated one, the first.

    Parameters
    ----------
    rules
        At least one rule, oldest first; an undated rule stands before all dated ones.
    at
        Date asked for; None takes the newest rule.

    Returns
    -------
    tuple
        The rule and a note, or None, saying in which way its date is uncertain.
    """
    if at is None:
        chosen = rules[-1]
    else:
        moment = as_utc(at)
        known = [rule for rule in rules if rule.since is None or rule.since <= moment]
        if not known:
            first = rules[0]
            return first, (
                f"no rule is known for {moment:%Y-%m-%d}; the first known one, in force from "
                f"{first.since:%Y-%m-%d}, is used"
            )
        chosen = known[-1]
    if chosen.since is None:
        return chosen, "the source does not date this rule"
    return chosen, None


def show(since: dt.datetime | None) -> str | None:
    """Write a date for a TOML or JSON file: the day alone if it is midnight."""
    if since is None:
        return None
    if (since.hour, since.minute, since.second, since.microsecond) == (0, 0, 0, 0):
        return since.date().isoformat()
    return since.isoformat()
