"""Run one sampler on one model: draws of ``z`` and sampler statistics."""

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pymc as pm
import xarray as xr
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from liqbayes.errors import SamplingError
from liqbayes.sampling.config import SamplerConfig
from liqbayes.sampling.whiten import WHITE, framed, whitened

# names of the same statistic in the three samplers
_RENAME = {
    "maxdepth_reached": "reached_max_treedepth",
    "depth": "tree_depth",
    "logp": "lp",
    "mean_tree_accept": "acceptance_rate",
}
_KEEP = (
    "diverging",
    "energy",
    "n_steps",
    "step_size",
    "tree_depth",
    "lp",
    "acceptance_rate",
    "reached_max_treedepth",
)


@dataclass(frozen=True)
class Draws:
    """Draws of the standard normal coordinates.

    Attributes
    ----------
    z : xarray.DataArray, dims (chain, draw, parameter)
    stats : xarray.Dataset, dims (chain, draw)
    seconds : float
        Wall time of sampling, compilation apart.
    interrupted : bool
    notes : tuple of str
        Retries and fallbacks.
    """

    z: xr.DataArray
    stats: xr.Dataset
    seconds: float
    compile_seconds: float
    interrupted: bool
    notes: tuple[str, ...]


def sample(model: pm.Model, config: SamplerConfig, *, progress: bool) -> Draws:
    """Sample with the configured sampler; any failure is an error, never another sampler."""
    if config.sampler == "nutpie":
        return Compiled(model).sample(config, progress=progress)
    return _pymc(model, config, progress)


class Compiled:
    """A model compiled once, which can be sampled for any data of the same layout.

    Parameters
    ----------
    model : pymc.Model
    """

    def __init__(self, model: pm.Model) -> None:
        import nutpie

        begin = time.perf_counter()
        self._compiled = nutpie.compile_pymc_model(whitened(model), var_names=[WHITE])
        self._layout = _layout(model)
        self.seconds = time.perf_counter() - begin

    def sample(
        self, config: SamplerConfig, *, model: pm.Model | None = None, progress: bool = False
    ) -> Draws:
        """Sample the compiled density.

        Parameters
        ----------
        config : SamplerConfig
        model : pymc.Model, optional
            A model of the same specification whose data take the place of those compiled with.
        progress : bool

        Raises
        ------
        SamplingError
            If the other model's parameters or observed bars differ, or nutpie cannot sample.
        """
        compiled = self._compiled
        if model is not None:
            if _layout(model) != self._layout:
                raise SamplingError(
                    "the data do not fit the compiled model: parameters or observed bars differ."
                )
            compiled = compiled.with_data(**_data(model))
        begin = time.perf_counter()
        compiled, frame = framed(compiled, config.seed)
        draws = _with_retries(compiled, config, progress)
        return replace(
            draws,
            z=draws.z.copy(data=frame.original(draws.z.to_numpy())),
            seconds=time.perf_counter() - begin,
            compile_seconds=self.seconds,
        )


def _layout(model: pm.Model) -> dict[str, tuple[Any, ...]]:
    """What is part of the compiled code and not of its data."""
    return {
        dim: tuple(values)
        for dim, values in model.coords.items()
        # of several markets a dimension's name begins with the market's
        if values is not None
        and dim.rpartition("::")[2].startswith(("parameter", "report_bar", "change"))
    }


def _data(model: pm.Model) -> dict[str, Any]:
    """Values of the shared variables that the density is computed from, by name."""
    from pytensor.compile.sharedvalue import SharedVariable
    from pytensor.graph.traversal import ancestors

    shared = [
        v for v in ancestors([*model.basic_RVs, *model.data_vars]) if isinstance(v, SharedVariable)
    ]
    # the others are states of random generators and lengths of coordinates
    return {str(v.name): v.get_value() for v in shared if getattr(v.type, "ndim", 0)}


def _with_retries(compiled: Any, config: SamplerConfig, progress: bool) -> Draws:
    draws = _nutpie_once(compiled, config, "low_rank", progress)
    notes: list[str] = []
    # A chain got stuck: once more from other starting points, then with the plain metric.
    retry = replace(config, seed=config.seed + 1_000_003)
    for metric, note in (
        ("low_rank", "a chain went bad; sampled again from other starting points"),
        ("diag", "again; sampled with the diagonal metric"),
    ):
        if draws.interrupted or not _bad(draws):
            break
        notes.append(note)
        again = _unless_interrupted(compiled, retry, metric, progress)
        if again is None:
            notes.append("interrupted meanwhile; the run before is kept")
            draws = replace(draws, interrupted=True)
        else:
            draws = again
    return replace(draws, notes=tuple(notes))


def _unless_interrupted(
    compiled: Any, config: SamplerConfig, metric: str, progress: bool
) -> Draws | None:
    try:
        draws = _nutpie_once(compiled, config, metric, progress)
    except KeyboardInterrupt:
        return None
    return None if draws.interrupted else draws


