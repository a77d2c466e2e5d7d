"""Windows that end at the last bar."""

import re

import numpy as np
import pandas as pd

from liqbayes.errors import InputError
from liqbayes.outputs.context import Context


def duration_seconds(window: str) -> int:
    """Length of a duration such as ``"4h"`` or ``"7d"``; days also as ``"7D"``.

    Raises
    ------
    InputError
        If it is no duration, or not longer than zero.
    """
    try:
        # pandas deprecates the lower-case day
        seconds = pd.Timedelta(re.sub(r"d$", "D", window)).total_seconds()
    except (ValueError, TypeError):
        seconds = float("nan")
    if np.isnan(seconds):
        raise InputError(f"window {window!r} is no duration; write such as '4h' or '7d'.")
    if seconds <= 0:
        raise InputError(f"window {window!r} must be longer than zero.")
    return int(seconds)


def first_bar(context: Context, window: str | None) -> int | None:
    """First bar of a window that ends at the last bar, counted with the history.

    Parameters
    ----------
    context : Context
    window : str or None
        Duration; None for the longest stretch of modelled bars.

    Returns
    -------
    int or None
        None if the window is no whole number of bars, or if a bar in it is not modelled: one
        before the panel, outside every segment, or the first of a segment, whose book is where
        the model starts from.
    """
    data = context.evaluator.data
    begin = max(data.path.segments[-1][0] + 1, data.n_history)
    if window is None:
        return begin
    seconds = duration_seconds(window)
    step = context.panel.bar_seconds
    if seconds % step or seconds < step:
        return None
    first = context.last + 1 - seconds // step
    return first if first >= begin else None
