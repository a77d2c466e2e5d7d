"""Small made-up markets and files for the tests of the panel."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

LINEAR = "binance:BTCUSDT"
INVERSE = "binance:BTCUSD_PERP"


def bars(n=48, *, freq="1h", start="2024-06-01", price=60_000.0, seed=0):
    """Canonical linear bars: volume 500 a bar, open interest about 80,000."""
    rng = np.random.default_rng(seed)
    close = price * np.exp(np.cumsum(rng.normal(0, 0.005, n)))
    opens = np.concatenate(([price], close[:-1]))
    high = np.maximum(opens, close) * (1 + rng.uniform(0.0005, 0.004, n))
    low = np.minimum(opens, close) * (1 - rng.uniform(0.0005, 0.004, n))
    volume = 500 * rng.lognormal(0, 0.3, n)
    flow = rng.uniform(-0.4, 0.4, n) * volume
    return pd.DataFrame(
        {
            "open": opens,
            "high": high,
            "low": low,
            "close": close,
            "volume": volume,
            "open_interest": 80_000 + np.cumsum(flow),
        },
        index=pd.date_range(start, periods=n, freq=freq, name="timestamp"),
    )


def raw(n=48, **kwargs):
    """The same bars as a vendor's table, with quantities in base and quote units."""
    table = bars(n, **kwargs)
    price = table[["open", "high", "low", "close"]].mean(axis=1)
    volume = table.pop("volume")
    open_interest = table.pop("open_interest")
    return table.assign(
        volume_base=volume,
        volume_quote=volume * price,
        open_interest_base=open_interest,
        open_interest_quote=open_interest * table["close"],
    )


def write_csv(table, path, **kwargs):
    table.to_csv(path, **kwargs)
    return path


def zip_csv(folder: Path, stem: str, text: str) -> Path:
    """A Binance archive: a zip with one CSV of the same stem."""
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{stem}.csv", text)
    path = folder / f"{stem}.zip"
    path.write_bytes(buffer.getvalue())
    return path
