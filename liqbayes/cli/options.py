"""Values of options that are more than one word, checked before anything is computed."""

import math
from collections.abc import Sequence

from liqbayes.errors import InputError

MIN_BINS, MAX_BINS = 10, 5000


def parse_columns(items: Sequence[str]) -> dict[str, str]:
    """Turn ``NAME=SOURCE[:UNIT]`` items into the mapping that `read_panel` takes."""
    columns: dict[str, str] = {}
    for item in items:
        name, equals, source = item.partition("=")
        name, source = name.strip(), source.strip()
        if not equals or not name or not source:
            raise InputError(
                f"--column {item!r} is not NAME=SOURCE[:UNIT]; an example is "
                "--column volume=vol_ccy:base."
            )
        if name in columns:
            raise InputError(f"--column names {name!r} twice; give each column once.")
        columns[name] = source
    return columns


def parse_price_range(text: str) -> tuple[float, float]:
    """Turn ``LOW:HIGH`` into multiples of the last close, with LOW < 1 < HIGH."""
    low, colon, high = text.partition(":")
    try:
        ends = float(low), float(high)
    except ValueError:
        ends = (math.nan, math.nan)
    if not colon or not (0 < ends[0] < 1 < ends[1] < math.inf):
        raise InputError(
            f"--price-range is {text!r}; give LOW:HIGH as multiples of the last close with "
            "0 < LOW < 1 < HIGH, such as 0.5:2."
        )
    return ends


def check_bins(bins: int) -> int:
    """Refuse a number of price bins that cannot be useful."""
    if not MIN_BINS <= bins <= MAX_BINS:
        raise InputError(f"--bins is {bins}; use {MIN_BINS} to {MAX_BINS}.")
    return bins
