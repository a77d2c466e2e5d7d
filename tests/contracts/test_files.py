"""Contract files: what is read, and what each mistake is told."""

import pytest

from liqbayes.contracts import liquidation_price, load_contract
from liqbayes.errors import InputError

GOOD = """
schema = 1
[[contract]]
venue = "mine"
symbol = "BTCUSDT"
kind = "linear"
base = "BTC"
quote = "USDT"
settle = "USDT"
contract_size = 0.001
funding_interval_hours = 8
trigger_price = "mark"
[[contract.formulas]]
isolated = "linear"
source = "own"
[[contract.tiers]]
since = 2024-01-01
unit = "quote"
deductions = "cumulative"
complete = true
source = "own"
rows = [
  {cap = 1000, maintenance_rate = 0.01, amount = 0, max_leverage = 50},
  {maintenance_rate = 0.02, amount = 10, max_leverage = 25},
]
"""


def write(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("as_text", [True, False])
def test_a_file_gives_its_contract(tmp_path, as_text):
    path = write(tmp_path, GOOD)
    contract = load_contract(str(path) if as_text else path)
    assert contract.name == "mine:BTCUSDT"
    price = liquidation_price(contract, side="long", entry_price=100, quantity=5, leverage=10)
    assert float(price) == pytest.approx((50 - 500) / (5 * (0.01 - 1)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("schema = 1", "schema = 2", "schema must be 1"),
        ("schema = 1", "", "schema must be 1"),
        ("schema = 1", "schema = 1\nextra = 3", "unknown key 'extra'"),
        ('kind = "linear"', 'kind = "quanto"', "kind: 'quanto' must be one of linear, inverse"),
        ('kind = "linear"', "", "kind is missing"),
        ('base = "BTC"', "base = 3", "base: 3 must be a string"),
        ("contract_size = 0.001", "contract_size = 0", r"contract_size: 0 must lie in \(0"),
        ("contract_size = 0.001", "contract_size = true", "must be a number"),
        ('trigger_price = "mark"', 'trigger_price = "bid"', "one of mark, oracle, last"),
        ('trigger_price = "mark"', 'trigger = "mark"', "unknown key 'trigger'; allowed are venue"),
        ('isolated = "linear"', 'isolated = "inverse"', r"formulas\[0\].isolated: 'inverse' must"),
        ('[[contract.formulas]]\nisolated = "linear"\nsource = "own"', "", "formulas is missing"),
        ("since = 2024-01-01", 'since = "soon"', r"tiers\[0\].since: 'soon' is no date"),
        ('unit = "quote"', 'unit = "lots"', "unit: 'lots' must be one of"),
        ("complete = true", 'complete = "yes"', "must be true or false"),
        ("complete = true", "", "complete is missing"),
        ("maintenance_rate = 0.02", "maintenance_rate = 2", r"rows\[1\].maintenance_rate: 2 must"),
        ("maintenance_rate = 0.02", "maintenance_rate = 0.005", "larger positions never need"),
        ("maintenance_rate = 0.02", "maintenance_rate = 0.05", "above the initial margin rate"),
        ("amount = 10", "amount = 11", r"rows\[1\].amount: 11 breaks the recurrence .* gives 10"),
        ("amount = 10, ", "", "amount is missing"),
        ("cap = 1000, ", "", "only the last tier may be open-ended"),
        ("{maintenance_rate = 0.02", "{cap = 500, maintenance_rate = 0.02", "not above the cap"),
        ('deductions = "cumulative"', 'deductions = "none"', "amounts are given but"),
        ("cap = 1000", 'cap = "1000"', "must be a number"),
        ("rows = [", "rows = [3,", "expected a table, got int"),
        ("[[contract.tiers]]", "[contract.tiers]", "expected a list, got dict"),
        ("[[contract]]", "[contract]", r"must be written \[\[contract\]\]"),
        ('venue = "mine"', 'venue = "mine', "is no valid TOML"),
    ],
)
def test_each_mistake_is_named(tmp_path, old, new, message):
    text = GOOD
    if old == "[[contract]]":
        text = text.split("[[contract.formulas]]")[0]
    assert old in text
    with pytest.raises(InputError, match=message) as error:
        load_contract(write(tmp_path, text.replace(old, new, 1)))
    assert "mine.toml" in str(error.value)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ('[[contract.fees]]\ntaker = 2\nsource = "x"', r"fees\[0\].taker: 2 must lie"),
        ('[[contract.feed]]\nsource = "x"', r"feed\[0\]: since is missing"),
        (
            '[[contract.leverage_caps]]\nmax_leverage = 20\nsource = "x"',
            r"leverage_caps\[0\]: since is missing; a cut of leverage needs its date",
        ),
        (
            '[[contract.leverage_caps]]\nsince = 2021-07-19\nmax_leverage = 0\nsource = "x"',
            r"leverage_caps\[0\].max_leverage: 0 must lie in",
        ),
        (
            '[[contract.leverage_caps]]\nsince = 2021-07-19\nmax_leverage = 20\nsource = "x"\n'
            '[[contract.leverage_caps]]\nsince = 2021-07-18\nmax_leverage = 20\nsource = "x"',
            r"leverage_caps: dates must ascend",
        ),
        ('[contract.ladder]\nrule = "half"', "one of next_tier"),
        ('[contract.ladder]\nrule = "fraction"', "needs fraction and threshold"),
        (
            '[[contract.tiers]]\nunit = "quote"\ndeductions = "none"\ncomplete = true\n'
            'source = "x"\nrows = [{maintenance_rate = 0.01}]',
            "dates must ascend",
        ),
        (
            '[[contract.tiers]]\nsince = 2025-01-01\nunit = "quote"\ndeductions = "none"\n'
            'complete = true\nsource = "x"\nrows = []',
            "rows is missing",
        ),
        (
            '[[contract.tiers]]\nsince = 2025-01-01\nunit = "base"\ndeductions = "none"\nstep = 3\n'
            'complete = true\nsource = "x"\nrows = [{cap = 3}]',
            "step and step_rate",
        ),
    ],
)
def test_mistakes_in_added_tables(tmp_path, extra, message):
    with pytest.raises(InputError, match=message):
        load_contract(write(tmp_path, GOOD + extra + "\n"))


def test_not_one_contract(tmp_path):
    body = GOOD.split("schema = 1\n")[1]
    with pytest.raises(InputError, match="exactly one"):
        load_contract(write(tmp_path, "schema = 1\n" + body + body))
    with pytest.raises(InputError, match="exactly one"):
        load_contract(write(tmp_path, "schema = 1\n"))


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_contract(tmp_path / "none.toml")


def test_a_file_that_is_no_text(tmp_path):
    path = tmp_path / "binary.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        load_contract(path)
