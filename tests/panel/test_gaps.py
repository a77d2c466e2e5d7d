import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from liqbayes.panel import MarketPanel, known_bars, open_interest_bridged, segments
from tests.panel.markets import LINEAR, bars


def _panel(unknown_price=(), unknown_volume=(), unknown_oi=()):
    frame = bars(20)
    for rows, names in (
        (unknown_price, ["open", "high", "low", "close"]),
        (unknown_volume, ["volume"]),
        (unknown_oi, ["open_interest"]),
    ):
        frame.loc[frame.index[list(rows)], names] = np.nan
    return MarketPanel.from_frame(frame, LINEAR)


def test_unknown_price_or_volume_ends_a_segment():
    panel = _panel(unknown_price=[5], unknown_volume=[11, 12])
    assert segments(panel) == [(0, 5), (6, 11), (13, 20)]
    assert segments(panel.without("volume")) == [(0, 5), (6, 20)]


def test_bridge_is_log_linear_and_marked():
    panel = _panel(unknown_oi=[4, 5, 6])
    values, bridged = open_interest_bridged(panel)
    known = panel.values("open_interest")
    assert np.flatnonzero(bridged).tolist() == [4, 5, 6]
    ratio = (known[7] / known[3]) ** 0.25
    np.testing.assert_allclose(values[3:8], known[3] * ratio ** np.arange(5), rtol=1e-12)
    assert np.isnan(panel.values("open_interest")[4])


def test_nothing_is_extrapolated_or_bridged_across_segments():
    panel = _panel(unknown_price=[9], unknown_oi=[0, 8, 10, 19])
    values, bridged = open_interest_bridged(panel)
    assert np.flatnonzero(np.isnan(values)).tolist() == [0, 8, 9, 10, 19]
    assert not bridged.any()


@given(
    st.sets(st.integers(0, 18), max_size=10),
    st.sets(st.integers(0, 19), max_size=15),
)
def test_bridge_invariants(no_price, no_oi):
    if len(no_oi) == 20:
        return
    panel = _panel(unknown_price=no_price, unknown_oi=no_oi - {19})
    values, bridged = open_interest_bridged(panel)
    known = known_bars(panel)
    pieces = segments(panel)
    assert sum(stop - start for start, stop in pieces) == known.sum()
    assert not (bridged & ~known).any()
    given_values = panel.values("open_interest")
    keep = np.isfinite(given_values) & known
    assert np.array_equal(values[keep], given_values[keep])
    # Every bridge lies between known values of its own segment.
    for start, stop in pieces:
        inside = values[start:stop]
        if bridged[start:stop].any():
            ends = given_values[start:stop][np.isfinite(given_values[start:stop])]
            assert np.nanmin(inside) >= ends.min() * (1 - 1e-12)
            assert np.nanmax(inside) <= ends.max() * (1 + 1e-12)
