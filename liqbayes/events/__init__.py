"""Do the usual readings of a map of liquidation levels hold? Event studies with controls."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from liqbayes.events.plan import EventPlan
    from liqbayes.events.run import EventResult, study_events
    from liqbayes.events.study import placebos, study

__all__ = ["EventPlan", "EventResult", "placebos", "study", "study_events"]

# These need PyMC or pandas, which the definitions alone do not.
_LAZY = {
    "EventPlan": "plan",
    "EventResult": "run",
    "placebos": "study",
    "study": "study",
    "study_events": "run",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
