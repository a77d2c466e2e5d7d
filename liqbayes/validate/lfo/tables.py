"""From rows of scored blocks to the comparison and its files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liqbayes.errors import InputError
from liqbayes.validate.files import replace_text
from liqbayes.validate.lfo.differences import difference
from liqbayes.validate.lfo.scores import k_limit
from liqbayes.validate.lfo.unit import ALL

FloatArray = NDArray[np.float64]
SUMMARY, TABLE, PICTURE = "compare.json", "compare.csv", "compare.png"
REFERENCE = "reference"
# Fits whose R-hat is above this are counted as not converged; a score wants less than an interval.
LARGEST_RHAT = 1.05


@dataclass(frozen=True)
class ComparisonResult:
    """Scores of models on the same bars.

    Attributes
    ----------
    table : DataFrame
        One row a channel and model: ``bars``, ``elpd`` (sum over the bars), ``per_bar``, ``mcse``
        (Monte Carlo standard error), and against the first model ``difference``, ``se``, ``low``,
        ``high`` (95 % interval) and ``verdict``.
    fits : DataFrame
        One row a model: ``blocks``, ``fits``, ``refits`` (fits that large weights asked for),
        ``largest_k`` (of the weights that were used), ``not_converged``, ``divergences``,
        ``seconds``.
    k : mapping of str to list of (int, float or None, bool)
        By model: first bar of each window, Pareto k of its weights, whether the model was fitted
        there.
    elpd : mapping of str to mapping of str to ndarray, shape (time,)
        By channel and model; NaN where one of the channel's models has no score.
    left_out : tuple of str
        Channels that no two models score alike, with the reason.
    unfinished : int
        Blocks without scores.
    errors : tuple of str
    """

    table: pd.DataFrame
    fits: pd.DataFrame
    k: Mapping[str, list[tuple[int, float | None, bool]]]
    elpd: Mapping[str, Mapping[str, FloatArray]]
    left_out: tuple[str, ...]
    unfinished: int
    errors: tuple[str, ...]


def judge(
    rows: Mapping[str, Sequence[Mapping[str, Any]]], n_bars: int, blocks: int, day: int, seed: int
) -> ComparisonResult:
    """Compare models on the bars that all of them have scored.

    Parameters
    ----------
    rows : mapping of str to sequence
        Rows of finished blocks by model; the first model is the reference.
    n_bars : int
        Bars of the panel.
    blocks : int
        Blocks a model has if nothing is missing.
    day : int
        Bars of a day.
    seed : int
        Of the bootstrap.

    Raises
    ------
    InputError
        If no bar has been scored by two models.
    """
    scored = {model: [r for r in of if "elpd" in r] for model, of in rows.items()}
    by_channel: dict[str, dict[str, FloatArray]] = {}
    for model, of_model in scored.items():
        for row in of_model:
            for channel, values in row["elpd"].items():
                whole = by_channel.setdefault(channel, {}).setdefault(
                    model, np.full(n_bars, np.nan)
                )
                whole[row["start"] : row["stop"]] = np.array(values, float)
    comparable = _comparable(by_channel)
    left_out = [
        f"{channel} ({f'{next(iter(of))} only' if len(of) < 2 else 'channels differ'})"
        for channel, of in by_channel.items()
        if channel not in comparable
    ]
    errors = sorted({str(r["error"]) for of in rows.values() for r in of if "error" in r})
    table: list[dict[str, Any]] = []
    elpd: dict[str, dict[str, FloatArray]] = {}
    for channel, each in comparable.items():
        common = np.all([np.isfinite(values) for values in each.values()], axis=0)
        if not common.any():
            continue
        elpd[channel] = {m: np.where(common, values, np.nan) for m, values in each.items()}
        table += _rows(channel, elpd[channel], scored, common, day, seed)
    if not table:
        why = f": {errors[0]}" if errors else "; the budget may have ended before"
        raise InputError(f"no bar has been scored by two models yet{why}.")
    return ComparisonResult(
        table=pd.DataFrame(table),
        fits=pd.DataFrame([_fits(model, of) for model, of in scored.items()]),
        k={model: _path_of_k(of) for model, of in scored.items()},
        elpd=elpd,
        left_out=tuple(left_out),
        unfinished=blocks * len(rows) - sum(len(of) for of in scored.values()),
        errors=tuple(errors),
    )


def _comparable(
    by_channel: Mapping[str, Mapping[str, FloatArray]],
) -> dict[str, Mapping[str, FloatArray]]:
    """Channels that two models score.

    A sum over channels is the same quantity only for models with the same channels: the largest
    set of channels counts.
    """
    own = {
        model: {c for c, of in by_channel.items() if model in of}
        for of in by_channel.values()
        for model in of
    }
    most = max(own.values(), key=len, default=set())
    out: dict[str, Mapping[str, FloatArray]] = {}
    for channel, of in by_channel.items():
        each = {m: v for m, v in of.items() if channel != ALL or own[m] == most}
        if len(each) > 1:
            out[channel] = each
    return out


def _rows(
    channel: str,
    elpd: Mapping[str, FloatArray],
    scored: Mapping[str, Sequence[Mapping[str, Any]]],
    common: NDArray[np.bool_],
    day: int,
    seed: int,
) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    # the first model in the order of the call that scores the channel
    order = [model for model in scored if model in elpd]
    for model in order:
        error = _mcse(channel, scored[model], common)
        values = elpd[model][common]
        row = {
            "channel": channel,
            "model": model,
            "bars": int(common.sum()),
            "elpd": float(values.sum()),
            "per_bar": float(values.mean()),
            "mcse": error,
        }
        if model == order[0]:
            reference, its_error = values, error
            none = dict.fromkeys(("difference", "se", "low", "high"), np.nan)
            out.append({**row, **none, "verdict": REFERENCE})
            continue
        found = difference(values, reference, float(np.hypot(error, its_error)), day, seed)
        out.append(
            row
            | {
                "difference": found.value,
                "se": found.se,
                "low": found.low,
                "high": found.high,
                "verdict": found.verdict,
            }
        )
    return out


def _mcse(channel: str, rows: Sequence[Mapping[str, Any]], common: NDArray[np.bool_]) -> float:
    """Monte Carlo error over the blocks that count; blocks share no draws."""
    return float(
        np.sqrt(sum(r["mcse"][channel] ** 2 for r in rows if common[r["start"] : r["stop"]].any()))
    )


def _fits(model: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    fits = [fit for row in rows for fit in row["fits"]]
    ks = [k for row in rows for k in row["k"] if k is not None]
    rhats = [fit["max_rhat"] for fit in fits if fit["max_rhat"] is not None]
    return {
        "model": model,
        "blocks": len(rows),
        "fits": len(fits),
        "refits": len(fits) - len(rows),
        "largest_k": max(ks, default=np.nan),
        "largest_rhat": max(rhats, default=np.nan),
        "not_converged": sum(rhat > LARGEST_RHAT for rhat in rhats),
        "divergences": sum(fit["divergences"] for fit in fits),
        "seconds": round(float(sum(row["seconds"] for row in rows)), 1),
    }


def _path_of_k(rows: Sequence[Mapping[str, Any]]) -> list[tuple[int, float | None, bool]]:
    out = []
    for row in rows:
        fitted = {fit["origin"] for fit in row["fits"]}
        starts = [start for start, _ in row["windows"]]
        out += [(s, k, s in fitted) for s, k in zip(starts, row["k"], strict=True)]
    return sorted(out)


def write_result(
    result: ComparisonResult,
    identity: Mapping[str, Any],
    models: Mapping[str, Mapping[str, str]],
    n_draws: int,
    directory: Path,
) -> None:
    """Write ``compare.csv`` and ``compare.json`` into the directory of the run.

    Parameters
    ----------
    result : ComparisonResult
    identity : mapping
        Of the run.
    models : mapping of str to mapping
        Version and hash of the models by the name that tables use; the first is the reference.
    n_draws : int
        Draws of all chains of a fit, which say how large a Pareto k may be.
    directory : Path
    """
    summary = {
        **identity,
        "models": {model: dict(of) for model, of in models.items()},
        "reference": next(iter(models)),
        "scores": _plain(result.table),
        "fits": _plain(result.fits),
        "k_limit": k_limit(n_draws),
        "left_out": list(result.left_out),
        "unfinished_blocks": result.unfinished,
        "errors": list(result.errors),
    }
    text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    replace_text(directory / SUMMARY, text)
    replace_text(directory / TABLE, result.table.to_csv(index=False, float_format="%.6g"))


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON can hold them; unknown is None."""
    return [
        {str(k): None if isinstance(v, float) and not np.isfinite(v) else v for k, v in row.items()}
        for row in table.to_dict("records")
    ]
