"""Fits in netCDF files."""

import json
import os
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path

import xarray as xr

from liqbayes.errors import InputError
from liqbayes.sampling.fit import SCHEMA


def save_fit(tree: xr.DataTree, path: str | Path, *, force: bool = False) -> Path:
    """Write a fit to one netCDF-4 file, atomically.

    Parameters
    ----------
    tree : xarray.DataTree
        What ``fit`` returned.
    path : str or Path
    force : bool
        Replace an existing file.

    Raises
    ------
    InputError
        If the file exists and ``force`` is not set, or its folder does not exist.
    """
    path = Path(path)
    if path.exists() and not force:
        raise InputError(f"{path} exists; choose another name or pass force=True.")
    if not path.parent.is_dir():
        raise InputError(f"{path.parent} is no folder; make it first.")
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".nc")
    os.close(handle)
    try:
        encoding = {
            f"/{group}": {
                str(name): {"zlib": True, "complevel": 4}
                for name, variable in tree[group].data_vars.items()
                if variable.dtype.kind == "f" and variable.ndim
            }
            for group in tree.children
        }
        tree.to_netcdf(temporary, engine="h5netcdf", encoding=encoding)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    path.chmod(0o644)
    return path


def load_fit(path: str | Path) -> xr.DataTree:
    """Read a fit written by ``save_fit``, wholly into memory.

    Warns when another version of liqbayes wrote it: outputs are recomputed from the draws, so they
    may differ from what that version gave.

    Raises
    ------
    InputError
        If the file is missing, is no netCDF file, or is no fit.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no fit at {path}.")
    try:
        with xr.open_datatree(path, engine="h5netcdf") as tree:
            loaded = tree.load().copy()
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} cannot be read as netCDF: {error}.") from None
    if loaded.attrs.get("schema") != SCHEMA:
        raise InputError(
            f"{path} is no fit of this version: schema {loaded.attrs.get('schema')!r}, "
            f"expected {SCHEMA!r}."
        )
    written, now = json.loads(loaded.attrs["versions"])["liqbayes"], version("liqbayes")
    if written != now:
        warnings.warn(
            f"{path} was written by liqbayes {written}, this is {now}: outputs are recomputed and "
            "may differ.",
            stacklevel=2,
        )
    return loaded
