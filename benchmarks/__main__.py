"""Measure and write ``benchmarks/RESULTS.md``; ``python -m benchmarks TOPIC ...`` for some topics.

Every figure is the median of repeated runs in this process; compare ratios within one section,
since machines differ and drift. A section is written as soon as it is measured, with the machine
and the versions; those that are not measured stay as they are.
"""

import argparse
import datetime as dt
import platform
import re
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
TOPICS = {
    "gradient": gradient_table,
    "scan": scan_table,
    "sampling": sampling_table,
    "propagation": propagation_table,
    "analysis": analysis_table,
    "batch": batch_table,
    "backtest": backtest_table,
}
HEAD = """# Benchmarks

Made by `make bench`, or `make bench TOPICS="gradient scan"`. Medians of repeated runs in one
process; machines are noisy, so compare ratios within one section.
"""


def stored(text: str) -> dict[str, str]:
    """Sections of a results file, by topic."""
    parts = re.split(r"<!-- topic: (\w+) -->\n", text)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def joined(sections: dict[str, str]) -> str:
    """A results file of sections, in the order of ``TOPICS``."""
    blocks = [f"<!-- topic: {t} -->\n{sections[t]}\n" for t in TOPICS if t in sections]
    return "\n".join([HEAD, *blocks])


def main() -> None:
    """Run the benchmarks asked for, print and store them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help=", ".join(TOPICS))
    asked = parser.parse_args().topics or list(TOPICS)
    unknown = [topic for topic in asked if topic not in TOPICS]
    if unknown:
        parser.error(f"unknown {', '.join(unknown)}; topics are {', '.join(TOPICS)}")
    for topic in asked:
        measured = f"Measured {dt.date.today()}: {environment(platform.processor())}"
        section = f"{TOPICS[topic]()}\n\n{measured}"
        print(section, flush=True)
        sections = stored(TARGET.read_text(encoding="utf-8")) if TARGET.exists() else {}
        TARGET.write_text(joined({**sections, topic: section}), encoding="utf-8")


if __name__ == "__main__":
    main()
