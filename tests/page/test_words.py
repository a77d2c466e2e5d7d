"""Verdicts in plain words: none is lost, and what rests on the prior says so."""

from liqbayes.page.words import groups, informed, output_name, worst


def verdict(check, status="ok", value=0.2, threshold=0.5, text="t"):
    return {"check": check, "status": status, "value": value, "threshold": threshold, "text": text}


def test_output_names() -> None:
    assert output_name("at_risk[long, 0.05]") == "Longs at risk within 5 %"
    assert output_name("average_leverage[short, 1h]").startswith("Average leverage of shorts, of")
    assert output_name("delta[1d]") == "ΔL over the last 1d"
    assert output_name("something else[") == "something else["


def test_every_verdict_is_told_once() -> None:
    names = [
        *("R-hat", "bulk ESS", "scale: log L", "informed: delta[1d]"),
        *(
            "90 % predictive coverage of x",
            "prior conflict: y",
            "book before the first bar, long",
            "sampler",
            "interval",
        ),
    ]
    made = groups([verdict(n) for n in names])
    assert sum(len(g.checks) for g in made) == len(names)
    assert made[-1].title == "What else was noted"


def test_a_failure_is_not_told_as_a_success() -> None:
    (group,) = groups([verdict("R-hat", "fail", 1.2, 1.01)])
    assert group.checks[0].title.startswith("Not established")
    assert worst(group.checks) == "fail"


def test_what_the_prior_decides() -> None:
    found = informed(
        [
            verdict("prior share of delta[1d]", value=0.1, text="x; scale from prior"),
            verdict("prior share of entry_vwap[long]", value=0.05),
            verdict("prior share of average_leverage[long, 1h]", value=0.9),
            verdict("prior share of delta[30d]", value=None),
        ],
        0.5,
    )
    assert [x.share for x in found] == [0.05, 0.1, 0.9]
    words = ["data", "data, its scale on the prior", "mostly the prior"]
    assert [x.verdict for x in found] == words
    assert [x.mostly for x in found] == [False, False, True]
