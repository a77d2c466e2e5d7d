"""The topics cascade and manipulation of whole fits."""

import numpy as np
import pytest

from liqbayes.analysis import Options, Workspace, analyse
from liqbayes.analysis.cascade import forced_shares
from liqbayes.analysis.cascade import section as cascade_section
from liqbayes.analysis.manipulation import section as manipulation_section
from liqbayes.errors import InputError
from liqbayes.model import load_spec
from liqbayes.sampling import fit
from tests.model import markets
from tests.outputs import fits

MADE = {}


def work_of(name):
    if name not in MADE:
        MADE[name] = Workspace(getattr(fits, f"{name}_fit")(), Options(moves=(0.02, 0.1)))
    return MADE[name]


@pytest.mark.parametrize("name", ["linear", "inverse", "aggregate"])
def test_cascade_of_a_fit(name):
    section = cascade_section(work_of(name))
    rest = section.tables["rest"]
    assert len(rest) == 8 and set(rest["book"]) == {"thin", "ordinary"}
    assert (rest["rest_median"] >= rest["shock"] - 1e-12).all()
    assert (rest["rest_low"] <= rest["rest_high"]).all()
    # what is told as a scenario says so
    assert "scenario" in section.title and "prior-driven" in section.title
    assert all("cenario" in s or "dentified" in s or "Shortfalls" in s for s in section.findings)
    thin, ordinary = (
        rest[rest["book"] == b]["rest_median"].to_numpy() for b in ("thin", "ordinary")
    )
    assert (thin >= ordinary - 1e-12).all()
    shortfall = section.tables["shortfall"]
    if name == "aggregate":
        # no venue, no bankruptcy price
        assert shortfall["shortfall_median"].isna().all()
        assert any("Shortfalls are not identified" in s for s in section.findings)
    else:
        assert (shortfall["shortfall_median"] >= 0).all()
    assert shortfall["uncovered_median"].isna().all()
    sensitivity = section.tables["sensitivity"]
    # each prior at both its tails, both sides
    counts = sensitivity.groupby("prior")["side"].count()
    assert counts["impact_coefficient"] == counts["absorbed_off_book"] == 4
    by = sensitivity[sensitivity["side"] == "long"].set_index("setting")["rest_median"]
    coefficient = [v for k, v in by.items() if "0.439" in k or "2.28" in k]
    assert coefficient[0] <= coefficient[1]


def test_forced_shares_are_the_posteriors_own():
    work = work_of("linear")
    shares = forced_shares(work.context)
    assert shares["liquidated"].shape == work.context.shape
    assert (shares["liquidated"] <= shares["closed"]).all() and (shares["closed"] <= 1).all()
    assert np.ptp(shares["closed"]) > 0


@pytest.mark.parametrize("name", ["linear", "inverse", "aggregate"])
def test_manipulation_of_a_fit(name):
    section = manipulation_section(work_of(name))
    risk = section.tables["risk"]
    assert set(risk["index_weight"]) == {1.0, 0.25}
    near = risk[risk["reachable"]]
    assert near["probability"].between(0, 1).all()
    assert (near["capital_median"] > 0).all()
    assert risk.loc[~risk["reachable"], "index"].isna().all()
    assert any("no plan of execution" in s for s in section.findings)
    if name == "aggregate":
        assert any("Assumed: a taker fee" in s for s in section.findings)


def test_clusters_of_both_searches_are_pushed():
    work = work_of("linear")
    risk = manipulation_section(work).tables["risk"]
    for within, found in work.clusters.items():
        own = risk[risk["within"] == within]
        assert len(own) == 2 * found.sizes["cluster"]
        np.testing.assert_allclose(own["price"].iloc[: len(own) // 2], found["price"])


def test_one_topic_that_cannot_speak_leaves_the_others():
    """A grid of a fifth around the price holds no shock of a fifth."""
    narrow = Options(moves=(0.02, 0.2), price_range=(0.85, 1.18), bins=100)
    tree = work_of("linear").fit
    cascade, manipulation = analyse(tree, options=narrow, only=("cascade", "manipulation"))
    assert not cascade.tables and cascade.findings[0].startswith("Not identified")
    assert len(manipulation.tables["risk"])
    with pytest.raises(InputError, match="cascade"):
        analyse(tree, options=narrow, only=("cascade",))


def test_no_sentence_has_a_number_that_is_none():
    wide = Options(moves=(0.02, 0.1), price_range=(0.75, 1.3))
    for section in (cascade_section, manipulation_section):
        found = section(Workspace(work_of("linear").fit, wide))
        assert not [s for s in found.findings if "nan" in s]


def test_a_rule_goes_through_without_intervals():
    work = Workspace(fit(load_spec("fixed-mix"), fits.small_market()), Options(moves=(0.02, 0.1)))
    rest = cascade_section(work).tables["rest"]
    assert rest[["rest_low", "rest_high", "amplification_low"]].isna().all().all()
    assert rest["rest_median"].notna().any()
    risk = manipulation_section(work).tables["risk"]
    assert risk[["gain_low", "index_low", "probability_high"]].isna().all().all()


def test_without_volume_of_its_own_nothing_is_identified():
    table = markets.bars(100, seed=4)
    panel = markets.panel(table)
    proxied = type(panel)(
        panel.contract,
        panel.bar_seconds,
        panel.data,
        {**panel.provenance, "proxy": {"volume": "elsewhere"}},
    )
    work = Workspace(fits.fake_fit(proxied, markets.small_spec(), draws=4, prior_draws=50))
    for section in (cascade_section(work), manipulation_section(work)):
        assert not section.tables
        assert section.findings[0].startswith("Not identified") and "elsewhere" in str(section)


@pytest.mark.parametrize("fund", [-1.0, float("inf"), float("nan")])
def test_funds_that_are_none(fund):
    with pytest.raises(InputError, match="insurance_fund"):
        Options(insurance_fund=fund)
