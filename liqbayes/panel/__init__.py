"""Market panels: reading, validation, gaps and inspection."""

from liqbayes.panel.archives import read_binance_archives
from liqbayes.panel.columns import COLUMNS
from liqbayes.panel.findings import Finding, Inspection
from liqbayes.panel.gaps import known_bars, open_interest_bridged, segments
from liqbayes.panel.inspect import inspect_panel
from liqbayes.panel.panel import MarketPanel
from liqbayes.panel.positions import POSITION_COLUMNS, check_positions
from liqbayes.panel.read import read_panel

__all__ = [
    "COLUMNS",
    "POSITION_COLUMNS",
    "Finding",
    "Inspection",
    "MarketPanel",
    "check_positions",
    "inspect_panel",
    "known_bars",
    "open_interest_bridged",
    "read_binance_archives",
    "read_panel",
    "segments",
]
