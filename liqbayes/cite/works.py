"""The shipped bibliography, and which of its works a model rests on."""

import re
import tomllib
from dataclasses import dataclass

from liqbayes.cite.bibtex import Entry
from liqbayes.errors import LiqbayesError
from liqbayes.model import ModelSpec
from liqbayes.model.spec import model_card
from liqbayes.resources import find_resource

_OURS = ("type", "cited_as", "basis")
BASES = ("sampled", "liquidation_feed", "classes", "walk", "pooling", "weights")
# A doi may hold brackets, as old ones of Elsevier do, but ends before a sentence does.
_DOI = re.compile(r"\b10\.\d{4,9}/[^\s\"'`|;,]+")
_ARXIV = re.compile(r"\barxiv[:\s]*(\d{4}\.\d{4,5})", re.IGNORECASE)


@dataclass(frozen=True)
class Work:
    """One work of the bibliography.

    Attributes
    ----------
    entry : Entry
    cited_as : tuple of str
        Words by which a text names it where it gives no identifier.
    basis : tuple of str
        Of ``BASES``: what of a model rests on it, cited or not.
    """

    entry: Entry
    cited_as: tuple[str, ...]
    basis: tuple[str, ...]

    @property
    def identifiers(self) -> frozenset[str]:
        """Its doi and arXiv number, as ``identifiers`` finds them in a text."""
        fields = self.entry.fields
        doi = {fields["doi"].lower()} if "doi" in fields else set()
        eprint = {f"arxiv {fields['eprint']}"} if "eprint" in fields else set()
        return frozenset(doi | eprint)

    def is_cited(self, text: str) -> bool:
        """Whether a text names the work, by identifier or in words."""
        return bool(self.identifiers & identifiers(text)) or any(
            words in text for words in self.cited_as
        )


def identifiers(text: str) -> frozenset[str]:
    """DOIs and arXiv numbers in a text: in lower case, the latter as ``arxiv 1804.06788``."""
    dois = {_trimmed(found).lower() for found in _DOI.findall(text)}
    return frozenset(dois | {f"arxiv {found}" for found in _ARXIV.findall(text)})


def _trimmed(doi: str) -> str:
    """Without the punctuation of the sentence around it."""
    while doi and (doi[-1] in ".:*]" or (doi[-1] == ")" and doi.count(")") > doi.count("("))):
        doi = doi[:-1]
    return doi


def load_works() -> tuple[Work, ...]:
    """Read the shipped bibliography.

    Raises
    ------
    LiqbayesError
        If an entry lacks type, author or title, or names an unknown basis.
    """
    path = find_resource("cite", "works.toml")
    out = []
    for key, table in tomllib.loads(path.read_text(encoding="utf-8")).items():
        missing = [name for name in ("type", "author", "title") if name not in table]
        basis = tuple(table.get("basis", ()))
        if missing or not set(basis) <= set(BASES):
            raise LiqbayesError(f"{path}: {key} lacks {missing}, or rests for none of {BASES}.")
        fields = {name: str(value) for name, value in table.items() if name not in _OURS}
        if "eprint" in fields:
            fields["archiveprefix"] = "arXiv"
        entry = Entry(key, table["type"], fields)
        out.append(Work(entry, tuple(table.get("cited_as", ())), basis))
    return tuple(out)


def works_of(spec: ModelSpec) -> tuple[Work, ...]:
    """Works that a model rests on, in the order of the bibliography.

    Those that the sources of its priors (inherited ones included), its rule or its card name, and
    those behind the parts that it is made of.

    Parameters
    ----------
    spec : ModelSpec
    """
    text = "\n".join(
        [
            model_card(spec) or "",
            "" if spec.rule is None else spec.rule.source,
            *(prior.source for prior in spec.priors.values()),
        ]
    )
    basis = bases_of(spec)
    return tuple(w for w in load_works() if basis.intersection(w.basis) or w.is_cited(text))


def bases_of(spec: ModelSpec) -> frozenset[str]:
    """Parts that a model is made of, of ``BASES``."""
    has = {
        "sampled": spec.rule is None,
        "liquidation_feed": "liquidation_feed" in spec.channels,
        "classes": spec.holding_classes > 1,
        "walk": spec.walk_hours > 0,
        "pooling": bool(spec.pooling),
        "weights": min(spec.open_interest_weight, spec.feed_weight) < 1.0,
    }
    return frozenset(name for name, there in has.items() if there)
