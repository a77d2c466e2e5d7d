"""Where the files shipped with the package lie.

Model specifications are kept in the top-level ``models/`` directory of the source tree, because
they are data and never imported; a wheel carries them as ``liqbayes/_models``. Everything else (the
sample market in ``liqbayes/data``, the contract files) lies inside the package in both kinds of
installation.
"""

from importlib.resources import files
from pathlib import Path

from liqbayes.errors import LiqbayesError

_MODELS = "models"


def find_resource(first: str, *rest: str) -> Path:
    """Return the path of a file or directory shipped with liqbayes.

    Parameters
    ----------
    first : str
        ``"models"`` for the model specifications, otherwise a directory of the package such as
        ``"data"`` or ``"contracts"``.
    *rest : str
        Path components below it.

    Returns
    -------
    pathlib.Path
        An existing path, in a wheel as well as in an editable installation.

    Raises
    ------
    LiqbayesError
        If it is not there: it is not part of this release, or the installation is incomplete.
    """
    package = files("liqbayes")
    if not isinstance(package, Path):
        raise LiqbayesError(
            f"liqbayes is imported from {package!r}, which is no plain directory; its data files "
            "can only be read from an unpacked installation. Install the wheel with pip."
        )
    root = _models_of(package) if first == _MODELS else package / first
    found = root.joinpath(*rest)
    if not found.exists():
        wanted = "/".join((first, *rest))
        raise LiqbayesError(
            f"the shipped resource {wanted!r} was looked for at {found} and is not there; "
            "reinstall liqbayes if it should be part of this release."
        )
    return found


def _models_of(package: Path) -> Path:
    """Directory of the models: beside the package in a source tree, inside it in a wheel."""
    beside = package.parent / _MODELS
    # pyproject.toml tells the source tree from a site-packages that happens to hold a "models".
    if beside.is_dir() and (package.parent / "pyproject.toml").is_file():
        return beside
    return package / "_models"
