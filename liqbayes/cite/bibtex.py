"""BibTeX entries."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Entry:
    """One BibTeX entry.

    Attributes
    ----------
    key, kind : str
        Such as ``cox1972`` and ``article``.
    fields : mapping of str to str
        As they stand in BibTeX; unknown ones are absent.
    """

    key: str
    kind: str
    fields: Mapping[str, str] = field(hash=False)

    def text(self) -> str:
        """The entry in UTF-8 BibTeX, fields in the given order."""
        lines = [f"  {name} = {{{value}}}," for name, value in self.fields.items()]
        return "\n".join([f"@{self.kind}{{{self.key},", *lines, "}"])
