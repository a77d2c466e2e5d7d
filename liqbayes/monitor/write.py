"""The directory of a monitoring run."""

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from liqbayes.monitor.limits import TRIGGERS, limits
from liqbayes.monitor.picture import draw_monitoring
from liqbayes.monitor.rolling import rolling
from liqbayes.monitor.run import Monitoring
from liqbayes.report import write_directory
from liqbayes.report.directory import write_json

SCHEMA = "liqbayes-monitor-1"
FILES = ("monitor.json", "monitor.png")
_VERSIONED = ("liqbayes", "numpy", "scipy", "xarray")


def write_monitoring(found: Monitoring, out: Path, *, force: bool = False) -> dict[str, Any]:
    """Write ``monitor.json`` and ``monitor.png``, both or neither.

    Parameters
    ----------
    found : Monitoring
    out : Path
        Directory to write.
    force : bool
        Replace one that an earlier run wrote.

    Returns
    -------
    dict
        The contents of ``monitor.json``.

    Raises
    ------
    InputError
        If the directory exists and may not be replaced.
    """
    values = as_plain(found)

    def fill(directory: Path) -> None:
        write_json(directory / "monitor.json", values)
        draw_monitoring(found, directory / "monitor.png")

    write_directory(out, fill, force=force, known=FILES)
    return values


def as_plain(found: Monitoring) -> dict[str, Any]:
    """The contents of ``monitor.json``: plain values, unknown is None."""
    table = rolling(found)
    return {
        "schema": SCHEMA,
        "status": found.status,
        **found.about,
        "checks": [_finite(asdict(check)) for check in found.checks],
        "triggers": {
            name: {"watches": what, "amber": amber, "red": red}
            for name, (what, amber, red) in TRIGGERS.items()
        },
        "limits": limits(),
        "blocks": [_finite(row) for row in table],
        "versions": {name: version(name) for name in _VERSIONED},
    }


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and not np.isfinite(value) else value
        for key, value in row.items()
    }
