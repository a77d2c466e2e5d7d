"""Stamps: from whatever a file holds to bar-open UTC without zone, on a regular grid."""

import re
from typing import Any, cast

import numpy as np
import pandas as pd

from liqbayes.errors import InputError
from liqbayes.panel.rows import join_some, name_rows

TIME_COLUMNS = ("timestamp", "time", "open_time", "date")
MIN_BARS = 3
SECOND = 1_000_000_000
_WEEK = 7 * 86_400

# Perpetual futures exist since 2016; a wider window still tells s, ms, µs and ns apart, because
# the windows of two units are a factor 1000 and the window itself only a factor 4 wide.
_EARLIEST = pd.Timestamp("2009-01-01")
_LATEST = pd.Timestamp("2100-01-01")
_UNIT_NS = {"s": SECOND, "ms": 1_000_000, "us": 1_000, "ns": 1}
_ZONE = re.compile(r":\d{2}(?:[.,]\d+)?\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)$", re.IGNORECASE)
_UTC_NAMES = {"Z", "UTC", "GMT", "+00", "+0000", "-00", "-0000"}


def parse_stamps(values: Any, *, tz: str | None = None) -> pd.DatetimeIndex:
    """Turn stamps of any kind into UTC without zone, nanoseconds.

    Parameters
    ----------
    values : Series, Index or array
        Datetimes, ISO 8601 text, or epoch numbers, whose unit (s, ms, µs, ns) is told for each
        value by its magnitude.
    tz : str, optional
        Zone of naive stamps, an IANA name. Without it naive stamps are UTC.

    Returns
    -------
    DatetimeIndex
        ``datetime64[ns]``, no zone.

    Raises
    ------
    InputError
        For missing or unreadable stamps, naive mixed with aware ones, different offsets in one
        column, an unknown zone, or `tz` where the stamps already say their zone.
    """
    series = pd.Series(values).reset_index(drop=True)
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(object)
    if isinstance(series.dtype, pd.PeriodDtype):
        raise InputError(
            "the stamps are periods; convert them to their start, e.g. to_timestamp()."
        )
    if series.isna().any():
        raise InputError(
            f"the stamp is missing at {name_rows(series.isna().to_numpy())}; "
            "remove these rows or fill in their time."
        )
    try:
        if isinstance(series.dtype, pd.DatetimeTZDtype):
            _refuse_zone(tz, "carry a time zone")
            index = pd.DatetimeIndex(series).tz_convert("UTC").tz_localize(None)
        elif pd.api.types.is_datetime64_dtype(series.dtype):
            index = _to_utc(pd.DatetimeIndex(series), tz)
        elif pd.api.types.is_bool_dtype(series.dtype):
            raise InputError("the stamps are booleans; give datetimes, ISO text or epoch numbers.")
        elif pd.api.types.is_numeric_dtype(series.dtype):
            _refuse_zone(tz, "are epoch numbers, which are UTC")
            index = _from_numbers(series.to_numpy(dtype=float), series)
        else:
            index = _from_text(series, tz)
        index = index.as_unit("ns")
    except (pd.errors.OutOfBoundsDatetime, OverflowError) as error:
        raise InputError(f"a stamp lies outside the range of dates: {error}.") from error
    outside = np.asarray((index < _EARLIEST) | (index > _LATEST))
    if outside.any():
        raise InputError(
            f"stamps outside {_EARLIEST.year} to {_LATEST.year} at {name_rows(outside, index)}; "
            "check the unit of the time column (s, ms, µs, ns) and the file."
        )
    return index


def _refuse_zone(tz: str | None, what: str) -> None:
    if tz is not None:
        raise InputError(f"tz={tz!r} was given, but the stamps {what}; leave tz out.")


def _to_utc(index: pd.DatetimeIndex, tz: str | None) -> pd.DatetimeIndex:
    if tz is None:
        return index
    try:
        return index.tz_localize(tz).tz_convert("UTC").tz_localize(None)
    except (pd.errors.OutOfBoundsDatetime, OverflowError):
        raise
    except Exception as error:  # zoneinfo, pytz and pandas each raise their own types here
        raise InputError(
            f"the naive stamps cannot be read as {tz!r}: {error}. Give an IANA zone such as "
            "'Europe/Berlin'; hours that occur twice or never in it need UTC stamps."
        ) from error


