"""The questions that a risk desk puts to a fit, some of which need further fits."""

import json
from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from liqbayes.checks import Verdict
from liqbayes.checks.identification import logit, total_liquidated
from liqbayes.errors import InputError
from liqbayes.model.spec import ModelSpec, load_spec
from liqbayes.outputs import at_risk, at_risk_amounts, liquidation_levels, thin
from liqbayes.outputs.context import open_fit
from liqbayes.panel import MarketPanel
from liqbayes.sampling import fit as sample
from liqbayes.sampling.fit import panel_of

FloatArray = NDArray[np.float64]
MOVES = (0.05, 0.1, 0.2)
FEED = ("long_liquidations", "short_liquidations")
# Thresholds, set before any fit was challenged. Shifts of posterior medians are in units of the
# pooled posterior standard deviation of the two fits, both on the logit scale.
SHIFT_WARN, SHIFT_FAIL = 1.0, 2.0
# without the feed an interval should not be narrower than this share of the one with it
LEAST_WIDTH = 0.9
# of a shift of the prior, the share that reaches the posterior
PRIOR_REACHES = 0.5
LEAST_PRIOR_SHIFT = 0.05
CONSERVED = 1e-9
# the form of the model that is tried beside a fit's own, by whether that has several holding speeds
OTHER_FORM = {True: ("baseline", "one holding speed"), False: ("standard", "three holding speeds")}
_DRAWS = 400

Step = Callable[[str], None]


