"""The HTML of a page: one file, scripts named by their hash, no address to load from."""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from liqbayes.analysis import Section
from liqbayes.checks.review import PRIOR_DOMINATED
from liqbayes.page import words
from liqbayes.page.gather import Facts
from liqbayes.page.tables import Cell, Column, Table, cell, figure, interval_cell, table_of
from liqbayes.page.write import MARK
from liqbayes.resources import find_resource

SIDES = ("long", "short")
# In this order they are one program.
_SCRIPTS = ("base.js", "unpack.js", "tables.js", "map.js", "figures.js", "main.js")
# Nothing may be loaded from anywhere; only the scripts with these hashes run.
_POLICY = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; "
    "font-src data:; connect-src 'none'; base-uri 'none'; form-action 'none'"
)


def render(facts: Facts) -> str:
    """Set the page.

    Every text is escaped where it is put: HTML by the template, data by `json_text`, Markdown by a
    renderer that shows HTML instead of passing it on.

    Parameters
    ----------
    facts : Facts

    Returns
    -------
    str
        A whole HTML document.
    """
    assets = find_resource("page", "assets")
    scripts = [_safe_script(_plotly()), _safe_script(_program(assets))]
    policy = _POLICY.format(scripts=" ".join(f"'sha256-{_hash(s)}'" for s in scripts))
    environment = Environment(
        loader=FileSystemLoader(assets),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(amount=amount, share=share, price=price, plain=plain)
    summary = facts.summary
    shares = words.informed(facts.verdicts, PRIOR_DOMINATED)
    return environment.get_template("page.html.j2").render(
        facts=facts,
        s=summary,
        mark=Markup(MARK),
        policy=policy,
        style=Markup((assets / "style.css").read_text(encoding="utf-8")),
        plotly=Markup(scripts[0]),
        program=Markup(scripts[1]),
        data=Markup(json_text(_data(facts))),
        risk=_risk(summary),
        delta=_delta(facts),
        averages=_averages(summary),
        groups=words.groups(facts.verdicts),
        worst=words.worst,
        informed=shares,
        mostly_prior=sum(x.mostly for x in shares),
        sections=[_set_section(section) for section in facts.sections],
        truth=_truth(facts.truth),
        known=[(name, 100.0 * value) for name, value in facts.inspection.known.items()],
        card=None if facts.card is None else Markup(markdown(facts.card)),
        bar=_bar(facts.bar_seconds),
    )


def json_text(value: Any) -> str:
    """JSON that can stand in a script element: nothing in it ends the element or a line."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def markdown(text: str) -> str:
    """HTML of Markdown in which HTML is shown, not passed on, and headings stand lower.

    Links keep their words and lose their target: a page that opens offline leads nowhere.
    """
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image"])
    tokens = renderer.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 2, 6)}"
        token.children = [c for c in token.children or [] if not c.type.startswith("link_")]
    body = renderer.renderer.render(tokens, renderer.options, {})
    # wide tables scroll in a box that the keyboard reaches
    return re.sub(
        r"<table>(.*?)</table>",
        r'<div class="scroll" tabindex="0" role="region" aria-label="Table">\g<0></div>',
        str(body),
        flags=re.DOTALL,
    )


def amount(value: float | None) -> str:
    """An amount such as 12.3M."""
    return "–" if value is None else figure(value, unit="quote")


def share(value: float | None) -> str:
    """A share in percent."""
    return "–" if value is None else figure(value, unit="share")


def plain(value: float) -> str:
    """A figure of a check: four digits, and no powers of ten for what is next to nothing."""
    return "below 0.0001" if 0 < value < 1e-4 else f"{value:.4g}"


def price(value: float | None) -> str:
    """A price."""
    return "–" if value is None else figure(value, "price")


def _data(facts: Facts) -> dict[str, Any]:
    s = facts.summary
    return {
        **facts.figures,
        "contract": s["contract"],
        "quantity_unit": s["quantity_unit"],
        "quote_unit": s["quote_unit"],
        "mark_price": s["mark_price"],
        "entry_vwap": s["entry_vwap"],
        "rule": facts.rule,
    }


def _risk(s: dict[str, Any]) -> Table:
    """Shares and amounts at risk by adverse move, as in ``summary.json``."""
    heads = [Column("adverse move", "", True)]
    for side in SIDES:
        heads += [
            Column(f"{side}s, share (90 % interval)", "", True),
            Column(f"{side}s (90 % interval)", s["quote_unit"], True),
        ]
    rows = []
    for move in s["at_risk"]["long"]:
        row = [Cell(f"{100 * float(move):g} %", value=move)]
        for side in SIDES:
            row += [
                _triple(s["at_risk"][side][move], unit="share"),
                _triple(s["at_risk_quote"][side][move]),
            ]
        rows.append(tuple(row))
    return Table(
        "Open interest whose level lies within an adverse move of the mark price",
        tuple(heads),
        tuple(rows),
        len(rows),
    )


def _delta(facts: Facts) -> Table:
    s, unit = facts.summary, facts.summary["quote_unit"]
    heads = (
        Column("window", "", False),
        Column("ΔL (90 % interval)", unit, True),
        Column("P(ΔL > 0)", "", True),
        Column("longs liquidated (90 % interval)", unit, True),
        Column("shorts liquidated (90 % interval)", unit, True),
    )
    rows = []
    for i, row in enumerate(facts.figures["delta"]):
        chance = s["p_delta_positive"][row["window"]]
        rows.append(
            (
                Cell(f"last {row['window']}", value=str(i)),
                _triple(s["delta_quote"][row["window"]]),
                Cell("–") if chance is None else Cell(f"{chance:.2f}", value=repr(chance)),
                _triple(row["long"]),
                _triple(row["short"]),
            )
        )
    return Table(
        "Liquidations over windows that end at the last bar", heads, tuple(rows), len(rows)
    )


def _averages(s: dict[str, Any]) -> Table:
    heads = (
        Column("of", "", False),
        *(Column(f"{side}s (90 % interval)", "x", True) for side in SIDES),
    )
    rows = []
    for i, window in enumerate(s["average_leverage"]["long"]):
        name = "what is open" if window == "open_interest" else f"opened in the last {window}"
        cells = [_triple(s["average_leverage"][side][window], "leverage") for side in SIDES]
        rows.append((Cell(name, value=str(i)), *cells))
    return Table("Average effective leverage (harmonic mean)", heads, tuple(rows), len(rows))


def _triple(values: list[float | None] | None, name: str = "", unit: str = "") -> Cell:
    if values is None:
        return Cell("–")
    low, middle, high = values
    return interval_cell(low, middle, high, name, unit or "quote")


def _set_section(section: Section) -> dict[str, Any]:
    return {
        "name": section.name,
        "title": section.title,
        "cautions": section.cautions,
        "findings": section.findings,
        "conventions": section.conventions,
        "tables": [
            table_of(table, words.caption(name), section.units)
            for name, table in section.tables.items()
        ],
    }


def _truth(frame: pd.DataFrame | None) -> Table | None:
    """Posterior beside truth; the unit of a row decides how its numbers are written."""
    if frame is None:
        return None
    rows = []
    for row in frame.to_dict("records"):
        unit = "share" if row["unit"] == "share" else "quote"
        name = "price" if row["unit"] == "price" else ""
        rows.append(
            (
                cell(row["output"]),
                interval_cell(row["low"], row["median"], row["high"], name, unit),
                cell(row["truth"], name, unit),
                cell(row["inside"]),
            )
        )
    heads = (
        Column("output", "", False),
        Column("posterior median (90 % interval)", "", True),
        Column("truth", "", True),
        Column("inside", "", False),
    )
    return Table("Posterior beside the truth of the simulation", heads, tuple(rows), len(rows))


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _program(assets: Path) -> str:
    parts = [(assets / name).read_text(encoding="utf-8") for name in _SCRIPTS]
    return '"use strict";\n(() => {\n' + "\n".join(parts) + "\n})();\n"


def _safe_script(text: str) -> str:
    """A program that nothing in it can end; its strings and patterns stay what they were."""
    # browsers hash what they parsed, in which a line ends with one sign
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"</(script)", r"<\\/\1", lines, flags=re.IGNORECASE).replace("<!--", r"<\!--")


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


def _bar(seconds: int) -> str:
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds % size == 0:
            return f"{seconds // size} {name}"
    return f"{seconds} s"
