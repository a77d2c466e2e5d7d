"""Specifications: what is read, what is refused, what identifies them."""

import copy
import json
from pathlib import Path

import pytest

from liqbayes.errors import SpecError
from liqbayes.model.priors import Prior
from liqbayes.model.spec import ModelSpec, list_models, load_spec, model_card
from tests.model.markets import spec_table

SECTIONS = ("model", "columns", "resolution", "book", "channels", "priors")
FIELDS = [
    ("model", "name"), ("model", "version"), ("model", "summary"),
    ("columns", "required"), ("columns", "optional"),
    ("resolution", "cells"), ("resolution", "entry_nodes"), ("resolution", "funding_blocks"),
    ("book", "age_hours"), ("book", "burn_in_hours"), ("book", "burn_in_share"),
    ("book", "minimum_bars"), ("channels", "use"),
]  # fmt: skip


def changed(*path, value=None, remove=False):
    table = copy.deepcopy(spec_table())
    inner = table
    for key in path[:-1]:
        inner = inner[key]
    if remove:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return table


def refused(table, match):
    with pytest.raises(SpecError, match=match):
        ModelSpec.from_mapping(table)


def test_shipped_models_load():
    assert "baseline" in list_models()
    for name in list_models():
        spec = load_spec(name)
        assert spec.name == name
        for prior in spec.priors.values():
            assert prior.source
            assert prior.unit
            assert prior.description


def test_round_trip_through_json():
    spec = load_spec("baseline")
    again = ModelSpec.from_json(spec.to_json())
    assert again == spec
    assert again.content_hash == spec.content_hash


def reordered(value):
    if isinstance(value, dict):
        return {k: reordered(value[k]) for k in reversed(list(value))}
    return value


def test_hash_is_of_content_not_of_order():
    table = spec_table()
    spec = ModelSpec.from_mapping(table, path="here")
    assert ModelSpec.from_mapping(reordered(table), path="there").content_hash == spec.content_hash
    other = changed("priors", "oi_scale", "sigma", value=0.71)
    assert ModelSpec.from_mapping(other).content_hash != spec.content_hash
    assert len(spec.content_hash) == 64
    assert json.loads(spec.to_json()) == table


@pytest.mark.parametrize("section", SECTIONS)
def test_missing_section(section):
    refused(changed(section, remove=True), rf"missing \['{section}'\]")


@pytest.mark.parametrize(("section", "name"), FIELDS)
def test_missing_field(section, name):
    refused(changed(section, name, remove=True), name)


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("resolution", "cells", "many"), ("resolution", "cells", 7),
        ("resolution", "entry_nodes", 0), ("resolution", "funding_blocks", 0),
        ("book", "age_hours", -1.0), ("book", "burn_in_hours", "long"),
        ("book", "burn_in_share", 1.5), ("book", "minimum_bars", 1),
        ("columns", "required", "volume"), ("channels", "use", "open_interest"),
        ("book", "burn_in_bars", 3),
    ],
)  # fmt: skip
def test_field_of_wrong_type_or_range(section, name, value):
    refused(changed(section, name, value=value), name)


@pytest.mark.parametrize("section", SECTIONS)
def test_section_that_is_no_table(section):
    refused(changed(section, value=3), section)


def test_other_errors_of_the_whole():
    refused(changed("schema", value=2), "schema is 2")
    refused(changed("schema", remove=True), "schema is None")
    refused(changed("plots", value={}), "unknown sections .'plots'")
    refused(changed("channels", "use", value=["tape"]), "tape.*use open_interest")


@pytest.mark.parametrize(
    ("field", "value", "match"),
    [
        ("distribution", "gamma", "distribution is 'gamma'; use one of normal"),
        ("median", -1.0, "median must be positive"),
        ("median", "x", "median must be"),
        ("median", float("nan"), "median must be"),
        ("sigma", 0.0, "sigma must be positive"),
        ("sigma", [0.1, 0.2], "sigma must be one number or 1 numbers"),
        ("labels", ["a"], "labels and dim together"),
        ("scale", 1.0, "unknown .'scale'"),
    ],
)
def test_malformed_prior(field, value, match):
    refused(changed("priors", "oi_scale", field, value=value), f"prior 'oi_scale'.*{match}")


@pytest.mark.parametrize("field", ["median", "sigma", "unit", "description", "source"])
def test_prior_without_a_field(field):
    refused(changed("priors", "oi_scale", field, remove=True), f"'oi_scale'.*missing .'{field}'")


def test_prior_that_is_no_table():
    refused(changed("priors", "oi_scale", value=3.0), "oi_scale")


def test_share_outside_the_unit_interval():
    refused(changed("priors", "reported_share", "median", value=1.0), "between 0 and 1")


def test_prior_scales():
    prior = Prior.parse("x", {"distribution": "logitnormal", "median": 0.5, "sigma": 1.0,
                              "unit": "share", "description": "d", "source": "s"})  # fmt: skip
    assert prior.location == (0.0,)
    assert prior.kind == 2