def challenge(
    fit: xr.DataTree,
    *,
    draws: int = 500,
    tune: int = 500,
    chains: int = 2,
    on_step: Step = lambda _: None,
) -> list[Verdict]:
    """Put a fit to the tests that a desk would.

    Parameters
    ----------
    fit : xarray.DataTree
    draws, tune, chains : int
        Of each of the further fits; their seed is the fit's.
    on_step : callable
        Told in words what is done next.

    Returns
    -------
    list of Verdict
        Levels sum to open interest on both sides; base and quote agree; bars after the map's time
        change nothing; the panel begun a week later, and the panel without its feed, give the same
        shares at risk within their intervals (``fail`` where a median moves by more than
        ``SHIFT_FAIL`` pooled standard deviations, ``warn`` beyond ``SHIFT_WARN``); how much of a
        doubled prior odds of high leverage reaches the posterior; and, judged by the same shifts,
        shares at risk and total liquidations ``L`` under another form of the model, one holding
        speed in place of three or the reverse.
    """
    on_step("sums")
    verdicts = [*_sums(fit), _later_bars(fit)]
    panel, history = panel_of(fit)
    spec = ModelSpec.from_json(fit.attrs["spec"])
    base = risks(fit)
    seed = int(json.loads(fit.attrs["sampler"])["seed"])

    def again(changed: ModelSpec, data: MarketPanel) -> xr.DataTree:
        return sample(
            changed,
            data,
            history=None if data.time[0] != panel.time[0] else history,
            draws=draws,
            tune=tune,
            chains=chains,
            seed=seed,
            progress=False,
        )

    week = panel.time[0] + np.timedelta64(7, "D")
    if week < panel.time[panel.n_bars // 2]:
        on_step("a week later")
        verdicts += _shifts("begun a week later", base, risks(again(spec, panel.slice(week))))
    else:
        text = "the panel is shorter than two weeks"
        verdicts.append(Verdict("begun a week later", "ok", None, None, f"not tried: {text}"))
    if all(panel.has(c) for c in FEED) and "liquidation_feed" in spec.channels:
        on_step("without the feed")
        without = risks(again(spec, panel.without(*FEED)))
        verdicts += _shifts("without the feed", base, without)
        verdicts += _widths(base, without)
    on_step("twice the odds of high leverage")
    twice = doubled_high_leverage(spec)
    verdicts += _prior_reach(fit, base, again(twice, panel))
    form, words = OTHER_FORM[spec.holding_classes > 1]
    on_step(words)
    unseen = () if "liquidation_feed" in spec.channels else [c for c in FEED if panel.has(c)]
    other = again(load_spec(form), panel.without(*unseen))
    verdicts += _shifts(f"{words} ({form})", base, risks(other))
    verdicts += _shifts(f"{words} ({form}): L", totals(fit), totals(other))
    return verdicts


def doubled_high_leverage(spec: ModelSpec) -> ModelSpec:
    """The specification with twice the prior odds of P(leverage >= 20 | >= 8)."""
    (location,) = spec.prior("high_leverage_logit").location
    priors = dict(spec.source["priors"])
    priors["high_leverage_logit"] = {
        **priors["high_leverage_logit"],
        "mu": location + float(np.log(2.0)),
    }
    return ModelSpec.from_mapping({**spec.source, "priors": priors})


def _sums(fit: xr.DataTree) -> list[Verdict]:
    """Levels against open interest, and base against quote."""
    few = thin(fit, _DRAWS)
    levels = liquidation_levels(few, kind="expected")
    parts = levels["quantity"].sum("price") + levels["below"] + levels["above"] + levels["none"]
    data = open_fit(few, "posterior", "expected").evaluator.data
    off = float(np.abs(parts / data.common_interest()[data.last_bar] - 1.0).max())
    out = [
        Verdict(
            "levels sum to open interest",
            "ok" if off < CONSERVED else "fail",
            off,
            CONSERVED,
            "largest relative difference over sides and draws",
        )
    ]
    panel, _ = panel_of(fit)
    if panel.contract.kind == "linear":
        amounts = at_risk_amounts(few, moves=MOVES, kind="expected")
        ratio = amounts["quote"] / amounts["quantity"] / float(levels.attrs["mark_price"])
        by_bin = levels["quote"] / levels["quantity"].where(levels["quantity"] > 0)
        inside = (by_bin >= levels["price_low"]) & (by_bin <= levels["price_high"])
        good = bool((np.abs(ratio.fillna(1.0) - 1.0) < CONSERVED).all()) and bool(
            inside.where(by_bin.notnull(), True).all()
        )
        out.append(
            Verdict(
                "base and quote agree",
                "ok" if good else "fail",
                None,
                None,
                "quote over base is the mark price, and in each bin a price of the bin",
            )
        )
    return out


def _later_bars(fit: xr.DataTree) -> Verdict:
    """Bars after the one that the map stands at must not matter."""
    check = "no bar after the map's time is used"
    panel, history = panel_of(fit)
    if history is not None:
        return Verdict(check, "ok", None, None, "not tried: the fit has a history")
    few = thin(fit, 50)
    before = at_risk_amounts(few, moves=MOVES, kind="expected")
    as_of = np.datetime64(before.attrs["as_of"], "ns")
    last = panel.time[-1]
    step = np.timedelta64(panel.bar_seconds, "s")
    if as_of >= last + step:
        text = f"the map stands at the panel's end, {as_of}"
        return Verdict(check, "ok", 0.0, CONSERVED, text)
    cut = panel.slice(None, as_of)
    tree = few.copy()
    tree["panel"] = xr.DataTree(cut.data)
    tree.attrs = {**few.attrs, "panel_hash": cut.content_hash}
    after = at_risk_amounts(tree, moves=MOVES, kind="expected")
    off = float(np.abs(after["share"] - before["share"]).max())
    return Verdict(
        check, "ok" if off < CONSERVED else "fail", off, CONSERVED, f"the map stands at {as_of}"
    )


def risks(fit: xr.DataTree, group: str = "posterior") -> dict[str, FloatArray]:
    """Logit shares at risk without lumpiness, by output name."""
    share = at_risk(thin(fit, _DRAWS), moves=MOVES, kind="expected", group=group)
    return {
        f"at_risk[{side}, {move:g}]": logit(share.sel(side=side, move=move).to_numpy().ravel())
        for side in ("long", "short")
        for move in MOVES
    }


def totals(fit: xr.DataTree) -> dict[str, FloatArray]:
    """Log liquidations of each side over all followed bars, without lumpiness, by output name."""
    total = total_liquidated(thin(fit, _DRAWS), "posterior")
    return {
        f"L[{side}]": np.log(total.sel(side=side).to_numpy().ravel()) for side in ("long", "short")
    }


def shift(one: FloatArray, other: FloatArray) -> float:
    """Difference of medians over the pooled standard deviation."""
    pooled = np.sqrt(0.5 * (one.var() + other.var()))
    if not pooled > 0:
        raise InputError("a fit without spread cannot be challenged.")
    return float((np.median(other) - np.median(one)) / pooled)


def _shifts(check: str, base: dict[str, FloatArray], other: dict[str, FloatArray]) -> list[Verdict]:
    moved = {name: shift(base[name], other[name]) for name in base}
    worst = max(moved, key=lambda name: abs(moved[name]))
    size = abs(moved[worst])
    status = "fail" if size > SHIFT_FAIL else "warn" if size > SHIFT_WARN else "ok"
    text = f"largest shift in pooled standard deviations, of {worst}"
    return [Verdict(check, status, moved[worst], SHIFT_FAIL, text)]


def _widths(base: dict[str, FloatArray], without: dict[str, FloatArray]) -> list[Verdict]:
    ratio = {name: _width(without[name]) / _width(base[name]) for name in base}
    least = min(ratio, key=lambda name: ratio[name])
    return [
        Verdict(
            "wider without the feed",
            "ok" if ratio[least] >= LEAST_WIDTH else "warn",
            ratio[least],
            LEAST_WIDTH,
            f"least ratio of 90 % widths, of {least}",
        )
    ]


def _width(x: FloatArray) -> float:
    low, high = np.quantile(x, (0.05, 0.95))
    return float(high - low)


def _prior_reach(
    fit: xr.DataTree, base: dict[str, FloatArray], other: xr.DataTree
) -> list[Verdict]:
    """Shift of posterior medians over the shift of prior medians that caused it."""
    # both fits have the seed of the first, so that their prior draws are pairs
    before, after = risks(fit, "prior"), risks(other, "prior")
    posterior = risks(other)
    reach = {}
    for name in base:
        moved = float(np.median(after[name]) - np.median(before[name]))
        if abs(moved) > LEAST_PRIOR_SHIFT:
            reach[name] = float(np.median(posterior[name]) - np.median(base[name])) / moved
    check = "twice the prior odds of high leverage"
    if not reach:
        return [Verdict(check, "ok", None, PRIOR_REACHES, "moves the prior of no share at risk")]
    most = max(reach, key=lambda name: reach[name])
    return [
        Verdict(
            check,
            "ok" if reach[most] <= PRIOR_REACHES else "warn",
            reach[most],
            PRIOR_REACHES,
            f"most of the prior's shift that reaches the posterior, of {most}",
        )
    ]
