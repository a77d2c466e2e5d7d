"""Finding, recognising and parsing the files of Binance's public archive.

Formats: https://github.com/binance/binance-public-data (README) and the files themselves; each
file is a zip with one CSV of the same stem, and ``.CHECKSUM`` holds its SHA-256.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from liqbayes.errors import InputError
from liqbayes.panel.files import file_bytes, parse_csv, sniff
from liqbayes.panel.times import SECOND, parse_bar

ArchiveKind = Literal["klines", "mark", "metrics", "funding", "liquidations", "unused"]

KLINE_NAMES = [
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
    "ignore",
]
METRICS_NAMES = [
    "create_time",
    "symbol",
    "sum_open_interest",
    "sum_open_interest_value",
    "count_toptrader_long_short_ratio",
    "sum_toptrader_long_short_ratio",
    "count_long_short_ratio",
    "sum_taker_long_short_vol_ratio",
]
FUNDING_NAMES = ["calc_time", "funding_interval_hours", "last_funding_rate"]
LIQUIDATION_NAMES = [
    "time",
    "side",
    "order_type",
    "time_in_force",
    "original_quantity",
    "price",
    "average_price",
    "order_status",
    "last_fill_quantity",
    "accumulated_fill_quantity",
]
_LAYOUTS: dict[ArchiveKind, list[str]] = {
    "klines": KLINE_NAMES,
    "mark": KLINE_NAMES,
    "metrics": METRICS_NAMES,
    "funding": FUNDING_NAMES,
    "liquidations": LIQUIDATION_NAMES,
}
# Captures of the forceOrder stream spell some columns differently.
_SPELLINGS = {
    "order_trade_time": "time",
    "order_last_filled_quantity": "last_fill_quantity",
    "order_filled_accumulated_quantity": "accumulated_fill_quantity",
    "taker_buy_base_volume": "taker_buy_volume",
    "quote_asset_volume": "quote_volume",
}
_NAME = re.compile(
    r"^(?P<symbol>[A-Z0-9]+(?:_[A-Z0-9]+)?)-"
    r"(?P<what>metrics|fundingRate|liquidationSnapshot|aggTrades|trades|bookDepth|bookTicker|"
    r"\d+[smhdwM]|1mo)"
    r"(?:-(?P<date>\d{4}-\d{2}(?:-\d{2})?))?\.(?:zip|csv|csv\.gz)$"
)
_KINDS: dict[str, ArchiveKind] = {
    "metrics": "metrics",
    "fundingRate": "funding",
    "liquidationSnapshot": "liquidations",
    "aggTrades": "unused",
    "trades": "unused",
    "bookDepth": "unused",
    "bookTicker": "unused",
}
_EPOCH = re.compile(r"^\d{13}(\d{3})?$")


@dataclass(frozen=True)
class ArchiveFile:
    """One file of the archive.

    Attributes
    ----------
    path : Path
    kind : str
    symbol : str or None
        From the file name.
    interval : int or None
        Seconds of a kline, from the file name.
    date : str or None
        ``YYYY-MM`` or ``YYYY-MM-DD`` from the file name.
    """

    path: Path
    kind: ArchiveKind
    symbol: str | None
    interval: int | None
    date: str | None


def is_archive(path: Path) -> bool:
    """Whether a file has the name or the layout of a Binance archive that a panel can use."""
    try:
        return recognise(path).kind != "unused"
    except InputError:
        return False


def recognise(path: Path) -> ArchiveFile:
    """Tell the kind of an archive file from its name and folder, else from its first line.

    Raises
    ------
    InputError
        If it is no archive file, or cannot be opened.
    """
    found = _NAME.match(path.name)
    folder = " ".join(part.lower() for part in path.parts[:-1])
    if found:
        what = found["what"]
        interval = None
        kind = _KINDS.get(what)
        if kind is None:
            if what in ("1mo", "1M"):
                raise InputError(
                    f"{path.name}: monthly klines have no fixed length; use daily or finer ones."
                )
            interval = parse_bar(what)
            kind = "klines"
        if kind == "klines":
            if "markpriceklines" in folder:
                kind = "mark"
            elif "indexpriceklines" in folder or "premiumindexklines" in folder:
                kind = "unused"
        if kind != "unused" and sniff(path)[0] == "csv" and _layout(path) not in (kind, "klines"):
            raise InputError(
                f"{path.name} is named like Binance {what} but its first line is not of that "
                "layout; check the file."
            )
        return ArchiveFile(path, kind, found["symbol"], interval, found["date"])
    layout = _layout(path)
    if layout is None:
        raise InputError(
            f"{path} is no Binance archive file (klines, metrics, fundingRate or "
            "liquidationSnapshot)."
        )
    return ArchiveFile(path, layout, None, None, None)


def _layout(path: Path) -> ArchiveKind | None:
    """Kind told by the first line; None if it is none of ours."""
    content = file_bytes(path)[:4096]
    lines = content.decode("utf-8-sig", errors="replace").splitlines()
    cells = [cell.strip().strip('"') for cell in lines[0].split(",")] if lines else []
    names = {_SPELLINGS.get(cell, cell) for cell in cells}
    for kind in ("klines", "metrics", "funding", "liquidations"):
        need = set(
            _LAYOUTS[kind][:8] if kind != "liquidations" else ("time", "side", "average_price")
        )
        if need <= names and (kind != "metrics" or "create_time" in names):
            return kind
    if not cells or not (_EPOCH.match(cells[0]) or cells[0][:2] == "20"):
        return None
    if len(cells) == 12 and _EPOCH.match(cells[0]) and _EPOCH.match(cells[6]):
        return "klines"
    if len(cells) == 3 and _EPOCH.match(cells[0]):
        return "funding"
    if len(cells) == 10 and cells[1] in ("BUY", "SELL"):
        return "liquidations"
    if len(cells) == 8 and re.match(r"^\d{4}-\d{2}-\d{2} ", cells[0]):
        return "metrics"
    return None


def discover(paths: str | Path | Iterable[str | Path]) -> tuple[list[ArchiveFile], list[str]]:
    """Archive files among paths and folders (searched with their subfolders).

    Returns
    -------
    files : list of ArchiveFile
    ignored : list of str
        Names of files in folders that are not used; a named path that is not usable is an error.
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    files: list[ArchiveFile] = []
    ignored: list[str] = []
    for path in map(Path, given):
        if not path.is_dir():
            entry = recognise(path)
            if entry.kind == "unused":
                raise InputError(
                    f"{path.name} is a Binance archive that a panel cannot use; give klines, "
                    "metrics, fundingRate or liquidationSnapshot files."
                )
            files.append(entry)
            continue
        for inner in sorted(path.rglob("*")):
            if inner.is_dir() or inner.name.endswith(".CHECKSUM") or inner.name.startswith("."):
                continue
            if not inner.name.lower().endswith((".zip", ".csv", ".csv.gz")):
                ignored.append(inner.name)
                continue
            named = _NAME.match(inner.name) is not None
            try:
                entry = recognise(inner)
            except InputError:
                if named:
                    raise
                ignored.append(inner.name)
                continue
            if entry.kind == "unused":
                ignored.append(inner.name)
            else:
                files.append(entry)
    if not files:
        raise InputError(
            f"no Binance klines, metrics, fundingRate or liquidationSnapshot file found in "
            f"{', '.join(str(path) for path in given[:3]) or 'an empty list'}."
        )
    return files, ignored