def _from_numbers(numbers: np.ndarray[Any, Any], shown: pd.Series) -> pd.DatetimeIndex:
    finite = np.isfinite(numbers)
    nanoseconds = np.zeros(len(numbers), dtype=np.int64)
    done = np.zeros(len(numbers), dtype=bool)
    first, last = _EARLIEST.value / SECOND, _LATEST.value / SECOND
    integral = pd.api.types.is_integer_dtype(shown.dtype)
    for factor in _UNIT_NS.values():
        per_second = SECOND // factor
        here = finite & (numbers >= first * per_second) & (numbers <= last * per_second)
        if integral:
            nanoseconds[here] = shown.to_numpy(dtype=np.int64)[here] * factor
        else:
            # A double holds a present-day epoch to a quarter microsecond at best.
            nanoseconds[here] = np.round(numbers[here] * (factor / 1e3)).astype(np.int64) * 1000
        done |= here
    if not done.all():
        bad = np.flatnonzero(~done)[0]
        value = shown.iloc[bad]
        hint = (
            " It looks like a calendar date: write it as YYYY-MM-DD."
            if 19_000_000 < numbers[bad] < 21_010_000
            else ""
        )
        raise InputError(
            f"the stamp {value!r} is no epoch in s, ms, µs or ns between {_EARLIEST.year} and "
            f"{_LATEST.year}, at {name_rows(~done)}.{hint} If it is a row number, add a column "
            f"named {', '.join(TIME_COLUMNS)}."
        )
    return pd.DatetimeIndex(nanoseconds.view("datetime64[ns]"))


def _from_text(series: pd.Series, tz: str | None) -> pd.DatetimeIndex:
    # BitMEX writes a D between date and time.
    texts = [re.sub(r"^(\d{4}-\d{2}-\d{2})D", r"\1T", str(value).strip()) for value in series]
    numbers = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce")
    if numbers.notna().all():
        _refuse_zone(tz, "are epoch numbers, which are UTC")
        if all(re.fullmatch(r"\d{1,18}", text) for text in texts):
            numbers = pd.Series([int(text) for text in texts], dtype=np.int64)
        return _from_numbers(numbers.to_numpy(dtype=float), numbers)
    zones = [_zone_of(text) for text in texts]
    aware = np.array([zone is not None for zone in zones], dtype=bool)
    if aware.any() and not aware.all():
        fewer = aware if aware.sum() * 2 <= len(aware) else ~aware
        which = "with" if fewer is aware else "without"
        raise InputError(
            f"naive and zoned stamps are mixed: {name_rows(fewer)} {which} a zone. "
            "Write every stamp in UTC, all with or all without a zone."
        )
    if len(set(zones)) > 1:
        odd = np.array([zone != zones[0] for zone in zones])
        raise InputError(
            f"stamps of different zones in one column: {zones[0]} at row 0, another at "
            f"{name_rows(odd)}. Write every stamp in UTC."
        )
    bare = [_ZONE.sub(lambda m: m.group(0)[: m.start(1) - m.start(0)].rstrip(), t) for t in texts]
    parsed = pd.to_datetime(pd.Series(bare, dtype=object), format="ISO8601", errors="coerce")
    unread = parsed.isna().to_numpy()
    if unread.any() or not pd.api.types.is_datetime64_dtype(parsed.dtype):
        bad = int(np.flatnonzero(unread)[0]) if unread.any() else 0
        raise InputError(
            f"the stamp {texts[bad][:40]!r} is not ISO 8601 text, at {name_rows(unread)}. "
            "Write stamps as YYYY-MM-DD HH:MM:SS in UTC, or as epoch numbers."
        )
    index = pd.DatetimeIndex(parsed)
    zone = zones[0] if zones else None
    if zone is None:
        return _to_utc(index, tz)
    _refuse_zone(tz, "carry a time zone")
    if zone == "UTC":
        return index
    ahead = pd.Timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    return index + ahead if zone[0] == "-" else index - ahead


