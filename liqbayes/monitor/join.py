"""A fit's bars and later ones as one panel, in which the fit's parameters mean what they did."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from liqbayes.errors import InputError
from liqbayes.model.data import ModelData, prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.model.spec import ModelSpec
from liqbayes.monitor.limits import OTHER_MARKET
from liqbayes.panel import MarketPanel
from liqbayes.sampling.fit import panel_of

FloatArray = NDArray[np.float64]
_COMPARED = ("open_interest", "volume")


@dataclass(frozen=True)
class Joined:
    """A fit's panel continued.

    Attributes
    ----------
    panel : MarketPanel
        The fit's bars and the new ones after them.
    history : MarketPanel or None
        The fit's.
    evaluator : Evaluator
        For all bars, scaled as the fit's own.
    first : int
        First new bar, counted with the history.
    overlap : dict of str to float
        Median log ratio, new over fit, of columns in bars that both hold; empty without any.
    """

    panel: MarketPanel
    history: MarketPanel | None
    evaluator: Evaluator
    first: int
    overlap: dict[str, float]

    @property
    def data(self) -> ModelData:
        """Prepared data of all bars."""
        return self.evaluator.data

    def time(self) -> NDArray[np.datetime64]:
        """Bar opens, history included."""
        now = np.asarray(self.panel.time)
        if self.history is None:
            return now
        return np.concatenate([np.asarray(self.history.time), now])


def join(fit: xr.DataTree, new: MarketPanel) -> Joined:
    """Continue a fit's panel with the bars of another that come after it.

    Bars that both hold are compared and taken from the fit. Columns that the fit did not have are
    left out; those that ``new`` lacks are unknown there.

    Raises
    ------
    InputError
        If contract, bar length or prices are another market's, no bar is later than the fit's,
        or a dated cut of leverage lies among the new bars, for which the fit has no parameter.
    """
    panel, history = panel_of(fit)
    spec = ModelSpec.from_json(fit.attrs["spec"])
    if new.contract != panel.contract:
        raise InputError(
            f"the fit is of {panel.contract.name}, the new panel of {new.contract.name} (or of "
            "other rules of it); give bars of the same contract."
        )
    if new.bar_seconds != panel.bar_seconds:
        raise InputError(
            f"the fit has bars of {panel.bar_seconds} s, the new panel of {new.bar_seconds} s; "
            "give the same bar length."
        )
    before, after = panel.to_frame(), new.to_frame()
    later = after.index[after.index > before.index[-1]]
    if later.empty:
        raise InputError(
            f"the new panel ends at {after.index[-1]}, the fit's at {before.index[-1]}; give bars "
            "that are later than the fit's."
        )
    overlap = _overlap(before, after)
    both = pd.concat([before, after.loc[later].reindex(columns=before.columns)])
    joined = MarketPanel.from_frame(
        both,
        panel.contract,
        provenance={**panel.provenance, "source": panel.provenance.get("source")},
        bar_seconds=panel.bar_seconds,
    )
    own = prepare(spec, panel, history)
    first = own.n_bars
    # scales are those of the fit's bars, so that its parameters mean what they did
    data = prepare(spec, joined, history, seen=first)
    if not np.array_equal(data.block_capped[data.block[:first]], own.block_capped[own.block]):
        raise InputError(
            "a dated cut of leverage lies among the new bars: the fit's parameters mean something "
            "else after it; fit again."
        )
    return Joined(joined, history, Evaluator.of(spec, data), first, overlap)


def _overlap(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, float]:
    """Median log ratios over shared bars, once their prices agree."""
    shared = before.index.intersection(after.index)
    if shared.empty:
        return {}
    ratio = np.log(after.loc[shared, "close"] / before.loc[shared, "close"]).dropna()
    if ratio.size and abs(float(ratio.median())) > OTHER_MARKET:
        raise InputError(
            f"in {ratio.size} bars that fit and new panel share, prices differ by a factor of "
            f"{np.exp(ratio.median()):.3g}; give bars of the market that was fitted."
        )
    out = {}
    for name in _COMPARED:
        if name not in before or name not in after:
            continue
        pair = np.stack([after.loc[shared, name], before.loc[shared, name]]).astype(float)
        known = np.isfinite(pair).all(axis=0) & (pair > 0).all(axis=0)
        if known.any():
            out[name] = float(np.median(np.log(pair[0, known] / pair[1, known])))
    return out
