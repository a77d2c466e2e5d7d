"""Where rolling fits begin: ranges of bars with one origin each."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


def midnight_from(time: NDArray[np.datetime64], bar: int) -> int:
    """First bar from ``bar`` on that opens at midnight UTC; ``bar`` itself if none does."""
    begins = np.flatnonzero(time == time.astype("datetime64[D]"))
    after = begins[begins >= bar]
    return int(after[0]) if after.size else bar


def ranges(start: int, stop: int, every: int) -> tuple[tuple[int, int], ...]:
    """Half-open ranges of ``every`` bars that cover ``start`` to ``stop``; the last is shorter."""
    return tuple(pairwise([*range(start, stop, every), stop]))
