"""From rows of fits to coverage, sharpness and verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.validate.files import need_one
from liqbayes.validate.recovery import targets
from liqbayes.validate.recovery.markets import AXES, markets
from liqbayes.validate.recovery.outputs import AT_RISK, FAMILIES, FAMILY_OF, OUTPUTS
from liqbayes.validate.recovery.statistics import clustered_coverage
from liqbayes.validate.recovery.unit import ARMS, WITH_FEED, WITHOUT

FloatArray = NDArray[np.float64]
ALL = "all markets"
HELD, MISSED, TOO_FEW, NOT_SHIPPED = "held", "missed", "too few", "not shipped"
ARM_WORDS = {WITH_FEED: "with feed", WITHOUT: "without feed"}
# Levels of this axis change nothing without a feed.
FEED_AXIS = "reporting share"


@dataclass(frozen=True)
class Target:
    """One requirement and what became of it.

    Attributes
    ----------
    kind : {"coverage", "regime coverage", "width", "score"}
    arm : {"feed", "none"}
    regime, output : str
    value : float or None
        None where there is nothing to judge.
    limit : str
        In words.
    verdict : {"held", "missed", "too few", "not shipped"}
    """

    kind: str
    arm: str
    regime: str
    output: str
    value: float | None
    limit: str
    verdict: str


@dataclass(frozen=True)
class RecoveryResult:
    """Coverage and sharpness of a recovery run.

    Attributes
    ----------
    table : DataFrame
        One row an arm, regime and output (or family of outputs): ``n`` comparisons, ``markets``,
        ``effective_n``, ``coverage`` with its Wilson interval ``low`` to ``high``, ``zeros_apart``,
        ``failed`` (fits), ``width_ratio`` (median, over the prior's), ``score_ratio_prior`` and
        ``score_ratio_<rule>`` (of mean scores; of a family the geometric mean of its outputs').
    targets : tuple of Target
    comparisons : DataFrame
        One row a market, arm and output.
    failed : int
        Fits without an interval. They count as not covered and as infinitely wide.
    """

    table: pd.DataFrame
    targets: tuple[Target, ...]
    comparisons: pd.DataFrame
    failed: int

    @property
    def missed(self) -> tuple[Target, ...]:
        """Requirements that are not met."""
        return tuple(target for target in self.targets if target.verdict == MISSED)


def judge(rows: Sequence[Mapping[str, Any]], rules: Sequence[str]) -> RecoveryResult:
    """Compare intervals with truths and hold the shares against the targets.

    Parameters
    ----------
    rows : sequence of mapping
        Of `unit.recover`; a row with ``error`` is a failed fit.
    rules : sequence of str
        Point rules that the rows hold; the others of ``targets.POINT_RULES`` are noted as not
        shipped.

    Raises
    ------
    InputError
        If no fit is finished.
    """
    need_one(rows, [row for row in rows if "interval" in row], "no market has been fitted")
    compared = comparisons(rows, rules)
    table = _table(compared, rules)
    missing = [rule for rule in targets.POINT_RULES if rule not in rules]
    found = (*_coverage_targets(table), *_width_targets(table), *_score_targets(table, rules))
    absent = tuple(
        Target("score", arm, ALL, "all", None, f"below {rule}'s", NOT_SHIPPED)
        for rule in missing
        for arm in ARMS
    )
    return RecoveryResult(table, found + absent, compared, sum("error" in row for row in rows))


def comparisons(rows: Sequence[Mapping[str, Any]], rules: Sequence[str]) -> pd.DataFrame:
    """One row a market, arm and output: covered, apart, width ratio, scores, regimes."""
    table = markets()
    out = []
    for row in rows:
        number, arm = _unit_of(row)
        for name in OUTPUTS:
            out.append(
                {
                    "market": number,
                    "arm": arm,
                    "output": name,
                    "family": FAMILY_OF[name],
                    **_compared(row, name, rules),
                    **table[number].levels,
                }
            )
    # hundreds of regimes are cut out of this: words as categories make that quick
    words = ["arm", "output", "family", *AXES]
    return pd.DataFrame(out).astype(dict.fromkeys(words, "category"))


def numbers_of(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row a market, arm and output: truth, interval and the prior's, points of the rules.

    Shares of open interest at the end; totals in multiples of the mean open interest. A fit that
    failed has no numbers.
    """
    out = []
    for row in rows:
        number, arm = _unit_of(row)
        for name in OUTPUTS:
            found: dict[str, Any] = {"market": number, "arm": arm, "output": name}
            if "interval" in row:
                found["truth"] = row["truth"][name]
                found |= zip(("low", "median", "high"), row["interval"][name], strict=True)
                ends = ("prior_low", "prior_median", "prior_high")
                found |= zip(ends, row["prior"][name], strict=True)
                found |= {rule: point[name] for rule, point in row["point"].items()}
            out.append(found)
    return pd.DataFrame(out)


def _unit_of(row: Mapping[str, Any]) -> tuple[int, str]:
    """Market and arm, which a row of a failure may hold in its key alone."""
    number, arm = str(row["key"]).split("-")
    return int(number), arm


def _compared(row: Mapping[str, Any], name: str, rules: Sequence[str]) -> dict[str, Any]:
    scores = ("posterior", "prior", *rules)
    if "interval" not in row:
        unknown = {f"score_{score}": np.nan for score in scores}
        return {
            "failed": True,
            "covered": False,
            "apart": False,
            "width_ratio": np.inf,
            **unknown,
        }
    low, _, high = (x if abs(x) >= targets.NOTHING else 0.0 for x in row["interval"][name])
    truth, width = row["truth"][name], row["width"][name]
    nothing = max(abs(low), abs(high)) < targets.NEXT_TO_NOTHING
    return {
        "failed": False,
        "covered": bool(low <= truth <= high),
        "apart": bool(truth == 0.0 and nothing),
        # a prior interval without width cannot be undercut
        "width_ratio": width["posterior"] / width["prior"] if width["prior"] > 0 else np.nan,
        **{f"score_{score}": row["score"][name].get(score, np.nan) for score in scores},
    }


def _table(compared: pd.DataFrame, rules: Sequence[str]) -> pd.DataFrame:
    # each output by itself, then the families; a family of one output has one row
    single = [name for name in OUTPUTS if name not in FAMILIES]
    out = []
    for output in (*single, *FAMILIES):
        chosen = compared[compared["family" if output in FAMILIES else "output"] == output]
        for arm in ARMS:
            of_arm = chosen[chosen["arm"] == arm]
            for regime, rows in _regimes(of_arm, arm):
                out.append(
                    {"arm": arm, "regime": regime, "output": output}
                    | _figures(rows, ("prior", *rules))
                )
    table = pd.DataFrame(out)
    # by fit, then by regime, in the order of the axes
    order = {name: i for i, name in enumerate(dict.fromkeys(table["regime"]))}
    place = table["arm"].map(ARMS.index) * len(order) + table["regime"].map(order)
    return table.iloc[np.argsort(place.to_numpy(), kind="stable")].reset_index(drop=True)


def _regimes(compared: pd.DataFrame, arm: str) -> list[tuple[str, pd.DataFrame]]:
    out = [(ALL, compared)]
    for axis, levels in AXES.items():
        if axis == FEED_AXIS and arm == WITHOUT:
            continue
        for level in levels:
            chosen = compared[compared[axis] == level]
            if len(chosen):
                out.append((f"{axis}: {level}" if axis != "prior" else level, chosen))
    return out


def _figures(chosen: pd.DataFrame, rivals: Sequence[str]) -> dict[str, Any]:
    """One row's figures; plain arrays, for there are hundreds of rows."""
    market, apart, failed = (chosen[x].to_numpy() for x in ("market", "apart", "failed"))
    judged = ~apart.astype(bool)
    covered = chosen["covered"].to_numpy(dtype=np.float64)
    sizes = np.bincount(market[judged], minlength=1).astype(float)
    hits = np.bincount(market[judged], weights=covered[judged], minlength=1)
    found = clustered_coverage(hits, sizes)
    fitted = ~failed.astype(bool)
    output = chosen["output"].to_numpy()[fitted]
    score = {
        name: chosen[f"score_{name}"].to_numpy(dtype=np.float64)[fitted]
        for name in ("posterior", *rivals)
    }
    widths = chosen["width_ratio"].to_numpy(dtype=np.float64)
    widths = widths[~np.isnan(widths)]
    return {
        "n": found.n,
        "markets": found.clusters,
        "effective_n": found.effective_n,
        "coverage": found.share,
        "low": found.low,
        "high": found.high,
        "zeros_apart": int((~judged).sum()),
        "failed": int(np.unique(market[~fitted]).size),
        "width_ratio": float(np.median(widths)) if widths.size else np.nan,
        **{
            f"score_ratio_{rival}": _score_ratio(output, score["posterior"], score[rival])
            for rival in rivals
        },
    }


def _score_ratio(output: Any, own: FloatArray, other: FloatArray) -> float:
    """Geometric mean over outputs of the ratio of mean scores, so that units do not weigh."""
    known = np.isfinite(own) & np.isfinite(other)
    logs = []
    for name in dict.fromkeys(output[known]):
        at = known & (output == name)
        with np.errstate(divide="ignore", invalid="ignore"):
            logs.append(np.log(own[at].mean() / other[at].mean()))
    return float(np.exp(np.mean(logs))) if logs else np.nan


def _records(table: pd.DataFrame, *, pooled: bool) -> list[dict[str, Any]]:
    """Rows over all markets, or those of regimes."""
    chosen = table[(table["regime"] == ALL) == pooled]
    return [{str(k): v for k, v in row.items()} for row in chosen.to_dict("records")]


def _target(kind: str, row: Mapping[str, Any], value: float, limit: str, held: bool) -> Target:
    verdict = TOO_FEW if row["markets"] < targets.LEAST_MARKETS else HELD if held else MISSED
    found = _finite(float(value))
    return Target(kind, row["arm"], row["regime"], row["output"], found, limit, verdict)


def _coverage_targets(table: pd.DataFrame) -> list[Target]:
    least, most = targets.COVERAGE
    out = [
        _target(
            "coverage",
            row,
            row["coverage"],
            f"{least:g} to {most:g}",
            least <= row["coverage"] <= most,
        )
        for row in _records(table, pooled=True)
        if row["output"] in OUTPUTS
    ]
    low, high = targets.REGIME_COVERAGE
    return out + [
        _target(
            "regime coverage",
            row,
            row["coverage"],
            f"a Wilson interval that meets {low:g} to {high:g}",
            row["high"] >= low and row["low"] <= high,
        )
        for row in _records(table, pooled=False)
        if row["output"] in FAMILIES
    ]


def _width_targets(table: pd.DataFrame) -> list[Target]:
    return [
        _target("width", row, row["width_ratio"], f"at most {most:g} of the prior's", held)
        for row in _records(table, pooled=True)
        if row["output"] in targets.WIDTH
        for most in [targets.WIDTH[row["output"]][row["arm"]]]
        for held in [bool(row["width_ratio"] <= most)]
    ]


def _score_targets(table: pd.DataFrame, rules: Sequence[str]) -> list[Target]:
    return [
        _target(
            "score",
            row,
            row[f"score_ratio_{rival}"],
            f"below {words}'s",
            bool(row[f"score_ratio_{rival}"] < targets.SCORE),
        )
        for row in _records(table, pooled=True)
        if row["output"] in OUTPUTS
        for rival, words in (("prior", "the prior"), *((rule, rule) for rule in rules))
    ]


def summary_of(
    result: RecoveryResult, identity: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Contents of ``recovery.json``, plain JSON values."""
    fitted = [row for row in rows if "interval" in row]
    known = [row for row in rows if "truth" in row]
    count = {v: sum(t.verdict == v for t in result.targets) for v in (HELD, MISSED, TOO_FEW)}
    return {
        **identity,
        "fits": len(rows),
        "markets": len({_unit_of(row)[0] for row in rows}),
        "failed": result.failed,
        "errors": sorted({str(row["error"]) for row in rows if "error" in row}),
        "silent_feeds": sum(row["silent_feed"] for row in known),
        "far_from_prior": _far_share(known),
        "targets_held": count[HELD],
        "targets_missed": count[MISSED],
        "targets_not_judged": count[TOO_FEW],
        "point_rules_not_shipped": sorted(
            rule
            for rule in targets.POINT_RULES
            if f"score_ratio_{rule}" not in result.table.columns
        ),
        "width_aim_at_risk": targets.WIDTH_AIM[AT_RISK],
        "convergence": _convergence(fitted),
        "worker_seconds": round(sum(row.get("seconds", 0.0) for row in rows), 1),
        "targets": [asdict(target) for target in result.targets],
    }


def _far_share(rows: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Share of the markets at least one prior standard deviation away, as achieved."""
    out: dict[str, float | None] = {}
    for name in ("leverage", "turnover"):
        away = [abs(d) for row in rows if (d := row["distance"][name]) is not None]
        out[name] = float(np.mean(np.array(away) >= 1.0)) if away else None
    both = [
        min(abs(d["leverage"]), abs(d["turnover"])) >= 1.0
        for row in rows
        if None not in (d := row["distance"]).values()
    ]
    return out | {"both": float(np.mean(both)) if both else None}


def _convergence(fitted: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Over the fits: how bad the worst and the ordinary one are."""
    found = [row["convergence"] for row in fitted]

    def values(name: str) -> FloatArray:
        # what is not known is as bad as can be
        worst = np.inf if name == "max_rhat" else 0.0
        return np.array([worst if f[name] is None else f[name] for f in found])

    rhat, bulk, tail = values("max_rhat"), values("min_ess_bulk"), values("min_ess_tail")
    return {
        "rhat_above_1.05": int((rhat > 1.05).sum()),
        "max_rhat": _finite(float(rhat.max())),
        "median_rhat": _finite(float(np.median(rhat))),
        "min_ess_bulk": float(bulk.min()),
        "median_ess_bulk": float(np.median(bulk)),
        "min_ess_tail": float(tail.min()),
        "divergences": int(sum(f["divergences"] for f in found)),
        "sampled_again": sum(bool(f["notes"]) for f in found),
    }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
