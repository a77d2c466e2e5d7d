"""Fits of a panel as it was at each snapshot, kept so that several runs can share them."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from liqbayes.errors import InputError
from liqbayes.model import ModelSpec, prepare
from liqbayes.model.evaluate import Evaluator
from liqbayes.panel import MarketPanel
from liqbayes.sampling import fit, load_fit, save_fit


@dataclass(frozen=True)
class Settings:
    """Of every fit; see `liqbayes.SamplerConfig`."""

    draws: int = 500
    tune: int = 500
    chains: int = 2
    seed: int = 0


def panel_until(panel: MarketPanel, time: np.datetime64) -> MarketPanel:
    """The bars that had ended by a time.

    Raises
    ------
    InputError
        If there are none.
    """
    end = panel.time + np.timedelta64(panel.bar_seconds, "s")
    n = int(np.searchsorted(end, time, side="right"))
    if n == 0:
        raise InputError(f"the panel has no bar that ended by {time}; give an earlier one.")
    if n == panel.n_bars:
        return panel
    return MarketPanel.from_dataset(panel.data.isel(time=slice(0, n)), panel.contract, panel.meta())


def fit_until(
    spec: ModelSpec, panel: MarketPanel, time: np.datetime64, settings: Settings, store: Path
) -> xr.DataTree:
    """Fit the bars that had ended by a time, or load that fit if it was made before.

    Parameters
    ----------
    spec : ModelSpec
    panel : MarketPanel
    time : numpy.datetime64
    settings : Settings
    store : Path
        Directory of fits, named by everything that they depend on.
    """
    known = panel_until(panel, time)
    if spec.rule is not None:
        return fit(spec, known)
    path = store / store_name(spec, known, settings)
    if path.is_file():
        return load_fit(path)
    tree = _sampled(spec, known, settings)
    store.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}")
    save_fit(tree, scratch)
    scratch.replace(path)
    return tree


def store_name(spec: ModelSpec, panel: MarketPanel, settings: Settings) -> str:
    """File name of a fit: specification, data and settings."""
    numbers = "-".join(str(value) for value in asdict(settings).values())
    return f"{spec.content_hash[:12]}-{panel.content_hash[:12]}-{numbers}.nc"


def _sampled(spec: ModelSpec, panel: MarketPanel, settings: Settings) -> xr.DataTree:
    """Sample with a model that this process compiles once for stretches of any length."""
    from liqbayes.model.build import build_from_data
    from liqbayes.sampling import SamplerConfig
    from liqbayes.sampling.fit import assemble
    from liqbayes.validate.compiled import compiled_for_any_length

    config = SamplerConfig(**asdict(settings), cores=1)
    data = prepare(spec, panel)
    evaluator = Evaluator.of(spec, data)
    compiled = compiled_for_any_length(evaluator)
    taken = compiled.sample(config, model=build_from_data(spec, data, any_length=True))
    return assemble(evaluator, panel, None, taken, config)
