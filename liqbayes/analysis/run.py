"""All topics of a fit, in the order in which they are read."""

from collections.abc import Callable, Sequence
from importlib import import_module

import xarray as xr

from liqbayes.analysis.section import Section
from liqbayes.analysis.workspace import Options, Workspace
from liqbayes.errors import InputError

# Modules of this package that have a function ``section(work: Workspace) -> Section``.
SECTIONS: tuple[str, ...] = (
    "clusters",
    "zones",
    "consumed",
    "concentration",
    "velocity",
    "windows",
    "forward",
    "cascade",
    "manipulation",
)


def analyse(
    fit: xr.DataTree,
    *,
    options: Options | None = None,
    only: Sequence[str] = (),
    step: Callable[[str], None] = lambda _: None,
) -> tuple[Section, ...]:
    """Run the topics on a fit.

    Parameters
    ----------
    fit : DataTree
    options : Options, optional
    only : sequence of str
        Topics to run, of `SECTIONS`; all by default.
    step : callable, optional
        Told the topic that is run next.

    Returns
    -------
    tuple of Section

    Raises
    ------
    InputError
        On an unknown topic, or if none of those asked for can be run.
    """
    unknown = sorted(set(only) - set(SECTIONS))
    if unknown:
        raise InputError(f"{', '.join(unknown)} is no topic; use {', '.join(SECTIONS)}.")
    work = Workspace(fit, options or Options())
    found: list[Section] = []
    failed: list[str] = []
    for name in SECTIONS:
        if not only or name in only:
            step(name)
            try:
                found.append(run_topic(name, work))
            except InputError as error:
                # what one topic cannot say must not lose what the others can
                found.append(Section(name, name.capitalize(), {}, (f"Not identified: {error}",)))
                failed.append(f"{name}: {error}")
    if failed and len(failed) == len(found):
        raise InputError("; ".join(failed))
    return tuple(found)


def run_topic(name: str, work: Workspace) -> Section:
    """Run one topic of `SECTIONS`."""
    section: Section = import_module(f"liqbayes.analysis.{name}").section(work)
    return section
