"""Markdown, and the one HTML file that is made of it."""

import html
from collections.abc import Iterable, Sequence

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #1a1a1a; }
h1, h2, h3 { line-height: 1.2; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #bbb; }
table { border-collapse: collapse; font-size: 0.85rem; display: block; overflow-x: auto; }
th, td { border: 1px solid #bbb; padding: 0.25rem 0.5rem; text-align: left; vertical-align: top; }
th { background: #eee; }
code { font-size: 0.9em; background: #f3f3f3; overflow-wrap: anywhere; }
blockquote { border-left: 4px solid #b26a00; margin-left: 0; padding-left: 1rem; }
@media print { body { max-width: none; } }
"""


def cell(text: object) -> str:
    """Text that stands in one cell of a table."""
    plain = " ".join(str(text).split())
    return plain.replace("|", "\\|").replace("<", "\\<")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(cell(x) for x in row) + " |" for row in rows]
    return "\n".join(lines)


def missing(what: str) -> str:
    """A sentence that says that something does not exist, so that it stands out."""
    return f"> **Missing.** {what}"


def items(lines: Iterable[str]) -> str:
    """A list."""
    return "\n".join(f"- {line}" for line in lines)


def sunk(text: str, levels: int = 1) -> str:
    """Markdown whose headings stand that much lower."""
    lines, code = [], False
    for line in text.split("\n"):
        code ^= line.startswith("```")
        lines.append("#" * levels + line if line.startswith("#") and not code else line)
    return "\n".join(lines)


def as_html(text: str, title: str) -> str:
    """One HTML file that needs no other: Markdown rendered, HTML in it shown and not run.

    Parameters
    ----------
    text : str
        CommonMark with tables.
    title : str
    """
    from markdown_it import MarkdownIt

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"{body}</body>\n</html>\n"
    )
