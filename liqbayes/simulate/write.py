"""Write a simulated market to a directory."""

import json
import shutil
import tempfile
from pathlib import Path

from liqbayes.errors import InputError
from liqbayes.simulate.market import SimulatedMarket

FILES = ("panel.parquet", "positions.parquet", "truth.json")


def write_simulation(market: SimulatedMarket, out_dir: str | Path, *, force: bool = False) -> Path:
    """Write ``panel.parquet``, ``positions.parquet`` and ``truth.json``, all or nothing.

    Parameters
    ----------
    market : SimulatedMarket
        What to write.
    out_dir : str or Path
        Directory to create.
    force : bool
        Replace a directory that an earlier simulation wrote.

    Returns
    -------
    Path
        The directory.

    Raises
    ------
    InputError
        If it exists and `force` is not set, or holds files that are not a simulation's.
    """
    target = Path(out_dir)
    _check_target(target, force)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
        fresh = Path(scratch) / "new"
        fresh.mkdir()
        market.panel.to_parquet(fresh / "panel.parquet")
        market.positions.to_parquet(fresh / "positions.parquet")
        truth = market.truth | {"config": market.config.to_dict()}
        text = json.dumps(truth, indent=2, allow_nan=False)
        (fresh / "truth.json").write_text(text + "\n", encoding="utf-8")
        if target.exists():
            # The old directory goes with the scratch directory once the new one is in place.
            shutil.move(target, Path(scratch) / "old")
        fresh.rename(target)
    return target


def _check_target(target: Path, force: bool) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise InputError(f"{target} is a file; give a directory that does not exist yet.")
    if not force:
        raise InputError(f"{target} exists; choose another directory, or force to replace it.")
    foreign = sorted(p.name for p in target.iterdir() if p.name not in FILES)
    if foreign:
        raise InputError(
            f"{target} holds {', '.join(foreign[:5])}, which no simulation wrote, and is not "
            "replaced; choose another directory."
        )
