"""Grids are compared on one market; the fits themselves are replaced by draws."""

from unittest.mock import patch

from liqbayes.model.spec import load_spec
from liqbayes.validate import resolution, resolution_check
from liqbayes.validate.resolution import CELLS, LIMIT, with_cells
from tests.model.markets import small_spec
from tests.outputs.fits import fake_fit


def test_cells_change_and_nothing_else():
    spec = load_spec("baseline")
    other = with_cells(spec, 48)
    assert (other.cells, spec.cells) == (48, 24)
    assert other.priors == spec.priors


def test_table():
    seen = []

    def instead(spec, panel, **settings):
        seen.append((spec.cells, panel.bar_seconds, panel.n_bars))
        return fake_fit(panel, with_cells(small_spec(), min(spec.cells, 12)), draws=20)

    with patch.object(resolution, "fit", instead), patch.object(resolution, "DAYS", 1):
        table = resolution_check(load_spec("baseline"), bars=96)
    assert seen == [*((c, 3600, 96) for c in CELLS), (24, 300, 288), (24, 3600, 24)]
    assert len(table) == 3 * 6
    # 24 and 48 cells were given the same stand-in: no shift at all
    same = table[table["comparison"] == "24 against 48 cells"]
    assert (same["shift"] == 0).all() and same["inside"].all()
    assert ((table["shift"].abs() <= LIMIT) == table["inside"]).all()
