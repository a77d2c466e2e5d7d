"""Measure and write ``benchmarks/RESULTS.md``.

Every figure is the median of repeated runs in this process; compare ratios within one file, since
machines differ and drift.
"""

import platform
from pathlib import Path

from benchmarks.analysis import analysis_table
from benchmarks.backtest import backtest_table
from benchmarks.batch import batch_table
from benchmarks.gradient import gradient_table
from benchmarks.outputs import propagation_table
from benchmarks.sampling import sampling_table
from benchmarks.scan import scan_table
from benchmarks.timing import environment

TARGET = Path(__file__).with_name("RESULTS.md")


def main() -> None:
    """Run all benchmarks, print and store them."""
    parts = [
        "# Benchmarks\n\n"
        "Made by `make bench`. Medians of repeated runs in one process; machines are noisy, so "
        "compare ratios within one file.\n\n" + environment(platform.processor()),
        gradient_table(),
        scan_table(),
        sampling_table(),
        propagation_table(),
        analysis_table(),
        batch_table(),
        backtest_table(),
    ]
    text = "\n\n".join(parts) + "\n"
    TARGET.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
