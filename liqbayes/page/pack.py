"""Arrays small enough for a page: quantised, compressed, in base64."""

import base64
import gzip
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]

#: Ratio of neighbouring codes of an amount, as a logarithm; the error is at most half of it.
STEP = 0.004
#: Amounts below this share of the largest are shown as none.
FLOOR = 1e-7
#: Steps of a probability.
PARTS = 250
# Codes of what is unknown.
_UNKNOWN_AMOUNT, _UNKNOWN_PROBABILITY = 65535, 255
# Compression beyond this level takes longer and saves nothing on noise.
_LEVEL = 6


@dataclass(frozen=True)
class Packed:
    """A quantised array.

    Attributes
    ----------
    kind : {"amount", "probability"}
        Of an amount, code 0 is none, 65535 unknown and code ``k`` is ``floor * exp((k - 1) *
        step)``; of a probability, 255 is unknown and code ``k`` is ``k / parts``.
    shape : tuple of int
    floor, step : float
        Of amounts.
    parts : int
        Of probabilities.
    data : str
        Base64 of gzip of the codes: differences along the last dim (of 16 bits, modulo 2^16),
        of amounts all low bytes first, then all high ones.
    """

    kind: str
    shape: tuple[int, ...]
    floor: float
    step: float
    parts: int
    data: str

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def pack_amounts(values: FloatArray) -> Packed:
    """Quantise amounts of at least zero on a logarithmic scale.

    Parameters
    ----------
    values : ndarray
        NaN is unknown and stays so.

    Returns
    -------
    Packed
        Every amount above ``FLOOR`` of the largest is kept to ``STEP / 2`` of itself.
    """
    known = np.isfinite(values)
    top = float(values[known].max()) if known.any() else 0.0
    floor = FLOOR * top if top > 0 else 1.0
    with np.errstate(invalid="ignore", divide="ignore"):
        codes = 1.0 + np.rint(np.log(values / floor) / STEP)
    codes = np.where(known & (values >= floor), codes, 0.0)
    whole = np.where(known, codes, _UNKNOWN_AMOUNT).astype(np.uint16)
    steps = np.diff(whole, axis=-1, prepend=np.uint16(0))
    planes = np.stack([steps & 0xFF, steps >> 8]).astype(np.uint8)
    return Packed("amount", whole.shape, floor, STEP, 0, _compress(planes))


def pack_probabilities(values: FloatArray) -> Packed:
    """Quantise probabilities to ``1 / PARTS``; NaN is unknown and stays so."""
    known = np.isfinite(values)
    codes = np.where(known, np.rint(np.where(known, values, 0.0) * PARTS), _UNKNOWN_PROBABILITY)
    whole = codes.astype(np.uint8)
    steps = np.diff(whole, axis=-1, prepend=np.uint8(0)).astype(np.uint8)
    return Packed("probability", codes.shape, 0.0, 0.0, PARTS, _compress(steps))


def unpack(packed: Packed) -> NDArray[np.float64]:
    """What the page reads of a packed array, for tests of both."""
    raw = np.frombuffer(gzip.decompress(base64.b64decode(packed.data)), np.uint8)
    if packed.kind == "probability":
        codes = np.cumsum(raw.reshape(packed.shape), axis=-1, dtype=np.uint8).astype(float)
        return np.where(codes == _UNKNOWN_PROBABILITY, np.nan, codes / packed.parts)
    low, high = raw.reshape(2, *packed.shape).astype(np.uint16)
    codes = np.cumsum(low + (high << 8), axis=-1, dtype=np.uint16).astype(float)
    amount = packed.floor * np.exp((codes - 1.0) * packed.step)
    return np.where(codes == _UNKNOWN_AMOUNT, np.nan, np.where(codes == 0, 0.0, amount))


def pack_floats(values: FloatArray) -> str:
    """A short series as base64 of 64-bit floats; NaN is kept."""
    return base64.b64encode(np.ascontiguousarray(values, "<f8").tobytes()).decode("ascii")


def _compress(codes: NDArray[np.uint8]) -> str:
    squeezed = gzip.compress(np.ascontiguousarray(codes).tobytes(), _LEVEL, mtime=0)
    return base64.b64encode(squeezed).decode("ascii")