def _zone_of(text: str) -> str | None:
    """Zone written at the end of a stamp, None if it has none."""
    found = _ZONE.search(text)
    if found is None:
        return None
    zone = found.group(1).upper().replace(":", "")
    if zone in _UTC_NAMES:
        return "UTC"
    return f"{zone[:3]}:{zone[3:] or '00'}"


def check_order(index: pd.DatetimeIndex) -> None:
    """Refuse duplicate and unsorted stamps, naming the rows."""
    doubled = index.duplicated(keep=False)
    if doubled.any():
        raise InputError(f"duplicate stamps at {name_rows(doubled, index)}; keep one row a bar.")
    backward = np.zeros(len(index), dtype=bool)
    backward[1:] = np.diff(index.asi8) < 0
    if backward.any():
        raise InputError(
            f"unsorted stamps: earlier than the row before at {name_rows(backward, index)}; "
            "sort the rows by time."
        )


def bar_length(index: pd.DatetimeIndex, bar_seconds: int | None = None) -> int:
    """Bar length in seconds of sorted, distinct stamps, which must all lie on its grid.

    Parameters
    ----------
    index : DatetimeIndex
        Sorted, distinct.
    bar_seconds : int, optional
        Known bar length; otherwise the most common spacing.

    Raises
    ------
    InputError
        Too few bars, no common spacing, or single stamps off the grid, named.
    """
    if len(index) < MIN_BARS:
        raise InputError(
            f"{len(index)} bar(s) given; a panel needs at least {MIN_BARS}. Give more rows or "
            "widen since and until."
        )
    stamps = index.asi8
    if bar_seconds is None:
        spacings, counts = np.unique(np.diff(stamps), return_counts=True)
        bar = int(spacings[np.argmax(counts)])
        if bar % SECOND:
            raise InputError(
                f"irregular bars: the most common spacing is {bar / SECOND:g} s, no whole number "
                "of seconds. Aggregate the rows to bars of one length first."
            )
    else:
        if bar_seconds <= 0 or int(bar_seconds) != bar_seconds:
            raise InputError(f"bar_seconds is {bar_seconds!r}; give a positive whole number.")
        bar = int(bar_seconds) * SECOND
    phases, where, counts = np.unique(stamps % bar, return_inverse=True, return_counts=True)
    off = where != np.argmax(counts)
    seconds = bar // SECOND
    if off.any():
        _refuse_new_grid(index, where, phases, off, bar)
    if off.mean() > 0.1 and len(phases) > 2:
        raise InputError(
            f"irregular bars: {off.mean():.0%} of the stamps do not lie on a {seconds} s grid, "
            f"first {name_rows(off, index)}. Aggregate the rows to bars of one length first."
        )
    if off.any():
        raise InputError(
            f"off-grid stamps for {seconds} s bars: {name_rows(off, index)}. Correct or remove "
            "these rows."
        )
    n_bars = (int(stamps[-1]) - int(stamps[0])) // bar + 1
    if n_bars > 50 * len(index) + 10_000:
        raise InputError(
            f"{len(index)} rows span {n_bars} bars of {seconds} s: almost all are missing. The "
            "file is no bar table, or bars of different length are mixed."
        )
    return seconds


def _refuse_new_grid(
    index: pd.DatetimeIndex,
    where: np.ndarray[Any, Any],
    phases: np.ndarray[Any, Any],
    off: np.ndarray[Any, Any],
    bar: int,
) -> None:
    """Refuse stamps that move to another grid and stay there; neither part is the wrong one."""
    begins = np.diff(where, prepend=where[0]) != 0
    runs = np.diff(np.concatenate([[0], np.flatnonzero(begins), [len(where)]]))
    # Several short runs are stray stamps or bars of uneven length (months), named as such.
    stays = len(runs) == 2 or (off.mean() > 0.1 and len(runs) * 5 <= len(where))
    if runs.min() < 2 or not stays:
        return
    seen = dict.fromkeys(where.tolist())  # in order of appearance
    lies = [f"{phases[phase] / SECOND:g} s" for phase in seen]
    raise InputError(
        f"the {bar // SECOND} s bars change their grid at {name_rows(begins, index)}: the stamps "
        f"lie {join_some(lies[:4], len(lies))} past a multiple of {bar // SECOND} s. Shift one "
        "part onto the grid of the other, or read one part alone (since, until)."
    )


