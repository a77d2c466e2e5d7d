"""Stored studies of a model in words and tables."""

from liqbayes.model import ModelSpec
from liqbayes.validate.document.results import Published, Results, judging
from liqbayes.validate.markdown import items, missing, table
from liqbayes.validate.studies import KINDS

_SHOWN = 40


def outcomes(spec: ModelSpec, results: Results) -> str:
    """The section on outcomes: what every kind of published study says, or that there is none."""
    parts = []
    if results.directory is None:
        parts.append(
            missing(
                "This installation carries no published results: they are part of the source tree "
                "(`docs/results`), not of a wheel. Give a directory of them with `--results DIR`."
            )
        )
    for schema, kind in KINDS.items():
        now, old = results.of(schema), results.of(schema, current=False)
        if not (kind.of_model or now or old):
            continue
        parts += [f"### {kind.name[0].upper()}{kind.name[1:]}", kind.asks]
        parts += [_shown(each) for each in now]
        if not now and kind.of_model:
            parts.append(_absent(spec, schema))
        if old:
            parts.append("Of other versions, which say nothing certain of this one:")
            parts.append(
                items(
                    f"`{each.study.where}`: {spec.name} "
                    f"{each.version or 'of a version not stated'}: {each.study.verdict}"
                    for each in old
                )
            )
    if results.unread:
        parts.append("Files among the results that this version does not read:")
        parts.append(items(f"`{name}`" for name in results.unread))
    return "\n\n".join(parts)


def latest(schema: str | None, results: Results) -> str:
    """What is published of a kind, in the words of a table's cell; not of planted faults."""
    if schema is None:
        return "no outcome is published apart from the test itself"
    name = KINDS[schema].name
    now = [r for r in results.of(schema) if not r.planted]
    if now:
        return "; ".join(f"{name}: {each.study.verdict}" for each in now)
    return f"{name}: not published for this version"


def _absent(spec: ModelSpec, schema: str) -> str:
    if schema not in judging(spec):
        return "Does not apply: a rule has no posterior and no prediction to calibrate."
    command = KINDS[schema].command.format(model=spec.name)
    return missing(f"No result of {spec.name} {spec.version} is published. `{command}`")


def _shown(result: Published) -> str:
    study = result.study
    parts = [f"`{study.where}`: {study.verdict}.", table(*study.table)]
    missed = study.missed
    if missed:
        parts += [f"Asked for and not reached ({len(missed)}):", items(missed[:_SHOWN])]
    if len(missed) > _SHOWN:
        parts.append(f"and {len(missed) - _SHOWN} more in the file.")
    return "\n\n".join(parts)
