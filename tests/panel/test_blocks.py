"""Stretches of past bars."""

import numpy as np
import pytest

from liqbayes.errors import InputError
from liqbayes.panel.blocks import bar_moves, stationary_rows


def test_stretches_follow_on_and_have_the_mean_length() -> None:
    rows = stationary_rows(50, (400, 100), 0.1, np.random.default_rng(1))
    follows = rows[:, 1:] == (rows[:, :-1] + 1) % 50
    # a new stretch begins with chance .1 and follows on by accident once in 50
    assert abs(follows.mean() - (0.9 + 0.1 / 50)) < 0.005
    assert np.bincount(rows.ravel(), minlength=50).min() > 0


def test_one_path_is_what_it_was_before_paths_were_drawn_together() -> None:
    rng = np.random.default_rng(7)
    fresh = rng.random(30) < 0.2
    fresh[0] = True
    begins = rng.integers(9, size=30)
    at = np.empty(30, int)
    for h in range(30):
        at[h] = begins[h] if fresh[h] else (at[h - 1] + 1) % 9
    assert (stationary_rows(9, (30,), 0.2, np.random.default_rng(7)) == at).all()


def test_moves_are_from_the_close_before() -> None:
    moves = bar_moves({"high": np.array([2.0, 6.0]), "close": np.array([1.0, 3.0])})
    assert np.isnan(moves["high"][0])
    assert moves["high"][1] == pytest.approx(np.log(6.0))
    assert moves["close"][1] == pytest.approx(np.log(3.0))


@pytest.mark.parametrize(("n", "leave"), [(0, 0.5), (5, 0.0), (5, 1.5)])
def test_nothing_to_draw_from_is_an_error(n: int, leave: float) -> None:
    with pytest.raises(InputError):
        stationary_rows(n, (3,), leave, np.random.default_rng(1))
