"""What to cite for a model: the package, the specification, the works behind it."""

from liqbayes.cite.bibtex import Entry
from liqbayes.cite.cite import cite
from liqbayes.cite.works import Work, identifiers, load_works, works_of

__all__ = ["Entry", "Work", "cite", "identifiers", "load_works", "works_of"]
