"""Verdicts that a risk team reads in place of trace plots."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from liqbayes.checks.convergence import LIMITS, convergence_reasons, diagnostics
from liqbayes.checks.identification import (
    Scale,
    complete_feed,
    prior_book_share,
    prior_share,
    scale_products,
)
from liqbayes.checks.sensitivity import PRIOR, SENSITIVE, power_scaling
from liqbayes.outputs import liquidation_levels
from liqbayes.outputs.context import is_rule, open_fit

# a rule's book further than this from open interest is pointed out
BOOK_TOLERANCE = 0.1

# an output that keeps more than this share of its prior variance is mostly prior
PRIOR_DOMINATED = 0.5
# 90 % one-step predictive intervals should hold about 90 % of the bars
COVERAGE_RANGE = (0.84, 0.96)
# parameters this many prior standard deviations from the prior's centre contradict it
PRIOR_CONFLICT = 3.0
# outputs in proportion to the scale of liquidations, or near enough to price to follow it
_SCALED = (
    "realised_total",
    "delta",
    *(f"at_risk[{side}, {move}]" for side in ("long", "short") for move in (0.01, 0.02, 0.05)),
)


@dataclass(frozen=True)
class Verdict:
    """One check.

    Attributes
    ----------
    check : str
    status : {"ok", "warn", "fail"}
        ``fail`` only for convergence; everything else informs.
    value, threshold : float or None
    text : str
    """

    check: str
    status: str
    value: float | None
    threshold: float | None
    text: str


@dataclass(frozen=True)
class Review:
    """All verdicts of a fit, and the numbers behind them."""

    converged: bool
    reasons: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    diagnostics: dict[str, Any]
    prior_share: dict[str, float]
    prior_book_share: dict[str, float]
    scale: dict[str, Scale]
    sensitivity: dict[str, dict[str, float]]


def review(fit: xr.DataTree) -> Review:
    """Judge a fit.

    Parameters
    ----------
    fit : xarray.DataTree
        What ``fit`` returned or ``load_fit`` read.

    Returns
    -------
    Review
        Convergence (R-hat, bulk and tail ESS, divergences, E-BFMI, tree depth), what of each
        output is prior, the identified products beside the scale, one-step predictive coverage,
        and the share of the book that is older than the panel. A rule counts as converged,
        because nothing was sampled; that it has no interval is among its verdicts.
    """
    if is_rule(fit):
        return _of_rule(fit)
    found = diagnostics(fit)
    reasons = convergence_reasons(found)
    if fit.attrs.get("interrupted") == "true":
        reasons = ("interrupted before all draws were taken", *reasons)
    shares = prior_share(fit)
    books = prior_book_share(fit)
    scale = scale_products(fit)
    sensitivity = power_scaling(fit)
    verdicts = (
        *_convergence(found),
        *_identification(shares, scale, complete_feed(fit)),
        *_uninformed(sensitivity),
        *_conflicts(fit),
        *_predictive(fit),
        *_book(books),
        *_weights(fit),
        *_notes(fit),
    )
    return Review(not reasons, reasons, verdicts, found, shares, books, scale, sensitivity)


def _of_rule(fit: xr.DataTree) -> Review:
    """What can be said of a rule: no diagnostics, no prior, and what its book leaves out."""
    data = open_fit(fit, "posterior", "expected").evaluator.data
    levels = liquidation_levels(fit)
    held = levels["quantity"].sum("price") + levels["below"] + levels["above"] + levels["none"]
    interest = float(data.common_interest()[data.last_bar])
    verdicts = [
        Verdict("sampling", "ok", None, None, "a rule: nothing was sampled"),
        Verdict(
            "interval",
            "warn",
            None,
            None,
            "a rule: no interval, no prior and no likelihood; how far it is off it cannot say",
        ),
    ]
    for side in ("long", "short"):
        share = float(held.sel(side=side).squeeze()) / interest
        verdicts.append(
            Verdict(
                f"book over open interest, {side}",
                "ok" if abs(share - 1.0) <= BOOK_TOLERANCE else "warn",
                share,
                1.0,
                "the rule does not conserve open interest; shares at risk are of its own book"
                if share > 0
                else "the rule's book of this side is empty; its shares are unknown",
            )
        )
    unknown = {"long": float("nan"), "short": float("nan")}
    return Review(True, (), tuple(verdicts), {}, {}, unknown, {}, {})


def _convergence(found: dict[str, Any]) -> list[Verdict]:
    def verdict(check: str, value: float | None, limit: float, good: bool, text: str) -> Verdict:
        return Verdict(check, "ok" if good else "fail", value, limit, text)

    rhat = found["max_rhat"]
    out = [
        verdict(
            "R-hat",
            rhat,
            LIMITS.rhat,
            rhat is not None and rhat < LIMITS.rhat,
            f"largest, of {found['worst_rhat']}" if rhat else "needs two chains",
        ),
        *(
            verdict(
                f"{kind} ESS",
                found[f"min_ess_{kind}"],
                LIMITS.ess,
                found[f"min_ess_{kind}"] >= LIMITS.ess,
                f"smallest, of {found[f'worst_ess_{kind}']}",
            )
            for kind in ("bulk", "tail")
        ),
        verdict(
            "divergences",
            found["divergent_share"],
            LIMITS.divergent_share,
            found["divergent_share"] <= LIMITS.divergent_share,
            f"{found['divergences']} draws",
        ),
        verdict(
            "E-BFMI",
            found["min_ebfmi"],
            LIMITS.ebfmi,
            found["min_ebfmi"] > LIMITS.ebfmi,
            "smallest over chains",
        ),
    ]
    depth = found["treedepth_share"]
    if depth is not None:
        out.append(
            Verdict(
                "tree depth",
                "ok" if depth < 0.01 else "warn",
                depth,
                0.01,
                "share of draws that ran to the depth limit",
            )
        )
    return out


def _identification(
    shares: dict[str, float], scale: dict[str, Scale], complete: bool
) -> list[Verdict]:
    out = []
    for name, value in shares.items():
        text = "mostly prior" if value > PRIOR_DOMINATED else "narrowed by the data"
        warns = value > PRIOR_DOMINATED
        if not complete and name.startswith(_SCALED):
            # a narrow interval is no evidence where only products with L are seen
            text, warns = f"{text}; scale from prior and model form", True
        out.append(
            Verdict(
                f"prior share of {name}", "warn" if warns else "ok", value, PRIOR_DOMINATED, text
            )
        )
    for name, found in scale.items():
        low, middle, high = (f"{v:.3g}" for v in found.interval)
        text = f"{middle} [{low}, {high}]; posterior sd against prior sd {found.prior_sd:.2f}: "
        own = name == "log L"
        text += (
            "set by priors and functional form, read it beside the products"
            if own
            else "what the data see"
        )
        level = "warn" if own and not complete else "ok"
        out.append(Verdict(f"scale: {name}", level, found.posterior_sd, found.prior_sd, text))
    return out


def _uninformed(sensitivity: dict[str, dict[str, float]]) -> list[Verdict]:
    """Outputs that no channel moves when it counts a little more or less."""
    out = []
    for name, by_source in sensitivity.items():
        most = max(value for source, value in by_source.items() if source != PRIOR)
        if most < SENSITIVE:
            text = "power scaling: no channel informs it"
            out.append(Verdict(f"informed: {name}", "warn", most, SENSITIVE, text))
    return out


def _conflicts(fit: xr.DataTree) -> list[Verdict]:
    mean = fit["posterior"]["z"].mean(("chain", "draw"))
    out = []
    for name, value in zip(mean["parameter"].to_numpy(), mean.to_numpy(), strict=True):
        if abs(value) > PRIOR_CONFLICT:
            out.append(
                Verdict(
                    f"prior conflict: {name}",
                    "warn",
                    float(value),
                    PRIOR_CONFLICT,
                    "prior standard deviations from the prior's centre",
                )
            )
    return out


def _predictive(fit: xr.DataTree) -> list[Verdict]:
    out = []
    drawn = fit["posterior_predictive"].to_dataset()
    seen = fit["observed_data"].to_dataset()
    for name in seen.data_vars:
        low, high = (drawn[name].quantile(q, ("chain", "draw")).to_numpy() for q in (0.05, 0.95))
        value = seen[name].to_numpy()
        share = float(np.mean((value >= low) & (value <= high)))
        good = COVERAGE_RANGE[0] <= share <= COVERAGE_RANGE[1]
        out.append(
            Verdict(
                f"90 % predictive coverage of {name}",
                "ok" if good else "warn",
                share,
                0.9,
                "one-step, in sample; zeros of a feed count as covered where likely",
            )
        )
    return out


def _book(books: dict[str, float]) -> list[Verdict]:
    return [
        Verdict(
            f"book before the first bar, {side}",
            "warn" if value > 0.25 else "ok",
            value,
            0.25,
            "share of open interest whose entry no bar of the panel saw",
        )
        for side, value in books.items()
    ]


def _weights(fit: xr.DataTree) -> list[Verdict]:
    """What a discounted likelihood means for a reader; nothing where bars count in full."""
    data = open_fit(fit, "posterior", "expected").evaluator.data
    weights = {"open interest": data.open_interest_weight}
    if data.feeds:
        weights["reports"] = data.feed_weight
    hours = float((data.start >= 0).sum()) * data.bar_hours
    return [
        Verdict(
            f"weight of {name}",
            "warn",
            weight,
            1.0,
            f"each bar counts to the power {weight:.3g}, because markets are not the model's: "
            f"{hours:.0f} hours of {name} count as {hours * weight:.3g}, and the posterior stays "
            "closer to the prior",
        )
        for name, weight in weights.items()
        if weight < 1
    ]


def _notes(fit: xr.DataTree) -> list[Verdict]:
    notes = json.loads(fit.attrs["sampler"])["notes"]
    return [Verdict("sampler", "warn", None, None, text) for text in notes]
