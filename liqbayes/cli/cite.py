"""`liqbayes cite NAME`."""

from typing import Annotated

import typer

from liqbayes.cli.console import guarded


@guarded
def cite(
    name: Annotated[str, typer.Argument(help="A shipped model, or the path of a spec.toml.")],
) -> None:
    """Print BibTeX of the package, the specification and the works that a model rests on.

    The works are those that the sources of its priors and its card name, and those behind the
    methods that it uses.
    """
    from liqbayes.cite import cite as entries
    from liqbayes.model import load_spec

    typer.echo("\n\n".join(entry.text() for entry in entries(load_spec(name))))
