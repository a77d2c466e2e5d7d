"""Arrays as text that a row of JSON can hold."""

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray


def pack(values: NDArray[Any]) -> dict[str, Any]:
    """Shape, little-endian type and deflated bytes of an array in base 64.

    Parameters
    ----------
    values : ndarray
        Numbers are kept in half precision or in single, as they come; flags as bytes.
    """
    values = np.asarray(values)
    kept = values.astype(values.dtype.newbyteorder("<"))
    return {
        "shape": list(values.shape),
        "dtype": kept.dtype.str,
        "data": base64.b64encode(zlib.compress(kept.tobytes(), 6)).decode("ascii"),
    }


def unpack(packed: dict[str, Any]) -> NDArray[Any]:
    """The array that was packed."""
    raw = zlib.decompress(base64.b64decode(packed["data"]))
    return np.frombuffer(raw, np.dtype(packed["dtype"])).reshape(packed["shape"])