def test_unknown_names(tmp_path):
    with pytest.raises(SpecError, match=r"no model 'nosuch'; shipped models: .*baseline"):
        load_spec("nosuch")
    broken = tmp_path / "spec.toml"
    broken.write_text("schema = [", encoding="utf-8")
    with pytest.raises(SpecError, match="not valid TOML"):
        load_spec(broken)
    with pytest.raises(SpecError, match="no prior 'nosuch'"):
        load_spec("baseline").prior("nosuch")


def test_a_copy_elsewhere_is_the_same_model(tmp_path):
    source = load_spec("baseline")
    text = Path(source.path).read_text(encoding="utf-8")
    (tmp_path / "spec.toml").write_text("# a comment\n" + text, encoding="utf-8")
    for where in (tmp_path, tmp_path / "spec.toml"):
        assert load_spec(where).content_hash == source.content_hash


def extension(tmp_path, text="", digest=None):
    digest = digest or load_spec("baseline").content_hash
    head = f'schema = 1\n[extends]\nname = "baseline"\nhash = "{digest}"\n'
    (tmp_path / "spec.toml").write_text(head + text, encoding="utf-8")
    return load_spec(tmp_path)


def test_a_specification_may_extend_another(tmp_path):
    base = load_spec("baseline")
    spec = extension(
        tmp_path,
        "[book]\nage_hours = 60.0\n[holding]\nclasses = 3\n"
        '[priors.oi_scale]\ndistribution = "lognormal"\nmedian = 0.5\nsigma = 0.7\n'
        'unit = "u"\ndescription = "d"\nsource = "s"\n',
    )
    assert (spec.book_age_hours, base.book_age_hours) == (60.0, 120.0)
    assert spec.burn_in_hours == base.burn_in_hours
    assert (spec.holding_classes, base.holding_classes) == (3, 1)
    assert spec.prior("oi_scale").unit == "u"
    assert spec.prior("oi_drift") == base.prior("oi_drift")
    # a fit keeps the whole specification, not what it extends
    assert ModelSpec.from_json(spec.to_json()) == spec
    assert "extends" not in spec.source


def test_what_is_extended_must_be_what_was_meant(tmp_path):
    with pytest.raises(SpecError, match="extends baseline with hash 123; this one has"):
        extension(tmp_path, digest="123")
    (tmp_path / "spec.toml").write_text('schema = 1\nextends = "baseline"\n', encoding="utf-8")
    with pytest.raises(SpecError, match="give name and hash"):
        load_spec(tmp_path)


@pytest.mark.parametrize(
    ("section", "field", "value", "match"),
    [
        ("holding", "classes", 2, "use one of 1, 3"),
        ("channels", "feed_throttle", "none", "use one of constant, mechanistic"),
        ("channels", "open_interest_weight", 0.0, "allowed are"),
        ("channels", "weight_hours", -1.0, "allowed are"),
        ("opening_mix", "walk_hours", -1.0, "allowed are"),
        ("opening_mix", "walk_days", 7.0, "unknown"),
        ("opening_mix", "leverage_caps", 1, "give true or false"),
        ("turnover", "walk_hours", -1.0, "allowed are"),
        ("turnover", "walk", 7.0, "unknown"),
    ],
)
def test_optional_fields_are_checked(section, field, value, match):
    table = copy.deepcopy(spec_table())
    table.setdefault(section, {})[field] = value
    refused(table, match)


def test_model_cards_name_their_model():
    for name in list_models():
        card = model_card(load_spec(name))
        assert card is not None
        assert name in card.lower()


def test_a_specification_without_a_card(tmp_path, monkeypatch):
    source = load_spec("baseline")
    (tmp_path / "spec.toml").write_text(Path(source.path).read_text(encoding="utf-8"))
    assert model_card(load_spec(tmp_path)) is None
    (tmp_path / "card.md").write_text("of another model")
    monkeypatch.chdir(tmp_path)
    assert model_card(ModelSpec.from_json(source.to_json())) is None


@pytest.mark.parametrize(
    "among, value, match",
    [
        (["tail_logit", "forced_share"], 0.5, "name each of"),
        (["tail_logit", "tail_logit"], 0.5, "at most once"),
        (["tail_logit"], 0.0, "above 0"),
        ([], 0.5, "above 0"),
        (["tail_logit"], 1.0, "allowed are 0 to 0.99"),
    ],
)
def test_correlations_that_make_no_sense_are_refused(among, value, match):
    table = dict(load_spec("standard").source)
    table["correlation"] = {"among": among, "value": value}
    with pytest.raises(SpecError, match=match):
        ModelSpec.from_mapping(table)


def test_correlated_priors_lie_in_one_pool():
    table = dict(load_spec("hierarchical").source)
    pools = {name: list(own) for name, own in table["pooling"].items()}
    pools["leverage"].remove("tail_logit")
    pools["survival"].append("tail_logit")
    table["pooling"] = pools
    with pytest.raises(SpecError, match="must lie in one pool"):
        ModelSpec.from_mapping(table)