def to_bar_open(index: pd.DatetimeIndex, stamp: str) -> pd.DatetimeIndex:
    """Shift stamps that label the end of a bar to its start.

    Ends written as the last instant of the bar (``…:59``, ``…:59.999``) are taken as its end.
    """
    if stamp == "open":
        return index
    if stamp != "close":
        raise InputError(f"stamp is {stamp!r}; allowed: 'open' (start of the bar) or 'close'.")
    minute = 60 * SECOND
    for short in (1_000_000, 1_000, SECOND):
        if len(index) and bool(np.all((index.asi8 + short) % minute == 0)):
            index = index + pd.Timedelta(short, "ns")
            break
    return index - pd.Timedelta(seconds=bar_length(index))


def full_grid(index: pd.DatetimeIndex, bar_seconds: int) -> pd.DatetimeIndex:
    """Every bar from the first to the last stamp."""
    step = bar_seconds * SECOND
    n_bars = (int(index.asi8[-1]) - int(index.asi8[0])) // step + 1
    # Not arange(first, last, step): it counts in doubles, which lose the last bar of long panels.
    stamps = int(index.asi8[0]) + step * np.arange(n_bars, dtype=np.int64)
    return pd.DatetimeIndex(stamps.view("datetime64[ns]"), name="time")


def parse_bound(value: Any, name: str) -> pd.Timestamp | None:
    """Read `since` or `until`: UTC unless it carries a zone; None stays None."""
    if value is None:
        return None
    try:
        stamp = pd.Timestamp(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(
            f"{name} is {value!r}; give a UTC time such as '2024-07-01' or '2024-07-01 12:00'."
        ) from error
    if pd.isna(stamp):
        raise InputError(f"{name} is {value!r}, which is no time.")
    if stamp.tzinfo is not None:
        stamp = stamp.tz_convert("UTC").tz_localize(None)
    return stamp


def within(index: pd.DatetimeIndex, since: Any, until: Any) -> np.ndarray[Any, Any]:
    """Rows with ``since <= time < until``; an empty choice is an error that states the span."""
    start, stop = parse_bound(since, "since"), parse_bound(until, "until")
    keep = np.ones(len(index), dtype=bool)
    if start is not None:
        keep &= np.asarray(index >= start)
    if stop is not None:
        keep &= np.asarray(index < stop)
    if len(index) and not keep.any():
        raise InputError(
            f"no bar lies in since={since!r} (included) to until={until!r} (excluded); the data "
            f"run from {index.min()} to {index.max()} UTC."
        )
    return cast("np.ndarray[Any, Any]", keep)


def parse_bar(bar: Any) -> int:
    """Bar length in seconds from ``"5m"``, ``"1h"``, ``"1d"``, seconds or a Timedelta."""
    if isinstance(bar, str):
        found = re.fullmatch(r"\s*(\d+)\s*(s|m|min|h|d|w)\s*", bar.lower() if bar != "1M" else "x")
        if found and int(found.group(1)) > 0:
            unit = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": _WEEK}
            return int(found.group(1)) * unit[found.group(2)]
    elif isinstance(bar, pd.Timedelta):
        return parse_bar(bar.total_seconds())
    elif isinstance(bar, int | float | np.integer) and not isinstance(bar, bool):
        if bar > 0 and float(bar).is_integer():
            return int(bar)
    raise InputError(f"bar is {bar!r}; give a length such as '5m', '1h', '1d', or whole seconds.")


def bar_name(seconds: int) -> str:
    """Short text of a bar length: ``1h``, ``5m``, ``1d``."""
    for size, letter in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds % size == 0:
            return f"{seconds // size}{letter}"
    return f"{seconds}s"


def check_offset(seconds: Any) -> float:
    """Offset of open interest from bar close, checked to be a finite number of seconds."""
    number = isinstance(seconds, int | float | np.number) and not isinstance(seconds, bool)
    if not number or not np.isfinite(seconds):
        raise InputError(
            f"open_interest_offset_seconds is {seconds!r}; give seconds relative to bar close, "
            "negative before it."
        )
    return float(seconds)
