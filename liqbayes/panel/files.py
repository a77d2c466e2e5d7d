"""Tables from parquet, CSV, gzip and zip files, with errors that say what is wrong."""

import gzip
import io
import warnings
import zipfile
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from liqbayes.errors import InputError

FileKind = Literal["parquet", "csv", "gzip", "zip", "binary", "empty", "folder"]

_MAGIC: tuple[tuple[bytes, str, FileKind], ...] = (
    (b"PAR1", "a parquet file", "parquet"),
    (b"PK\x03\x04", "a zip archive", "zip"),
    (b"PK\x05\x06", "an empty zip archive", "zip"),
    (b"\x1f\x8b", "a gzip file", "gzip"),
    (b"Salted__", "an encrypted file (OpenSSL, salted)", "binary"),
    (b"\x04\x22\x4d\x18", "an LZ4 frame", "binary"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", "binary"),
    (b"\x89HDF", "an HDF5 or netCDF4 file", "binary"),
    (b"CDF", "a netCDF3 file", "binary"),
    (b"SQLite format 3", "an SQLite database", "binary"),
    (b"ARROW1", "a Feather (Arrow) file", "binary"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "binary"),
    (b"%PDF", "a PDF document", "binary"),
)


def sniff(path: Path) -> tuple[FileKind, str]:
    """What a file is by its first bytes: a kind and a description.

    Raises
    ------
    InputError
        If it is not there or cannot be opened.
    """
    if path.is_dir():
        return "folder", "a folder"
    try:
        with path.open("rb") as stream:
            head = stream.read(4096)
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}; check the path.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be opened: {error}.") from error
    if not head:
        return "empty", "an empty file"
    for magic, words, kind in _MAGIC:
        if head.startswith(magic):
            return kind, words
    return ("csv", "a text file") if _is_text(head) else ("binary", "a binary file")


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character cut in two by the end of the sample is still text.
        return error.start > len(head) - 4
    return True


def load_table(path: Path) -> pd.DataFrame:
    """Read a table from parquet, CSV, CSV in gzip, or a zip holding one such file.

    Returns
    -------
    DataFrame
        Column names are text without surrounding blanks; a DatetimeIndex is kept.

    Raises
    ------
    InputError
        Missing, empty, truncated, encrypted or binary files, and tables that cannot be parsed.
    """
    kind, words = sniff(path)
    if kind == "parquet":
        return _tidy(_parquet(path, path), path)
    if kind == "csv":
        return _tidy(parse_csv(_read(path), path.name), path)
    if kind == "gzip":
        return _tidy(parse_csv(_gunzip(path), path.name), path)
    if kind == "zip":
        name, content = read_zip(path)
        if content.startswith(b"PAR1"):
            return _tidy(_parquet(io.BytesIO(content), path), path)
        return _tidy(parse_csv(content, name), path)
    raise InputError(f"{path} is {words}; give a parquet or CSV file (.csv, .csv.gz, .zip).")


def file_bytes(path: Path) -> bytes:
    """Content of a CSV file, unpacked if it is a gzip or zip file."""
    kind, words = sniff(path)
    if kind == "csv":
        return _read(path)
    if kind == "gzip":
        return _gunzip(path)
    if kind == "zip":
        return read_zip(path)[1]
    raise InputError(f"{path} is {words}; expected a CSV file (.csv, .csv.gz, .zip).")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}.") from error


def _gunzip(path: Path) -> bytes:
    try:
        return gzip.decompress(_read(path))
    except Exception as error:  # EOFError, BadGzipFile, zlib.error
        raise InputError(f"{path} is a damaged gzip file: {error}. Download it again.") from error


def read_zip(path: Path) -> tuple[str, bytes]:
    """Name and content of the only file in a zip archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(names) != 1:
                raise InputError(
                    f"{path} holds {len(names)} files ({', '.join(names[:4])}); a zip must hold "
                    "exactly one table. Unpack it, or give a folder of archives."
                )
            return names[0], archive.read(names[0])
    except InputError:
        raise
    except Exception as error:  # BadZipFile, zlib.error, EOFError, RuntimeError (password), …
        raise InputError(
            f"{path} is a damaged, truncated or unreadable zip archive: {error}. Download it again."
        ) from error


def _parquet(source: Any, path: Path) -> pd.DataFrame:
    try:
        table = pd.read_parquet(source)
    except Exception as error:  # pyarrow raises many types for damaged files
        reason = str(error).partition("\n")[0].rstrip(". ")
        raise InputError(
            f"{path} is a damaged or truncated parquet file: {reason}. Write or download it again."
        ) from error
    return table


def parse_csv(content: bytes, name: str, *, names: list[str] | None = None) -> pd.DataFrame:
    """Parse CSV text; comma, semicolon, tab or bar as separator.

    Parameters
    ----------
    content : bytes
        UTF-8 text.
    name : str
        For messages.
    names : list of str, optional
        Column names of a file without header line.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8 text (byte {error.start}); wrong file?") from error
    if not text.strip():
        raise InputError(f"{name} is empty; download or write it again.")
    first = text.lstrip().splitlines()[0]
    separator = max(",;\t|", key=first.count)
    if names is None:
        header = [cell.strip().strip('"') for cell in first.split(separator)]
        doubled = sorted({cell for cell in header if header.count(cell) > 1})
        if doubled:
            raise InputError(f"{name}: column name(s) {doubled} occur twice; keep one of each.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return pd.read_csv(
                io.StringIO(text),
                sep=separator,
                index_col=False,
                low_memory=False,
                header=None if names else "infer",
                names=names,
            )
    except Exception as error:  # ParserError, EmptyDataError, ValueError, warnings, …
        why = str(error).splitlines()[0] if str(error) else repr(error)
        raise InputError(
            f"{name} cannot be parsed as CSV: {why}. Every line needs as many cells as the header."
        ) from error


def _tidy(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    if isinstance(table.columns, pd.MultiIndex):
        raise InputError(f"{path} has several levels of column names; flatten them to one.")
    table = table.set_axis([str(name).strip() for name in table.columns], axis=1)
    if table.columns.has_duplicates:
        doubled = table.columns[table.columns.duplicated()].tolist()
        raise InputError(f"{path}: column name(s) {doubled} occur twice; keep one of each.")
    return table
