"""Holding periods and block maxima."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liqbayes.errors import InputError
from liqbayes.margin import block_maxima, holding_moves
from tests.margin.panels import walk, with_gap


def test_a_day_of_hours_is_the_days_extremes() -> None:
    panel = walk(24 * 10 + 5, hours=1)
    moves = holding_moves(panel, "1d")
    assert moves.n == 10
    opened, low, high = (panel.values(k) for k in ("open", "low", "high"))
    for i in range(10):
        bars = slice(24 * i, 24 * i + 24)
        first = opened[24 * i]
        assert moves.adverse["long"][i] == pytest.approx(1 - low[bars].min() / first)
        assert moves.adverse["short"][i] == pytest.approx(high[bars].max() / first - 1)


def test_closes_move_less_than_extremes() -> None:
    panel = walk(200)
    worst, last = holding_moves(panel, "1d"), holding_moves(panel, "1d", "close")
    for side in ("long", "short"):
        assert (worst.adverse[side] >= last.adverse[side]).all()
    assert np.allclose(last.adverse["long"], -last.adverse["short"])


def test_an_unknown_bar_makes_its_period_and_block_unknown() -> None:
    moves = holding_moves(with_gap(walk(24 * 28, hours=1), slice(30, 31)), "1d")
    assert np.flatnonzero(np.isnan(moves.adverse["long"])).tolist() == [1]
    maxima, dropped = block_maxima(moves.adverse["long"], 7)
    assert (maxima.size, dropped) == (3, 1)


@given(st.lists(st.floats(0, 1), min_size=0, max_size=60), st.integers(1, 9))
def test_maxima_are_of_whole_blocks(values: list[float], k: int) -> None:
    maxima, dropped = block_maxima(np.array(values), k)
    assert dropped == 0
    assert maxima.tolist() == [max(values[i * k : i * k + k]) for i in range(len(values) // k)]


def test_days_are_taken_out() -> None:
    moves = holding_moves(walk(200), "1d")
    kept = moves.without(("2020-03-12", "2020-03-13"))
    assert moves.n - kept.n == 2
    assert not np.isin(np.array(["2020-03-12", "2020-03-13"], "datetime64[ns]"), kept.start).any()
    assert moves.between("2020-02-01", "2020-03-01").n == 29


@pytest.mark.parametrize(
    ("holding", "kind", "words"),
    [
        ("1d", "open", "intrabar"),
        ("36h", "intrabar", "no whole number of bars"),
        ("1h", "intrabar", "no whole number of bars"),
        ("nonsense", "intrabar", "no duration"),
        ("-1d", "intrabar", "longer than zero"),
        ("900d", "intrabar", "fewer than one period"),
    ],
)
def test_what_is_no_holding_period(holding: str, kind: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        holding_moves(walk(60), holding, kind)


def test_blocks_of_nothing() -> None:
    with pytest.raises(InputError, match="at least 1"):
        block_maxima(np.ones(5), 0)
