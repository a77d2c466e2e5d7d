"""The BibTeX entries of a model."""

import re
from importlib.metadata import version
from typing import Any

from liqbayes.cite.bibtex import Entry
from liqbayes.cite.works import works_of
from liqbayes.errors import LiqbayesError
from liqbayes.model import ModelSpec
from liqbayes.resources import find_resource


def cite(spec: ModelSpec) -> tuple[Entry, ...]:
    """What to cite for results of a model.

    Parameters
    ----------
    spec : ModelSpec

    Returns
    -------
    tuple of Entry
        The package, as ``CITATION.cff`` says; the specification, by version and content hash; the
        works that it rests on.
    """
    package = package_entry(citation_file())
    return (package, spec_entry(spec, package), *(work.entry for work in works_of(spec)))


def citation_file() -> dict[str, Any]:
    """The contents of ``CITATION.cff``.

    Raises
    ------
    LiqbayesError
        If it is no citation file.
    """
    import yaml

    path = find_resource("about", "CITATION.cff")
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise LiqbayesError(f"{path} is no YAML: {error}.") from None
    if not isinstance(read, dict) or "cff-version" not in read:
        raise LiqbayesError(f"{path} is no citation file: it has no key 'cff-version'.")
    return read


def package_entry(citation: dict[str, Any]) -> Entry:
    """The package as its preferred citation says, or as the file itself does."""
    about = citation.get("preferred-citation", citation)
    known = {
        "author": " and ".join(_author(person) for person in about.get("authors", [])),
        "title": about.get("title"),
        "version": about.get("version", citation.get("version")),
        "year": about.get("year"),
        "doi": about.get("doi"),
        "url": about.get("url", about.get("repository-code")),
        "license": about.get("license"),
    }
    fields = {name: str(value) for name, value in known.items() if value}
    return Entry("liqbayes", "software", fields)


def _author(person: dict[str, Any]) -> str:
    """A person as ``family, given``; a group in braces, which BibTeX does not take apart."""
    if "family-names" in person:
        return ", ".join(filter(None, [person["family-names"], person.get("given-names")]))
    return f"{{{person.get('name', '')}}}"


def spec_entry(spec: ModelSpec, package: Entry) -> Entry:
    """The specification as a part of the package, by version and content hash."""
    key = "liqbayes-" + re.sub(r"[^a-z0-9]+", "-", spec.name.lower())
    fields = {
        "author": package.fields.get("author", ""),
        "title": f"Model specification {spec.name} {spec.version}",
        "version": spec.version,
        "year": package.fields.get("year", ""),
        "howpublished": f"liqbayes {version('liqbayes')}",
        "note": f"SHA-256 of its content: {spec.content_hash}",
    }
    return Entry(key, "misc", {name: value for name, value in fields.items() if value})
