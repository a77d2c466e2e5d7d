"""The level-fate run: all estimates, beside a model's priors, and its files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.census import drift as drifting
from liqbayes.census import fate
from liqbayes.census.bootstrap import DRAWS, AccountDraws, quantiles
from liqbayes.census.table import Census
from liqbayes.model import ModelSpec
from liqbayes.panel import MarketPanel
from liqbayes.report.directory import write_directory, write_json
from liqbayes.validate.identity import model_identity

FloatArray = NDArray[np.float64]

SCHEMA = "liqbayes-level-fate-1"
TABLES = ("removal", "drift", "half_life", "stays", "priors")
FILES = (*(f"{name}.csv" for name in TABLES), "fate.json")
# 5 and 95 % points of a standard normal.
_Z = 1.6448536269514722
_EDGE = 0.005


@dataclass(frozen=True)
class FateResult:
    """Tables of a level-fate run; see `removal`, `drift`, `half_life` and `against_priors`."""

    removal: pd.DataFrame
    drift: pd.DataFrame
    half_life: pd.DataFrame
    stays: pd.DataFrame
    priors: pd.DataFrame
    about: dict[str, Any]


def level_fate(
    census: Census,
    panels: Mapping[str, MarketPanel],
    spec: ModelSpec,
    *,
    seed: int = 0,
    draws: int = DRAWS,
) -> FateResult:
    """What happens to positions whose level price reaches, and how levels move.

    Parameters
    ----------
    census : Census
    panels : mapping of str to MarketPanel
        Prices by market of the census.
    spec : ModelSpec
        Its priors of ``touch_to_close_share`` and ``renewal_hazard_per_day`` are compared.
    seed : int
    draws : int
        Of the bootstrap over accounts.

    Returns
    -------
    FateResult

    Raises
    ------
    InputError
        If panels and census share no market or no time.
    """
    rng = np.random.default_rng([seed, 41])
    accounts = AccountDraws.of(census.accounts.size, rng, draws)
    followed = fate.follow(census, panels)
    removal, closed = fate.removal(followed, accounts, rng)
    drift, hazards = drifting.drift(drifting.drift_rows(census, panels), accounts)
    lives, stays = drifting.half_life(census, tuple(panels), accounts)
    return FateResult(
        removal,
        drift,
        lives,
        stays,
        against_priors(closed, hazards, spec),
        {
            "schema": SCHEMA,
            "markets": {
                name: {"panel_hash": panel.content_hash, "bars": panel.n_bars}
                for name, panel in panels.items()
            },
            "snapshots": int(census.times.size),
            "first": str(census.times[0]),
            "last": str(census.times[-1]),
            "accounts": int(census.accounts.size),
            "positions": len(census.table),
            "model": model_identity(spec),
            "draws": draws,
            "seed": seed,
        },
    )


def against_priors(
    closed: Mapping[fate.Key, FloatArray],
    hazards: Mapping[tuple[float, float, str, str], FloatArray],
    spec: ModelSpec,
) -> pd.DataFrame:
    """Estimates beside the priors of a model, and the prior that each would make.

    Returns
    -------
    DataFrame
        ``estimate``, its interval, that of the prior, ``prior_sd_apart`` (medians on the
        unconstrained scale, in prior standard deviations), ``agrees`` (the interval holds the
        prior's median), and ``suggested_median`` and ``suggested_sigma``: the distribution of the
        prior's family with the estimate's median and the width of its 90 % interval.
    """
    rows = []
    for level in fate.LEVELS:
        for unseen in fate.UNSEEN:
            key = (level, fate.HEADLINE_HOURS, fate.HEADLINE_BEYOND, "notional", unseen)
            rows.append(
                _beside(
                    "touch_to_close_share",
                    f"level {level}, unseen {unseen}",
                    closed[key],
                    spec,
                    headline=level == fate.LEVELS[0] and unseen == "unknown",
                )
            )
    for threshold in drifting.MOVED:
        for group in ("all", "unchanged size"):
            at = (drifting.HEADLINE_HOURS, threshold, "notional", group)
            if at in hazards:
                rows.append(
                    _beside(
                        "renewal_hazard_per_day",
                        f"moved by {100 * threshold:g} %, {group}",
                        hazards[at],
                        spec,
                        headline=threshold == drifting.HEADLINE_MOVED and group == "unchanged size",
                    )
                )
    return pd.DataFrame(rows)


def _beside(
    name: str, estimate: str, draws: FloatArray, spec: ModelSpec, *, headline: bool
) -> dict[str, object]:
    prior = spec.prior(name)
    to, back = _scales(prior.distribution)
    centre, sigma = prior.location[0], prior.sigma[0]
    low, middle, high = quantiles(draws)
    ends = to(np.array([low, middle, high]))
    return {
        "parameter": name,
        "estimate": estimate,
        "headline": headline,
        "low": low,
        "median": middle,
        "high": high,
        "prior_low": float(back(centre - _Z * sigma)),
        "prior_median": float(back(centre)),
        "prior_high": float(back(centre + _Z * sigma)),
        "prior_sd_apart": float((ends[1] - centre) / sigma),
        "agrees": bool(low <= back(centre) <= high) if np.isfinite(low) else None,
        "suggested_median": float(back(ends[1])),
        "suggested_sigma": float((ends[2] - ends[0]) / (2 * _Z)),
    }


def _scales(distribution: str) -> tuple[Any, Any]:
    """To the unconstrained scale and back; shares of 0 and 1 and rates of 0 are cut: finite."""
    if distribution == "logitnormal":
        return (
            lambda x: np.log(np.clip(x, _EDGE, 1 - _EDGE) / (1 - np.clip(x, _EDGE, 1 - _EDGE))),
            lambda x: 1 / (1 + np.exp(-x)),
        )
    if distribution == "lognormal":
        return lambda x: np.log(np.maximum(x, _EDGE)), np.exp
    return lambda x: x, lambda x: x


def write_fate(result: FateResult, out: str | Path, *, force: bool = False) -> Path:
    """Write the tables as CSV and what they rest on as JSON; aggregates only, no account.

    Raises
    ------
    InputError
        If the directory exists and may not be replaced.
    """

    def fill(directory: Path) -> None:
        for name in TABLES:
            table: pd.DataFrame = getattr(result, name)
            table.to_csv(directory / f"{name}.csv", index=False, float_format="%.6g")
        write_json(directory / "fate.json", result.about)

    return write_directory(Path(out), fill, force=force, known=FILES)
