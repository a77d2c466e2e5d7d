"""One position: where it is liquidated, where its stop stands, whether its orders fill."""

from liqbayes.analysis.position.fills import after_fills
from liqbayes.analysis.position.level import Held, Position, hold
from liqbayes.analysis.position.orders import order_events
from liqbayes.analysis.position.stops import before_stop, stop_beyond, stops_for
from liqbayes.analysis.position.topic import assess_position

__all__ = [
    "Held",
    "Position",
    "after_fills",
    "assess_position",
    "before_stop",
    "hold",
    "order_events",
    "stop_beyond",
    "stops_for",
]
