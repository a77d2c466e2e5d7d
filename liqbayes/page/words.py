"""Names and verdicts in the words of a reader who does not know the model."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_OUTPUT = re.compile(r"(\w+)(?:\[([^\]]*)\])?$")
_WINDOWED = {"open_interest": "of what is open"}
_SHARE = "prior share of "
_SCALED = "scale from prior"
_CONVERGENCE = ("R-hat", "bulk ESS", "tail ESS", "divergences", "E-BFMI", "tree depth")
_MEANING = {
    "R-hat": "Independent chains tell the same story",
    "bulk ESS": "Enough independent draws for medians",
    "tail ESS": "Enough independent draws for the ends of intervals",
    "divergences": "The sampler reached every corner of the posterior",
    "E-BFMI": "The sampler moved freely between energies",
    "tree depth": "Trajectories were long enough",
}
_CHANNELS = {
    "open_interest_change": "changes of open interest",
    "report_long": "reported long liquidations",
    "report_short": "reported short liquidations",
}


@dataclass(frozen=True)
class Check:
    """One verdict for a reader.

    Attributes
    ----------
    status : {"ok", "warn", "fail"}
    title, text : str
    value, limit : float or None
    """

    status: str
    title: str
    text: str
    value: float | None
    limit: float | None


@dataclass(frozen=True)
class Group:
    """Verdicts on one question."""

    title: str
    lead: str
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class Informed:
    """How much of an output the prior still decides.

    Attributes
    ----------
    name : str
    share : float
        Of the prior's variance that is left, 0 to 1.
    mostly : bool
        Whether the prior decides most of it.
    verdict : str
    """

    name: str
    share: float
    mostly: bool
    verdict: str


def output_name(key: str) -> str:
    """Words for an output such as ``at_risk[long, 0.05]``; the key itself if it is not known."""
    found = _OUTPUT.match(key)
    if not found:
        return key
    name, inside = found.group(1), (found.group(2) or "").split(", ")
    if name == "at_risk" and len(inside) == 2:
        return f"{inside[0].capitalize()}s at risk within {_percent(inside[1])}"
    if name == "realised_total":
        return f"{inside[0].capitalize()}s liquidated over the panel"
    if name == "entry_vwap":
        return f"Average entry price of {inside[0]}s"
    if name == "average_leverage" and len(inside) == 2:
        what = _WINDOWED.get(inside[1], f"of what was opened in the last {inside[1]}")
        return f"Average leverage of {inside[0]}s, {what}"
    if name == "delta":
        return f"ΔL over the last {inside[0]}"
    return "ΔL over the panel" if name == "delta_total" else key


def informed(verdicts: Iterable[Mapping[str, Any]], dominated: float) -> tuple[Informed, ...]:
    """Outputs with what the prior still decides, the most narrowed first.

    Parameters
    ----------
    verdicts : iterable of mapping
        As ``summary.json`` holds them.
    dominated : float
        Share above which an output is mostly prior.
    """
    out = []
    for verdict in verdicts:
        name, share = verdict["check"], verdict["value"]
        if not name.startswith(_SHARE) or share is None:
            continue
        mostly = share > dominated
        rests = "mostly the prior" if mostly else "data"
        if not mostly and _SCALED in verdict["text"]:
            rests = "data, its scale on the prior"
        out.append(Informed(output_name(name.removeprefix(_SHARE)), share, mostly, rests))
    return tuple(sorted(out, key=lambda item: item.share))


def groups(verdicts: Iterable[Mapping[str, Any]]) -> tuple[Group, ...]:
    """Verdicts by the question that they answer; shares of the prior are told elsewhere.

    Parameters
    ----------
    verdicts : iterable of mapping
        As ``summary.json`` holds them.
    """
    left = [v for v in verdicts if not v["check"].startswith(_SHARE)]
    taken = [
        (
            "Did the sampler do its work?",
            "If one of these fails, no number on this page may be used.",
            [_convergence(v) for v in left if v["check"] in _CONVERGENCE],
        ),
        (
            "What sets the scale?",
            "Open interest and a feed see products of the amounts that were liquidated, not the "
            "amounts. Where the posterior is as wide as the prior, the data said nothing.",
            [_scale(v) for v in left if v["check"].startswith(("scale:", "informed:"))],
        ),
        (
            "Does the model describe its own bars?",
            "A 90 % one-step prediction should hold about nine bars in ten.",
            [
                _predictive(v)
                for v in left
                if v["check"].startswith(("90 % predictive", "prior conflict"))
            ],
        ),
        (
            "How much is older than the data?",
            "Positions opened before the first bar are placed by the prior.",
            [_book(v) for v in left if v["check"].startswith("book before")],
        ),
    ]
    prefixes = ("scale:", "informed:", "90 % predictive", "prior conflict", "book before")
    rest = [
        Check(v["status"], v["check"], v["text"], v["value"], v["threshold"])
        for v in left
        if v["check"] not in _CONVERGENCE and not v["check"].startswith(prefixes)
    ]
    taken.append(("What else was noted", "", rest))
    return tuple(Group(title, lead, tuple(checks)) for title, lead, checks in taken if checks)


def worst(checks: Sequence[Check]) -> str:
    """The worst status of some checks."""
    found = {c.status for c in checks}
    return next((s for s in ("fail", "warn") if s in found), "ok")


def _convergence(verdict: Mapping[str, Any]) -> Check:
    name = verdict["check"]
    good = verdict["status"] == "ok"
    title = _MEANING[name] if good else f"Not established: {_lower(_MEANING[name])}"
    return Check(
        verdict["status"],
        title,
        f"{name}, {verdict['text']}",
        verdict["value"],
        verdict["threshold"],
    )


def _scale(verdict: Mapping[str, Any]) -> Check:
    name = verdict["check"]
    if name.startswith("informed:"):
        title = f"{output_name(name.removeprefix('informed: '))}: no data channel moves it"
        return Check(verdict["status"], title, verdict["text"], None, None)
    known = {
        "scale: log L": "All that was liquidated (L)",
        "scale: log(rho C)": "What open interest sees: closings at levels (ρC)",
        "scale: log(kappa L)": "What the feed sees: reported liquidations (κL)",
    }
    value, limit, text = verdict["value"], verdict["threshold"], verdict["text"]
    if value is not None and limit is not None:
        # the review's own words hold amount and meaning around the two spreads
        held, meaning = text.split(";")[0], text.rsplit(": ", 1)[-1]
        text = f"{held}; spread of its logarithm {value:.2f}, of the prior's {limit:.2f}: {meaning}"
    return Check(verdict["status"], known.get(name, name), text, None, None)


def _predictive(verdict: Mapping[str, Any]) -> Check:
    name = verdict["check"]
    if name.startswith("prior conflict: "):
        what = name.removeprefix("prior conflict: ").replace("_", " ")
        title = f"The data pull {what} far from its prior"
        return Check(
            verdict["status"], title, verdict["text"], verdict["value"], verdict["threshold"]
        )
    channel = name.removeprefix("90 % predictive coverage of ")
    words = next((w for key, w in _CHANNELS.items() if channel.startswith(key)), channel)
    share = verdict["value"]
    title = f"{100 * share:.0f} % of {words} lie inside" if share is not None else words
    return Check(verdict["status"], title, verdict["text"], share, verdict["threshold"])


def _book(verdict: Mapping[str, Any]) -> Check:
    side = verdict["check"].rsplit(", ", 1)[-1]
    share = verdict["value"]
    title = f"{side.capitalize()}s: share unknown"
    if share is not None:
        title = f"{100 * share:.0f} % of {side} open interest is older than the panel"
    return Check(verdict["status"], title, verdict["text"], share, verdict["threshold"])


def _percent(text: str) -> str:
    try:
        return f"{100 * float(text):g} %"
    except ValueError:
        return text


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def caption(name: str) -> str:
    """A table's name as a caption."""
    text = name.replace("_", " ").replace("-", " ")
    return text[:1].upper() + text[1:]
