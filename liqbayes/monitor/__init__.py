"""Whether a fit still describes its market: later bars, filtered and held against the fit."""

from liqbayes.monitor.checks import Check
from liqbayes.monitor.limits import AMBER, GREEN, RED, TRIGGERS
from liqbayes.monitor.run import Monitoring, monitor_fit
from liqbayes.monitor.write import write_monitoring

__all__ = [
    "AMBER",
    "GREEN",
    "RED",
    "TRIGGERS",
    "Check",
    "Monitoring",
    "monitor_fit",
    "write_monitoring",
]
