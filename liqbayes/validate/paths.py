"""Price, volume and funding that simulated data are drawn over: fixed beforehand."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from liqbayes.errors import InputError
from liqbayes.model.spec import ModelSpec
from liqbayes.panel import MarketPanel, read_panel
from liqbayes.simulate import market_preset, simulate_market

N_PATHS = 20
# Two weeks and more of hours each, disjoint where the file is long enough.
REAL = (
    ("binance_btcusdt_1h.parquet", "binance:BTCUSDT"),
    ("binance_ethusdt_1h.parquet", "binance:ETHUSDT"),
    ("binance_solusdt_1h.parquet", "binance:SOLUSDT"),
)
REAL_WINDOWS = 2
PRESETS = (
    "default",
    "calm",
    "crash",
    "squeeze",
    "trend",
    "downtrend",
    "low-turnover",
    "high-leverage",
    "moving-levels",
    "few-large",
)
# A trend of years would leave the range of prices; these take the place of the two that have one.
DAILY_PRESETS = (
    "default",
    "calm",
    "crash",
    "squeeze",
    "low-leverage",
    "two-sided-leverage",
    "low-turnover",
    "high-leverage",
    "moving-levels",
    "few-large",
)
CONTRACTS = ("binance:BTCUSDT", "binance:BTCUSD_PERP")
# Days are centred on the dated cuts of leverage of these contracts.
DAILY_MIDDLE = np.datetime64("2021-07-19")
DAILY = "1d"
# A model whose steps are longer is drawn over days: hours would hold next to no step.
LONGEST_HOURLY_STEP = 336.0
FEED = ("long_liquidations", "short_liquidations")


@dataclass(frozen=True)
class CalibrationPath:
    """One panel whose price, volume and funding are kept while the rest is drawn anew.

    Attributes
    ----------
    name : str
        File and window, or preset and contract, marked ``1d`` where the bars are days.
    panel : MarketPanel
        Hourly or daily bars with open interest, funding and both sides of a feed known in every
        bar.
    """

    name: str
    panel: MarketPanel

    @property
    def daily(self) -> bool:
        """Whether the bars are days, over which turnover is kept in place of volume."""
        return self.name.endswith(f" {DAILY}")


def needs_days(spec: ModelSpec) -> bool:
    """Whether a model has random walks whose steps need panels of days."""
    return max(spec.walk_hours, spec.turnover_walk_hours) > LONGEST_HOURLY_STEP


def path_names(data: str | Path | None, bars: int, *, daily: bool = False) -> list[str]:
    """Names of the paths of so many bars, real ones first where panels are long enough.

    ``data`` is the directory of real panels, if any. Paths of days are all simulated: real ones of
    that length add venues up, and nothing can be drawn over an aggregate.
    """
    if daily:
        return [
            f"{preset} {contract} {DAILY}" for contract in CONTRACTS for preset in DAILY_PRESETS
        ]
    simulated = [f"{preset} {contract}" for contract in CONTRACTS for preset in PRESETS]
    return (_real_names(data, bars) + simulated)[:N_PATHS]


def load_path(name: str, bars: int, data: str | Path | None) -> CalibrationPath:
    """Make one path of ``path_names``.

    Parameters
    ----------
    name : str
    bars : int
    data : str or Path, optional
        Directory of real panels.

    Raises
    ------
    InputError
        If the name is none of ``path_names``.
    """
    names = path_names(data, bars, daily=name.endswith(f" {DAILY}"))
    if name not in names:
        raise InputError(f"no path {name!r}; there are {', '.join(names)}.")
    made = _real(name, bars, Path(data)) if data and ".parquet" in name else _simulated(name, bars)
    return CalibrationPath(name, _with_reports(made))


def _real_names(data: str | Path | None, bars: int) -> list[str]:
    if data is None:
        return []
    if not Path(data).is_dir():
        raise InputError(f"{data} is no directory of real panels.")
    long_enough = [name for name, _ in REAL if _length(Path(data) / name) >= bars]
    return [f"{name} {window}" for name in long_enough for window in range(REAL_WINDOWS)]


def _length(path: Path) -> int:
    """Bars of a file; none if it is not there."""
    return int(pq.read_metadata(path).num_rows) if path.is_file() else 0


def _real(name: str, bars: int, data: Path) -> MarketPanel:
    file, window = name.split()
    panel = read_panel(data / file, contract=dict(REAL)[file])
    # the first window begins the file, the last one ends it
    first = int(window) * (panel.n_bars - bars) // (REAL_WINDOWS - 1)
    since, last = panel.time[first], panel.time[first + bars - 1]
    return panel.slice(since, last + np.timedelta64(panel.bar_seconds, "s"))


def _simulated(name: str, bars: int) -> MarketPanel:
    preset, contract, *length = name.split(" ")
    presets = DAILY_PRESETS if length else PRESETS
    seed = presets.index(preset) + len(presets) * CONTRACTS.index(contract)
    config = market_preset(preset, bars=bars, contract=contract)
    if length:
        start = str(DAILY_MIDDLE - np.timedelta64(bars // 2, "D"))
        config = replace(config, bar_seconds=86_400, start=start)
    return simulate_market(config, seed).panel


def _with_reports(panel: MarketPanel) -> MarketPanel:
    """A report in every bar: its value does not matter, for reports are drawn anew."""
    reports = dict.fromkeys(FEED, 1.0)
    return MarketPanel.from_frame(panel.to_frame().assign(**reports), panel.contract)
