"""Filter a fit through later bars and judge what it said of them."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.errors import InputError
from liqbayes.monitor import limits as at
from liqbayes.monitor.blocks import Blocks
from liqbayes.monitor.checks import Check, channel_tests, judged
from liqbayes.monitor.forward import Predicted, predict
from liqbayes.monitor.join import Joined, join
from liqbayes.monitor.market import market_checks
from liqbayes.monitor.prior import prior_check
from liqbayes.outputs import thin
from liqbayes.outputs.context import is_rule
from liqbayes.panel import MarketPanel
from liqbayes.sampling.continued import continued

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Monitoring:
    """What monitoring found.

    Attributes
    ----------
    status : {"green", "amber", "red"}
        The worst of the checks.
    checks : tuple of Check
    joined : Joined
        The fit's bars and the new ones.
    blocks : Blocks
    predicted : tuple of Predicted
        One-step predictions of every observed bar, the fit's own included.
    about : dict
        Fit and new bars in plain values.
    """

    status: str
    checks: tuple[Check, ...]
    joined: Joined
    blocks: Blocks
    predicted: tuple[Predicted, ...]
    about: dict[str, Any]

    def alarms(self) -> tuple[Check, ...]:
        """Checks that are not green, the worst first."""
        found = [check for check in self.checks if check.status != at.GREEN]
        return tuple(sorted(found, key=lambda check: -at.ORDER.index(check.status)))


def monitor_fit(fit: xr.DataTree, new: MarketPanel, *, draws: int = at.DRAWS) -> Monitoring:
    """Hold a fit against bars that came after it.

    The state is filtered through the new bars at the fit's own draws; nothing is fitted again.
    Each new bar is predicted a bar ahead, given its price and volume, as the likelihood predicts
    the fit's own; the last seven days (``limits.WINDOW_BLOCKS`` blocks) are compared with how the
    fit predicted its own bars.

    Parameters
    ----------
    fit : xarray.DataTree
        What ``liqbayes.fit`` returned or ``load_fit`` read.
    new : MarketPanel
        Bars of the same market and bar length, some of them later than the fit's; earlier ones are
        compared.
    draws : int
        Posterior draws to filter.

    Returns
    -------
    Monitoring

    Raises
    ------
    InputError
        If the fit is a rule, which predicts nothing; the new bars are another market's, too few
        or none; or the fit is too short to be compared with.

    Notes
    -----
    Thresholds and their reasons stand in ``liqbayes.monitor.limits``. Tests of a change share one
    family-wise level over all of them (Bonferroni). A green run says that nothing was found.
    """
    if is_rule(fit):
        raise InputError("a rule predicts nothing, so there is nothing to monitor; fit a model.")
    if draws < 20:
        raise InputError(f"draws is {draws}; use at least 20.")
    few = thin(fit, draws)
    joined = join(few, new)
    blocks = Blocks.of(joined.first, joined.data.n_bars, joined.data.bar_hours)
    if not blocks.later():
        raise InputError(
            f"only {blocks.n_bars - joined.first} bars are later than the fit's; a verdict needs "
            f"{blocks.length}."
        )
    seed = int(json.loads(fit.attrs["sampler"])["seed"])
    z = continued(few["posterior"].to_dataset()["z"], joined.evaluator, seed)
    values = z.to_numpy().reshape(-1, z.sizes["parameter"])
    predicted = predict(joined.evaluator, values, seed)
    tests = [test for channel in predicted for test in channel_tests(channel, blocks)]
    if not tests:
        raise InputError(
            "the fit has too few scored days to be compared with; fit a longer panel "
            f"({at.LEAST_BLOCKS} days after the burn-in are needed)."
        )
    checks = (
        *market_checks(joined, blocks, predicted),
        *judged(tests),
        prior_check(thin(few, at.PRIOR_DRAWS), joined, seed),
    )
    return Monitoring(
        status=at.worst([check.status for check in checks]),
        checks=checks,
        joined=joined,
        blocks=blocks,
        predicted=predicted,
        about=_about(fit, joined, blocks, new, len(values), len(tests)),
    )


def _about(
    fit: xr.DataTree, joined: Joined, blocks: Blocks, new: MarketPanel, draws: int, tests: int
) -> dict[str, Any]:
    spec = joined.evaluator.spec
    time = joined.time()

    def stamp(bar: int) -> str:
        return str(np.datetime64(time[bar], "s"))

    return {
        "contract": joined.panel.contract.name,
        "model": {"name": spec.name, "version": spec.version, "hash": spec.content_hash},
        "fit": {"panel_hash": fit.attrs["panel_hash"], "last_bar": stamp(joined.first - 1)},
        "new": {
            "panel_hash": new.content_hash,
            "first_bar": stamp(joined.first),
            "last_bar": stamp(blocks.n_bars - 1),
            "bars": blocks.n_bars - joined.first,
        },
        "judged": {
            "first_bar": stamp(blocks.judged),
            "bars": blocks.n_bars - blocks.judged,
            "blocks": len(blocks.window()),
            "block_bars": blocks.length,
        },
        "draws": draws,
        "tests": tests,
    }
