"""Fits in files."""

import numpy as np
import pytest
import xarray as xr

from liqbayes.errors import InputError
from liqbayes.outputs import at_risk, liquidation_levels
from liqbayes.sampling import load_fit, save_fit
from tests.model import markets
from tests.outputs.fits import fake_fit


@pytest.fixture(scope="module")
def fit():
    panel = markets.panel(markets.bars(100, seed=1, funding=True))
    middle = str(panel.time[30])
    spec = markets.small_spec()
    return fake_fit(
        panel.slice(middle, None), spec, draws=6, history=panel.slice(None, middle), prior_draws=40
    )


@pytest.fixture(scope="module")
def saved(fit, tmp_path_factory):
    return save_fit(fit, tmp_path_factory.mktemp("fits") / "fit.nc")


def test_round_trip_is_identical(fit, saved):
    before = fit.copy(deep=True)
    loaded = load_fit(saved)
    assert loaded.attrs == fit.attrs
    assert set(loaded.children) == set(fit.children)
    assert "history" in loaded.children
    for group in fit.children:
        xr.testing.assert_equal(loaded[group].to_dataset(), fit[group].to_dataset())
        for name, variable in fit[group].data_vars.items():
            assert loaded[group][name].attrs == variable.attrs, name
            assert loaded[group][name].dtype.kind == variable.dtype.kind, name
    np.testing.assert_array_equal(loaded["posterior"]["z"], fit["posterior"]["z"])
    assert before.identical(fit)


def test_outputs_of_a_loaded_fit_are_the_same(fit, saved):
    loaded = load_fit(saved)
    for output in (liquidation_levels, at_risk):
        for group in ("posterior", "prior"):
            xr.testing.assert_identical(output(loaded, group=group), output(fit, group=group))


def test_attributes_are_strings(fit):
    """netCDF keeps text; nothing else survives every reader."""
    assert all(isinstance(value, str) for value in fit.attrs.values())


def test_saving_leaves_one_file_and_the_fit_alone(fit, tmp_path):
    before = fit.copy(deep=True)
    save_fit(fit, tmp_path / "a.nc")
    assert [p.name for p in tmp_path.iterdir()] == ["a.nc"]
    assert before.identical(fit)


def test_a_loaded_fit_does_not_hold_the_file(saved, tmp_path):
    copy = tmp_path / "copy.nc"
    copy.write_bytes(saved.read_bytes())
    loaded = load_fit(copy)
    copy.unlink()
    assert np.isfinite(loaded["posterior"]["z"].to_numpy()).all()


def test_existing_file_is_not_overwritten(fit, tmp_path):
    path = tmp_path / "fit.nc"
    path.write_text("something else")
    with pytest.raises(InputError, match=r"fit\.nc exists.*force"):
        save_fit(fit, path)
    assert path.read_text() == "something else"
    save_fit(fit, path, force=True)
    assert load_fit(path).attrs == fit.attrs


def test_missing_folder(fit, tmp_path):
    with pytest.raises(InputError, match="no folder"):
        save_fit(fit, tmp_path / "nowhere" / "fit.nc")


def test_failed_write_leaves_nothing(fit, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(xr.DataTree, "to_netcdf", fail)
    with pytest.raises(OSError, match="disk full"):
        save_fit(fit, tmp_path / "fit.nc")
    assert not list(tmp_path.iterdir())


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="no fit at"):
        load_fit(tmp_path / "fit.nc")
    with pytest.raises(InputError, match="no fit at"):
        load_fit(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95])
def test_truncated_file(saved, tmp_path, share):
    content = saved.read_bytes()
    damaged = tmp_path / "fit.nc"
    damaged.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match="cannot be read"):
        load_fit(damaged)


def test_flipped_bytes(saved, tmp_path):
    """Compressed draws that do not unpack are an error, never other numbers."""
    content = bytearray(saved.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4096] = bytes(255 - b for b in content[middle : middle + 4096])
    damaged = tmp_path / "fit.nc"
    damaged.write_bytes(bytes(content))
    with pytest.raises(InputError, match="cannot be read"):
        load_fit(damaged)


def test_text_file(tmp_path):
    path = tmp_path / "fit.nc"
    path.write_text("time,open,high,low,close\n")
    with pytest.raises(InputError, match="cannot be read"):
        load_fit(path)


def test_other_netcdf(tmp_path):
    path = tmp_path / "other.nc"
    xr.Dataset({"a": ("x", [1.0, 2.0])}).to_netcdf(path, engine="h5netcdf")
    with pytest.raises(InputError, match="no fit of this version"):
        load_fit(path)
