"""Small tables of words and percent, for a page: `table.csv` beside the full ones."""

import pandas as pd

from liqbayes.margin.alexander import ALL
from liqbayes.margin.cell import PER_PERIOD

UNKNOWN = "–"


def percent(value: float) -> str:
    """A share in percent; one that no amount meets as ``inf``, an unknown one as a dash."""
    if value != value:
        return UNKNOWN
    return "inf" if value == float("inf") else f"{100 * value:.3g} %"


def between(low: float, high: float) -> str:
    """Ends of an interval."""
    return UNKNOWN if low != low and high != high else f"{percent(low)} to {percent(high)}"


def margin_table(margins: pd.DataFrame) -> pd.DataFrame:
    """Moves and margins of `MarginResult.margins`."""
    return pd.DataFrame(
        [
            {
                "holding": row["holding"],
                "probability": f"{row['probability']:g}",
                "side": row["side"],
                "method": row["method"],
                "adverse move": percent(row["move_median"]),
                "90 %": between(row["move_low"], row["move_high"]),
                "predictive": percent(row["move_predictive"]),
                "margin": percent(row["margin_median"]),
                "margin 90 %": between(row["margin_low"], row["margin_high"]),
            }
            for row in margins.to_dict("records")
        ]
    )


def backtest_table(backtest: pd.DataFrame) -> pd.DataFrame:
    """Verdicts of `MarginResult.backtest`."""
    return pd.DataFrame(
        [
            {
                "side": row["side"],
                "method": row["method"],
                "mean level": percent(row["mean_level"]),
                "exceeded": f"{row['exceeded']} of {row['periods']}",
                "rate, 90 %": between(row["low"], row["high"]),
                "verdict": row["verdict"],
                "quantile score, ‰": f"{row['quantile_score']:.3g}",
            }
            for row in backtest.to_dict("records")
        ]
    )


def cheng_table(summary: pd.DataFrame) -> pd.DataFrame:
    """Counts of `ChengResult.summary`."""
    return pd.DataFrame(
        [
            {
                "window": row["window"],
                "1 % of a": "day" if row["meaning"] == PER_PERIOD else "block",
                "cells": row["cells"],
                "long, medians": between(row["long_median_least"], row["long_median_most"]),
                "hold 33 %": row["long_33"],
                "short, medians": between(row["short_median_least"], row["short_median_most"]),
                "hold 20 %": row["short_20"],
                "both": row["both"],
                "both as margin": row["margin_both"],
            }
            for row in summary.to_dict("records")
        ]
    )


def alexander_table(shares: pd.DataFrame) -> pd.DataFrame:
    """The whole panel of `AlexanderResult.table`."""
    closes = [str(name) for name in shares.columns if str(name).startswith("closes_")]
    return pd.DataFrame(
        [
            {
                "rules": row["rules"],
                "leverage": f"{row['leverage']:g}x",
                "side": row["side"],
                "published": percent(row["published"]),
                "share": percent(row["share"]),
                "90 %": between(row["low"], row["high"]),
                "holds it": row["contains"],
                "finer bars": between(row["least"], row["most"]),
                "bounds hold it": row["within_bounds"],
                **{
                    f"closes each {name.removeprefix('closes_')} bars": percent(row[name])
                    for name in closes
                },
            }
            for row in shares[shares["window"] == ALL].to_dict("records")
        ]
    )
