"""Every figure renders; what must be told apart has different colours; labels say what is drawn."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from liqbayes import plots
from liqbayes.errors import InputError
from liqbayes.plots import style
from tests.plots import synthetic

LABEL = "binance:BTCUSDT, 1 h bars"


def pixels(figure: Figure, dpi: int = 60) -> np.ndarray:
    """RGB image of a figure."""
    with io.BytesIO() as buffer:
        figure.savefig(buffer, format="rgba", dpi=dpi)
        raw = np.frombuffer(buffer.getvalue(), dtype=np.uint8)
    width, height = (round(v * dpi) for v in figure.get_size_inches())
    return raw.reshape(height, width, 4)[..., :3].astype(int)


def texts(figure: Figure) -> str:
    """Every word on a figure."""
    found = [t.get_text() for t in figure.findobj(Text)]
    return " | ".join(t for t in found if t)


@pytest.fixture(scope="module")
def small_heatmap() -> xr.Dataset:
    return synthetic.heatmap(bars=60, bins=80)


def make_all(heat: xr.Dataset) -> dict[str, Figure]:
    levels, prior = (synthetic.levels(draws=40, seed=seed) for seed in (0, 5))
    return {
        "heatmap": plots.draw_heatmap(heat, label=LABEL),
        "uncertainty": plots.draw_uncertainty(heat, label=LABEL),
        "profile": plots.draw_profile(levels, prior=prior, label=LABEL),
        "cumulative": plots.draw_cumulative(levels, label=LABEL),
        "delta": plots.draw_delta(synthetic.delta(), label=LABEL),
        "leverage": plots.draw_leverage(
            synthetic.leverage(), synthetic.leverage(concentration=12.0), label=LABEL
        ),
        "entry": plots.draw_entry(
            synthetic.entry(draws=40), synthetic.entry(draws=40, concentration=60.0), label=LABEL
        ),
        "reports": plots.draw_reports(*synthetic.reports(), unit="basis points", label=LABEL),
    }


@pytest.fixture(scope="module")
def figures(small_heatmap: xr.Dataset) -> dict[str, Figure]:
    return make_all(small_heatmap)


NORMALISATION = {
    "heatmap": "long levels: BTC per 1 % of price, median (log scale)",
    "uncertainty": "P(quantity > 100 BTC in the bin)",
    "profile": "USDT per 1 % of price",
    "cumulative": "cumulative, USDT",
    "delta": "USDT; linear within",
    "leverage": "share per doubling of leverage",
    "entry": "share per 1 % of price",
    "reports": "basis points",
}


@pytest.mark.parametrize("name", sorted(NORMALISATION))
def test_figure_renders_and_says_unit_and_normalisation(
    figures: dict[str, Figure], name: str
) -> None:
    picture = pixels(figures[name])
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 50
    words = texts(figures[name])
    assert NORMALISATION[name] in words
    assert LABEL in words
    assert "nan" not in words.lower().replace("binance", "")


def one_bin(median: float, high: float) -> xr.Dataset:
    """A flat heatmap in which only one block of bins below the price differs from a known band."""
    heat = synthetic.heatmap(bars=20, bins=80)
    quantity = np.zeros((3, 20, 2, 80))
    quantity[:, :, 1, 60:70] = np.array([900.0, 1000.0, 1100.0])[:, None, None]
    quantity[1, :, 0, 5:25] = median
    quantity[2, :, 0, 5:25] = high
    heat["quantity"] = (("quantile", "time", "side", "price"), quantity)
    heat["mean"] = (("time", "side", "price"), quantity[1])
    heat["bridged"] = ("time", np.zeros(20, bool))
    return heat


def block_of(figure: Figure, heat: xr.Dataset) -> np.ndarray:
    """Mean colour of the block that `one_bin` sets."""
    ax = figure.axes[0]
    # The axes frame what is there; the block must be in view even if it is empty.
    ax.set_ylim(float(heat["price_low"][0]), float(heat["price_high"][-1]))
    picture = pixels(figure, dpi=80)
    low, high = float(heat["price_low"][6]), float(heat["price_high"][23])
    (x0, x1) = ax.get_xlim()
    corners = ax.transData.transform([(x0 + 0.2 * (x1 - x0), low), (x0 + 0.8 * (x1 - x0), high)])
    scale = 80 / figure.dpi
    (left, bottom), (right, top) = corners * scale
    rows = slice(picture.shape[0] - int(top), picture.shape[0] - int(bottom))
    return picture[rows, int(left) : int(right)].reshape(-1, 3).mean(axis=0)


def test_uncertain_bins_never_look_empty() -> None:
    empty, unsure, known = (
        block_of(plots.draw_heatmap(heat), heat)
        for heat in (one_bin(0.0, 0.0), one_bin(0.0, 1000.0), one_bin(1000.0, 1200.0))
    )
    assert empty.min() > 250, "an empty bin is white"
    assert (unsure < 238).all() and np.ptp(unsure) < 6, "an uncertain one is grey"
    assert np.ptp(known) > 60, "a known one is coloured"
    # In a grey print too, the three differ by what an eye can tell.
    grey = [c @ np.array([0.299, 0.587, 0.114]) for c in (empty, unsure, known)]
    assert grey[0] - grey[1] > 15 and grey[1] - grey[2] > 40


def test_price_outside_the_grid_is_not_shown_as_empty(small_heatmap: xr.Dataset) -> None:
    words = [
        x.get_text() for x in plots.draw_heatmap(small_heatmap).axes[0].get_legend().get_texts()
    ]
    assert "outside the price grid" not in words
    fallen = small_heatmap.copy(deep=True)
    fallen["close"][-1] = 0.7 * float(fallen["price_low"].min())
    ax = plots.draw_heatmap(fallen).axes[0]
    assert "outside the price grid" in [x.get_text() for x in ax.get_legend().get_texts()]
    assert any(patch.get_hatch() == ".." for patch in ax.patches)


def test_sides_have_different_hues_and_both_scales_darken(small_heatmap: xr.Dataset) -> None:
    from liqbayes.plots.style import SCALE

    for side, scale in SCALE.items():
        colours = scale(np.linspace(0, 1, 50))[:, :3]
        light = colours @ np.array([0.299, 0.587, 0.114])
        assert (np.diff(light) < 0).all(), side
        assert light[0] - light[-1] > 0.5
    blue, orange = SCALE["long"](0.6), SCALE["short"](0.6)
    assert blue[2] > blue[0] and orange[0] > orange[2]


def test_windows_longer_than_the_panel_say_so() -> None:
    words = texts(plots.draw_delta(synthetic.delta(known=4)))
    assert words.count("not covered by the panel: unknown") == 3
    assert words.count("P(ΔL > 0)") == 4


def test_a_book_of_zeros_can_be_drawn() -> None:
    levels = synthetic.levels(draws=5)
    for name in ("quantity", "quote"):
        levels[name] = 0.0 * levels[name]
    assert pixels(plots.draw_profile(levels)).size
    assert pixels(plots.draw_cumulative(levels)).size
    heat = one_bin(0.0, 0.0)
    heat["quantity"] = 0.0 * heat["quantity"]
    assert pixels(plots.draw_heatmap(heat)).size
    assert pixels(plots.draw_uncertainty(heat)).size


def test_wrong_dataset_is_named() -> None:
    with pytest.raises(InputError, match="liquidation_heatmap returns; close is missing"):
        plots.draw_heatmap(synthetic.heatmap(bars=5, bins=20).drop_vars("close"))
    with pytest.raises(InputError, match="liquidation_levels returns; mark_price"):
        plots.draw_profile(synthetic.levels(draws=2).drop_attrs())


def test_drawing_changes_no_setting_and_needs_no_pyplot() -> None:
    code = (
        "import sys, matplotlib; before = matplotlib.rcParams.copy()\n"
        "from liqbayes import plots\n"
        "from tests.plots import synthetic\n"
        "plots.draw_heatmap(synthetic.heatmap(bars=5, bins=20))\n"
        "assert matplotlib.rcParams.copy() == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)


def test_save_chooses_the_format_by_name(tmp_path, figures: dict[str, Figure]) -> None:
    plots.save(figures["delta"], tmp_path / "delta.png")
    assert (tmp_path / "delta.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_of_lines_is_small_and_looks_the_same(tmp_path: Path) -> None:
    figure, (ax,) = style.new_figure(size=(8.0, 6.0))
    ax.plot(np.arange(50), np.cos(np.arange(50) / 5), color=style.COLOUR["long"])
    ax.fill_between(np.arange(50), -1, 1, color=style.UNCERTAIN)
    plain, small = tmp_path / "plain.png", tmp_path / "small.png"
    style.save(figure, plain)
    style.save(figure, small, lines=True)
    assert small.stat().st_size < 0.4 * plain.stat().st_size
    few = Image.open(small).convert("RGB")
    # the same picture with fewer dots: compared at the size of the smaller one, blurred alike
    full = Image.open(plain).convert("RGB").resize(few.size, Image.Resampling.LANCZOS)
    one, two = (np.asarray(p.resize((200, 150)), float) for p in (full, few))
    assert np.abs(one - two).mean() < 1.0
