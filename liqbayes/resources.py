"""Where the files shipped with the package lie.

Model specifications are kept in the top-level ``models/`` directory of the source tree, because
they are data and never imported; a wheel carries them as ``liqbayes/_models``. So it is with the
change log and the citation file, which a wheel carries as ``liqbayes/_about``. Everything else (the
sample market in ``liqbayes/data``, the contract files) lies inside the package in both kinds of
installation. The documentation, published results included, is not part of a wheel.
"""

from importlib.resources import files
from pathlib import Path

from liqbayes.errors import LiqbayesError

# What commands and studies take where no model is named.
DEFAULT_MODEL = "standard"

_MODELS = "models"
_ABOUT = "about"
_RESULTS = "results"


def find_resource(first: str, *rest: str) -> Path:
    """Return the path of a file or directory shipped with liqbayes.

    Parameters
    ----------
    first : str
        ``"models"`` for the model specifications, ``"about"`` for ``CHANGELOG.md`` and
        ``CITATION.cff``, ``"results"`` for the published results of a source tree; otherwise a
        directory of the package such as ``"data"`` or ``"contracts"``.
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
    found = _root(package, first).joinpath(*rest)
    if not found.exists():
        wanted = "/".join((first, *rest))
        raise LiqbayesError(
            f"the shipped resource {wanted!r} was looked for at {found} and is not there; "
            "reinstall liqbayes if it should be part of this release."
        )
    return found


def _root(package: Path, first: str) -> Path:
    """Directory of a kind of resource: beside the package in a source tree, inside in a wheel."""
    above = package.parent
    # pyproject.toml tells the source tree from a site-packages that happens to hold a "models".
    source_tree = (above / "pyproject.toml").is_file()
    if first == _MODELS:
        beside = above / _MODELS
        return beside if source_tree and beside.is_dir() else package / "_models"
    if first == _ABOUT:
        return above if source_tree else package / "_about"
    if first == _RESULTS:
        # a wheel has none; the path that is then named in the error is where it would be
        return above / "docs" / "results" if source_tree else package / "_results"
    return package / first
