"""`liqbayes models` and `liqbayes models show NAME`."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from liqbayes.cli.console import guarded, number, out, print_table, say

if TYPE_CHECKING:
    from liqbayes.model.priors import Prior

models = typer.Typer(help="List the models, or show one.", invoke_without_command=True)


@models.callback()
@guarded
def _list(context: typer.Context) -> None:
    """List the models that are shipped; `show NAME` tells more about one."""
    if context.invoked_subcommand is not None:
        return
    from liqbayes.model import list_models, load_spec

    specs = [load_spec(name) for name in list_models()]
    print_table(
        ("name", "version", "hash", "needs", "uses if there", "summary"),
        [
            (
                spec.name,
                spec.version,
                spec.content_hash[:12],
                ", ".join(spec.required),
                ", ".join(spec.optional),
                spec.summary,
            )
            for spec in specs
        ],
        right=9,
    )


@models.command()
@guarded
def show(
    name: Annotated[str, typer.Argument(help="A shipped model, or the path of a spec.toml.")],
) -> None:
    """Show a model: identity, columns, channels, priors or fixed mix, and its card."""
    from liqbayes.model import load_spec
    from liqbayes.model.spec import model_card

    spec = load_spec(name)
    text = [
        f"{spec.name} {spec.version} (sha256 {spec.content_hash})",
        spec.summary,
        f"needs: {', '.join(spec.required)}",
        f"uses if there: {', '.join(spec.optional)}",
        f"observation channels: {', '.join(spec.channels) or 'none, a rule'}",
    ]
    if spec.rule is not None:
        text.append(f"source of the mix: {spec.rule.source}")
    out().print("\n".join(text), markup=False, soft_wrap=True)
    if spec.rule is None:
        print_table(
            ("parameter", "prior", "unit", "meaning"),
            [_prior_row(prior) for prior in spec.priors.values()],
            right=9,
        )
    else:
        print_table(
            ("leverage", "share of what is opened"),
            [
                (number(x, "leverage"), number(share, "share"))
                for x, share in zip(spec.rule.leverage, spec.rule.share, strict=True)
            ],
            right=0,
        )
    card = model_card(spec)
    if card is None:
        say(f"{spec.path} has no card.md beside it.")
    else:
        out().print(card, markup=False, soft_wrap=True)


def _prior_row(prior: "Prior") -> tuple[str, str, str, str]:
    """A prior in words; locations are stored on the unconstrained scale."""
    back: dict[str, tuple[str, Callable[[float], float]]] = {
        "normal": ("mean", lambda x: x),
        "lognormal": ("median", math.exp),
        "logitnormal": ("median", lambda x: 1.0 / (1.0 + math.exp(-x))),
    }
    word, natural = back[prior.distribution]
    centre = ", ".join(f"{natural(x):.3g}" for x in prior.location)
    sigma = ", ".join(f"{x:.3g}" for x in dict.fromkeys(prior.sigma))
    text = f"{prior.distribution}, {word} {centre}, sigma {sigma}"
    return prior.name, text, prior.unit, prior.description
