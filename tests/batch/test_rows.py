"""A run's directory: what goes on, what is refused, what an interruption leaves."""

import pytest

from liqbayes.batch.rows import ROWS, Rows
from liqbayes.errors import InputError

IDENTITY = {"schema": "test-1", "model": {"hash": "abc"}, "bars": 360, "stages": ((1, 2), (3, 4))}


def test_rows_come_back_in_a_second_call(tmp_path):
    rows = Rows.open(tmp_path / "run", IDENTITY, force=False)
    rows.append({"key": "a", "x": 1})
    rows.append({"key": "b", "x": None})
    again = Rows.open(tmp_path / "run", IDENTITY, force=False)
    assert again.read() == [{"key": "a", "x": 1}, {"key": "b", "x": None}]


def test_another_run_is_refused_and_named(tmp_path):
    Rows.open(tmp_path, IDENTITY, force=False).append({"key": "a"})
    with pytest.raises(InputError, match="bars differ"):
        Rows.open(tmp_path, {**IDENTITY, "bars": 720}, force=False)
    with pytest.raises(InputError, match="more differ"):
        Rows.open(tmp_path, {**IDENTITY, "more": None}, force=False)
    assert Rows.open(tmp_path, {**IDENTITY, "bars": 720}, force=True).read() == []


def test_a_foreign_directory_is_never_taken(tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    for force in (False, True):
        with pytest.raises(InputError, match="holds no run"):
            Rows.open(tmp_path, IDENTITY, force=force)


def test_half_a_line_is_dropped_and_overwritten(tmp_path):
    rows = Rows.open(tmp_path, IDENTITY, force=False)
    rows.append({"key": "a"})
    with (tmp_path / ROWS).open("a") as file:
        file.write('{"key": "b", "x')
    assert rows.read() == [{"key": "a"}]
    rows.append({"key": "c"})
    assert rows.read() == [{"key": "a"}, {"key": "c"}]


@pytest.mark.parametrize("line", ["nonsense", "[1]", '{"x": 1}'])
def test_a_damaged_line_is_an_error(tmp_path, line):
    rows = Rows.open(tmp_path, IDENTITY, force=False)
    (tmp_path / ROWS).write_text(line + '\n{"key": "a"}\n')
    with pytest.raises(InputError, match="damaged at line 1"):
        rows.read()


def test_no_value_that_json_does_not_know(tmp_path):
    rows = Rows.open(tmp_path, IDENTITY, force=False)
    with pytest.raises(ValueError, match="not JSON compliant"):
        rows.append({"key": "a", "x": float("nan")})
    assert rows.read() == []
