"""Stored studies of one model: those of its specification of today, and of others of its name."""

from dataclasses import dataclass
from pathlib import Path

from liqbayes.model import ModelSpec
from liqbayes.validate.studies import KINDS, Study, read_studies


@dataclass(frozen=True)
class Published:
    """One stored study that speaks about a model.

    Attributes
    ----------
    study : Study
    version, hash : str
        Of the specification that was judged; empty where the study does not say.
    current : bool
        Whether that is the specification of today, by its hash.
    """

    study: Study
    version: str
    hash: str
    current: bool

    @property
    def planted(self) -> bool:
        """Whether a fault was planted: then it is no outcome of the model itself."""
        return bool(self.study.values.get("fault"))


@dataclass(frozen=True)
class Results:
    """All stored studies that speak about one model.

    Attributes
    ----------
    directory : Path or None
        Where they were looked for; None if nowhere.
    found : tuple of Published
        In the order of their files.
    unread : tuple of str
        Files whose schema this version does not know, or that are damaged.
    """

    directory: Path | None
    found: tuple[Published, ...]
    unread: tuple[str, ...]

    def of(self, schema: str, *, current: bool = True) -> tuple[Published, ...]:
        """Studies of a kind, of today's specification or of others of its name."""
        return tuple(r for r in self.found if r.study.schema == schema and r.current == current)


def read_results(spec: ModelSpec, directory: Path | None) -> Results:
    """Read what has been published of a model; see ``read_studies``."""
    studies = read_studies(directory)
    found = [
        Published(
            study,
            str(about.get("version", "")),
            str(about.get("hash", "")),
            about.get("hash") == spec.content_hash,
        )
        for study in studies.found
        for about in study.models
        if about.get("name") == spec.name
    ]
    return Results(studies.directory, tuple(found), studies.unread)


def judging(spec: ModelSpec) -> tuple[str, ...]:
    """Kinds of studies that judge a model of this sort: of a rule, which has no posterior, few."""
    return tuple(
        schema
        for schema, kind in KINDS.items()
        if kind.of_model and (spec.rule is None or kind.of_rules)
    )
