"""Figures of a fit and of its outputs.

Each function with a short name takes a fit, computes the output and returns a matplotlib
``Figure``; each ``draw_...`` function draws an output that is already computed. Nothing here uses
pyplot or changes a setting. Write a figure with `save` or ``figure.savefig``.
"""

from liqbayes.plots.delta import draw_delta
from liqbayes.plots.densities import draw_entry, draw_leverage
from liqbayes.plots.heatmap import draw_heatmap, draw_uncertainty
from liqbayes.plots.of_fit import (
    cumulative,
    delta,
    entry,
    heatmap,
    heatmap_uncertainty,
    leverage,
    profile,
    reports,
)
from liqbayes.plots.profile import draw_cumulative, draw_profile
from liqbayes.plots.reports import draw_reports
from liqbayes.plots.style import save

__all__ = [
    "cumulative",
    "delta",
    "draw_cumulative",
    "draw_delta",
    "draw_entry",
    "draw_heatmap",
    "draw_leverage",
    "draw_profile",
    "draw_reports",
    "draw_uncertainty",
    "entry",
    "heatmap",
    "heatmap_uncertainty",
    "leverage",
    "profile",
    "reports",
    "save",
]
