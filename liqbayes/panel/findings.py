"""What an inspection reports."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

Level = Literal["info", "warning", "error"]
_ORDER = {"error": 0, "warning": 1, "info": 2}
_SHOWN = 5


@dataclass(frozen=True)
class Finding:
    """One observation on a panel or file.

    Attributes
    ----------
    level : {"info", "warning", "error"}
        An error means the file cannot be fitted as it is.
    check : str
        Short name of the check.
    what : str
        What was seen, with figures.
    rows : tuple of str
        Stamps of the first rows concerned.
    n_rows : int
        How many rows are concerned.
    remedy : str
        What to do; empty if nothing.
    """

    level: Level
    check: str
    what: str
    rows: tuple[str, ...] = ()
    n_rows: int = 0
    remedy: str = ""


@dataclass(frozen=True)
class Inspection:
    """What a file or panel is and what is noteworthy about it.

    Attributes
    ----------
    source : str
        File name, or the panel's source.
    kind : str
        ``"panel"``, or what the file is instead.
    description : str
        The same in words.
    contract : str or None
        Name of the contract.
    contract_inferred : bool
        Whether it was inferred from the file name.
    bar_seconds, n_bars, start, end
        Grid of the panel; None if it is none.
    known : dict of str to float
        Share of bars with a value, per column.
    measures : dict
        Figures behind the findings, plain JSON values; unknown is None.
    findings : tuple of Finding
        Errors first.
    """

    source: str
    kind: str
    description: str
    contract: str | None = None
    contract_inferred: bool = False
    bar_seconds: int | None = None
    n_bars: int | None = None
    start: str | None = None
    end: str | None = None
    known: dict[str, float] = field(default_factory=dict)
    measures: dict[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @property
    def is_panel(self) -> bool:
        """Whether a panel could be read."""
        return self.kind == "panel" and all(f.level != "error" for f in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [f"{self.source}: {self.description}"]
        if self.known:
            shares = (f"{name} {share:.0%}" for name, share in self.known.items())
            lines.append("  known: " + ", ".join(shares))
        for finding in self.findings:
            text = f"  {finding.level:7s} {finding.check}: {finding.what}"
            if finding.rows:
                more = ", …" if finding.n_rows > len(finding.rows) else ""
                text += f" [{', '.join(finding.rows)}{more}]"
            lines.append(text + (f" -> {finding.remedy}" if finding.remedy else ""))
        return "\n".join(lines)


def at_rows(
    level: Level,
    check: str,
    what: str,
    mask: np.ndarray[Any, Any],
    time: np.ndarray[Any, Any],
    remedy: str = "",
) -> Finding:
    """A finding that names the rows where `mask` is true."""
    where = np.flatnonzero(mask)
    rows = tuple(str(pd.Timestamp(time[i])) for i in where[:_SHOWN])
    return Finding(level, check, what, rows, len(where), remedy)


def errors_first(findings: list[Finding]) -> tuple[Finding, ...]:
    """Sort by level, keeping the order of the checks."""
    return tuple(sorted(findings, key=lambda finding: _ORDER[finding.level]))
