"""A fit as one interactive HTML file that needs no network and no other file."""

from liqbayes.page.gather import Facts, gather
from liqbayes.page.render import render
from liqbayes.page.sections import (
    analysis_command,
    fitting_analysis,
    missing_topics,
    read_sections,
)
from liqbayes.page.write import check_page, write_page

__all__ = [
    "Facts",
    "analysis_command",
    "check_page",
    "fitting_analysis",
    "gather",
    "missing_topics",
    "read_sections",
    "render",
    "write_page",
]