def _nutpie_once(compiled: Any, config: SamplerConfig, metric: str, progress: bool) -> Draws:
    import nutpie

    total = config.chains * (config.draws + config.tune)
    with _bar(progress, total, f"sampling {config.chains} chains") as update:
        sampler = nutpie.sample(
            compiled,
            draws=config.draws,
            tune=config.tune,
            chains=config.chains,
            cores=config.cores,
            seed=config.seed,
            adaptation=metric,
            target_accept=config.target_accept,
            progress_bar=False,
            save_warmup=False,
            blocking=False,
            progress_callback=lambda chains: update(sum(c.finished_draws for c in chains)),
            progress_rate=250,
        )
        interrupted = False
        try:
            trace = sampler.wait()
        except KeyboardInterrupt:
            interrupted = True
            trace = sampler.abort()
        except RuntimeError as error:
            raise SamplingError(f"nutpie could not sample this model: {error}") from error
    if trace is None or "posterior" not in trace.children:
        raise KeyboardInterrupt
    u, stats = _completed(trace["posterior"][WHITE], trace["sample_stats"].to_dataset())
    return Draws(u, stats, 0.0, 0.0, interrupted, ())


def _completed(z: xr.DataArray, stats: xr.Dataset) -> tuple[xr.DataArray, xr.Dataset]:
    """Draws that every started chain completed; chains that never started are dropped."""
    stats = stats.rename({k: v for k, v in _RENAME.items() if k in stats})
    stats = stats[[k for k in _KEEP if k in stats]].drop_attrs()
    done = np.isfinite(z.to_numpy()).all(axis=z.dims.index("parameter")).sum(axis=1)
    started = done > 0
    if not started.any():
        raise KeyboardInterrupt
    n = int(done[started].min())
    chosen = {"chain": np.flatnonzero(started), "draw": slice(0, n)}
    z, stats = z.isel(chosen), stats.isel(chosen)
    chain = np.arange(int(started.sum()))
    return z.assign_coords(chain=chain), stats.assign_coords(chain=chain)


def _bad(draws: Draws) -> bool:
    """Whether a chain is stuck: next to no effective draws, or many divergences."""
    import arviz as az

    if draws.z.sizes["draw"] < 50:
        return False
    # a frozen chain has no variance, and ESS would take its draws for independent
    if bool((draws.z.std("draw") < 1e-12).any()):
        return True
    for chain in draws.z.chain:
        ess = az.ess(draws.z.sel(chain=[chain.item()]).to_dataset(name="z"))["z"]
        # one slow parameter is told by the diagnostics; sampling it again would not make it faster
        if float(ess.min()) < min(8.0, 0.02 * draws.z.sizes["draw"]):
            return True
    diverging = draws.stats["diverging"].sum("draw")
    return bool((diverging > max(10, 0.05 * draws.z.sizes["draw"])).any())


def _pymc(model: pm.Model, config: SamplerConfig, progress: bool) -> Draws:
    begin = time.perf_counter()
    if config.sampler == "numpyro":
        from liqbayes.model.jax_ops import register

        register()
        try:
            importlib.import_module("numpyro")
        except ImportError as error:
            raise SamplingError(
                f"NumPyro is not installed ({error}); install liqbayes[jax] to sample with it."
            ) from error
    try:
        with model:
            trace = pm.sample(
                draws=config.draws,
                tune=config.tune,
                chains=config.chains,
                cores=config.cores,
                random_seed=config.seed,
                nuts_sampler=config.sampler,
                nuts={"target_accept": config.target_accept},
                progressbar=progress,
                quiet=not progress,
                compute_convergence_checks=False,
                var_names=["z"],
            )
    except (ImportError, ValueError, RuntimeError) as error:
        raise SamplingError(f"{config.sampler} could not sample this model: {error}") from error
    z, stats = _completed(trace["posterior"]["z"], trace["sample_stats"].to_dataset())
    interrupted = z.sizes["draw"] < config.draws or z.sizes["chain"] < config.chains
    return Draws(z, stats, time.perf_counter() - begin, 0.0, interrupted, ())


class _bar:
    """Progress bar on stderr that nutpie's background thread may update."""

    def __init__(self, show: bool, total: int, text: str) -> None:
        self._progress = (
            Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:3.0f}%"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            if show
            else None
        )
        self._total, self._text = total, text

    def __enter__(self) -> Callable[[int], None]:
        if self._progress is None:
            return lambda _: None
        self._progress.start()
        task = self._progress.add_task(self._text, total=self._total)
        shown = self._progress
        return lambda done: shown.update(task, completed=done)

    def __exit__(self, *exception: object) -> None:
        if self._progress is not None:
            self._progress.stop()
