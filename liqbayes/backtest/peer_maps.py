"""What the bars of a panel, or of a path after it, sweep of the maps of published rules."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.backtest.model_data import common_rows
from liqbayes.backtest.table import PRICES, BarTable, interest_before
from liqbayes.errors import InputError
from liqbayes.panel import MarketPanel
from liqbayes.peers import swept

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class SweptMap:
    """What each bar of a table sweeps of a rule's map, over the open interest before it.

    Attributes
    ----------
    panel : MarketPanel
        The table's own.
    rule : str
        One of ``peers.RULES``.
    """

    panel: MarketPanel
    rule: str
    _known: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, table: BarTable) -> FloatArray:
        """Shares of open interest, shape (side, time); bars of a path may follow the panel's."""
        # both sides and several terms ask for the same path
        if self._known.get("path", (None,))[0] is table:
            return np.asarray(self._known["path"][1])
        if "own" not in self._known:
            self._known["own"] = BarTable.of(self.panel)
        same = common_rows(self._known["own"], table)
        if same == table.n_bars:
            # a bar sweeps what was drawn before it, so that later bars change nothing
            if "whole" not in self._known:
                found = swept(self.panel, self.rule) / interest_before(self.panel)
                self._known["whole"] = found
            return np.asarray(self._known["whole"][:, :same])
        along = along_path(self.panel, table, same)
        found = np.asarray(swept(along, self.rule) / interest_before(along))
        self._known["path"] = table, found
        return found


def along_path(panel: MarketPanel, table: BarTable, same: int) -> MarketPanel:
    """The first bars of a panel and after them a table's as a path; open interest stays.

    Parameters
    ----------
    panel : MarketPanel
    table : BarTable
    same : int
        Bars that both share.

    Raises
    ------
    InputError
        If the open interest before the path is unknown.
    """
    frame = panel.to_frame().iloc[:same]
    last = float(frame["open_interest"].iloc[-1]) if same else np.nan
    if not np.isfinite(last):
        raise InputError(
            f"open interest before bar {same}, where a path begins, is unknown; begin paths where "
            "it is known."
        )
    more = table.rows(same, None)
    path = pd.DataFrame(
        {
            **{name: getattr(more, name) for name in PRICES},
            **{f"mark_{name}": getattr(more, name) for name in PRICES},
            "volume": more.turnover * last,
            "open_interest": last,
        },
        index=pd.DatetimeIndex(more.time),
    )
    for leg in [c for c in frame if str(c).startswith("open_interest_")]:
        path[leg] = frame[leg].iloc[-1]
    path = path[[name for name in path if name in frame]]
    if "open_interest_linear" in path:
        # an aggregate's total moves with price while its legs stay
        path["open_interest"] = (
            path["open_interest_linear"] * path["close"] + path["open_interest_inverse"]
        )
    return MarketPanel.from_frame(
        pd.concat([frame, path]),
        panel.contract,
        provenance=panel.provenance,
        bar_seconds=panel.bar_seconds,
    )
