"""The directory of a fit without sampling, and the page of it; made once."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from liqbayes.analysis import Section
from liqbayes.page import Facts, gather, render, write_page
from liqbayes.report import write_report
from tests.model import markets
from tests.outputs.fits import fake_fit, small_market

BINS = 60
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028'\"&{{7*7}}"

CLUSTERS = Section(
    "clusters",
    "Clusters",
    {
        "clusters": pd.DataFrame(
            {
                "side": ["long", "short", "long"],
                "price_low": [60_000.0, 70_000.0, 50_000.0],
                "quote_low": [1e6, 2e7, float("nan")],
                "quote_median": [5e7, 6e7, float("nan")],
                "quote_high": [2e8, 3e8, float("nan")],
                "distance": [0.11, 0.04, 0.25],
                "p_top": [0.9, 0.55, 0.2],
                "resistance": [True, False, False],
            }
        )
    },
    ("The largest cluster holds 50M USDT (1M to 200M).",),
    ("Clusters attract price.",),
    {"quote_median": "USDT", "distance": "share"},
)


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `liqbayes fit` writes, of draws near the prior: it has not converged."""
    fit = fake_fit(small_market(96), markets.small_spec(), draws=20, prior_draws=60)
    out = tmp_path_factory.mktemp("desk") / "btc"
    write_report(fit, out, bins=BINS)
    return out


@pytest.fixture(scope="session")
def facts(directory: Path) -> Facts:
    return gather(directory, sections=(CLUSTERS,), draws=20)


@pytest.fixture(scope="session")
def page(facts: Facts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_page(render(facts), path)
    return path


def hostile(facts: Facts) -> Facts:
    """The same with markup in every text that comes from a user, a file or an exchange."""
    section = Section(
        "x-" + HOSTILE,
        HOSTILE,
        {HOSTILE: pd.DataFrame({HOSTILE: [HOSTILE], "median": [1.0]})},
        (HOSTILE,),
        (HOSTILE,),
        {"median": HOSTILE},
    )
    finding = replace(facts.inspection.findings[0], what=HOSTILE, remedy=HOSTILE, rows=(HOSTILE,))
    inspection = replace(
        facts.inspection,
        source=HOSTILE,
        description=HOSTILE,
        findings=(finding,),
        known={HOSTILE: 1.0},
    )
    summary = {
        **facts.summary,
        "contract": HOSTILE,
        "quote_unit": HOSTILE,
        "quantity_unit": HOSTILE,
        "reasons": [HOSTILE],
        "converged": False,
        "versions": {HOSTILE: HOSTILE},
    }
    verdict = {"check": HOSTILE, "status": "warn", "value": 1.0, "threshold": 2.0, "text": HOSTILE}
    return replace(
        facts,
        name=HOSTILE,
        summary=summary,
        sections=(section,),
        inspection=inspection,
        verdicts=(verdict,),
        spec_summary=HOSTILE,
        card=f"# {HOSTILE}\n\n<script>alert(3)</script>\n\n[w](javascript:alert(4)) ![i](x)\n",
        commands=(HOSTILE,),
    )