def read_archive(entry: ArchiveFile) -> pd.DataFrame:
    """Rows of one file with the archive's column names, header line or none.

    Raises
    ------
    InputError
        Wrong checksum, truncated zip, or columns that are not those of the kind.
    """
    _verify(entry.path)
    content = file_bytes(entry.path)
    names = _LAYOUTS[entry.kind]
    lines = content.decode("utf-8-sig", errors="replace").lstrip().splitlines()
    first = lines[0] if lines else ""
    cells = [cell.strip().strip('"') for cell in first.split(",")]
    headed = not re.match(r"^\d", cells[0])
    if not headed and len(cells) != len(names):
        raise InputError(
            f"{entry.path.name} has {len(cells)} columns and no header; {entry.kind} files have "
            f"{len(names)}: {', '.join(names)}."
        )
    table = parse_csv(content, entry.path.name, names=None if headed else names)
    table = table.rename(
        columns={str(c): _SPELLINGS.get(str(c).strip(), str(c).strip()) for c in table}
    )
    table = table.loc[:, ~table.columns.duplicated()]
    # What the panel needs; trailing columns such as "ignore" may be absent.
    need = {
        "klines": [*names[:6], "quote_volume", "taker_buy_volume"],
        "mark": names[:5],
        "metrics": names[:4],
        "funding": ["calc_time", "last_funding_rate"],
        "liquidations": ["time", "side", "original_quantity", "price", "average_price"],
    }[entry.kind]
    missing = [name for name in need if name not in table]
    if missing:
        raise InputError(
            f"{entry.path.name} lacks the column(s) {', '.join(missing)} of a {entry.kind} file; "
            f"it has {', '.join(map(str, table.columns))}."
        )
    return table


def _verify(path: Path) -> None:
    """Compare with the ``.CHECKSUM`` file where one lies beside the archive."""
    beside = path.with_name(path.name + ".CHECKSUM")
    if not beside.is_file():
        return
    words = beside.read_text(encoding="utf-8", errors="replace").split()
    stated = words[0].lower() if words else ""
    actual = hashlib.sha256(path.read_bytes()).hexdigest()
    if stated != actual:
        raise InputError(
            f"{path.name} does not match its checksum file ({stated[:12]}… stated, "
            f"{actual[:12]}… found): the download is damaged; fetch it again."
        )


def covered_days(entry: ArchiveFile, stamps: np.ndarray[Any, Any]) -> set[int]:
    """Days since 1970 that a file speaks for: by its name, else from its first to its last row."""
    if entry.date is not None:
        # The name's own precision: a day or a month.
        period = pd.Period(entry.date, freq="D" if len(entry.date) == 10 else "M")
        return set(range(_day(period.start_time), _day(period.end_time) + 1))
    if not len(stamps):
        return set()
    days = stamps.astype("datetime64[D]").astype(int)
    return set(range(int(days.min()), int(days.max()) + 1))


def _day(stamp: pd.Timestamp) -> int:
    return stamp.value // (86_400 * SECOND)
