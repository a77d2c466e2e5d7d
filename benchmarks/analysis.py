"""From a fit to decisions: topics of `liqbayes analyse`, a position, the page; margins."""

import resource
import tempfile
import time
from pathlib import Path

from benchmarks.markets import walk
from benchmarks.outputs import drawn
from liqbayes.analysis import SECTIONS, Position, Workspace, assess_position
from liqbayes.analysis.run import run_topic
from liqbayes.analysis.write import write_analysis
from liqbayes.batch import local_executor
from liqbayes.margin import MarginPlan, margin_study
from liqbayes.page import gather, read_sections, render, write_page
from liqbayes.report import read_summary, write_report

BARS = 1440


def analysis_table() -> str:
    """1,000 draws on 60 days of hours: target 60 s and 4 GiB for all, 30 s for the page."""
    tree = drawn(BARS)
    work = Workspace(tree)
    lines = [
        f"## From a fit to decisions: 1,000 draws x {BARS} bars\n",
        "The first topic also computes what the others share.\n",
        "| topic | seconds |",
        "|---|---|",
    ]
    begin = time.perf_counter()
    sections = []
    for name in SECTIONS:
        start = time.perf_counter()
        sections.append(run_topic(name, work))
        lines.append(f"| {name} | {time.perf_counter() - start:.1f} |")
    start = time.perf_counter()
    mark = float(work.levels.attrs["mark_price"])
    orders = {"limit": 0.99 * mark, "stop": 0.95 * mark, "take_profit": 1.05 * mark}
    assess_position(work, Position("long", 1.0, leverage=10.0, **orders))
    lines.append(
        f"| a position with a limit, a stop and a target | {time.perf_counter() - start:.1f} |"
    )
    lines.append(_margins())
    lines.append(f"| all of them | {time.perf_counter() - begin:.1f} |")
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch) / "fit"
        write_report(tree, directory)
        summary = read_summary(directory)
        about = {
            key: summary[key]
            for key in ("contract", "model", "as_of", "mark_price", "panel_hash", "sampler")
        }
        write_analysis(tuple(sections), Path(scratch) / "fit-analysis", about, options=work.options)
        start = time.perf_counter()
        page = Path(scratch) / "fit-report.html"
        topics = read_sections(Path(scratch) / "fit-analysis")
        write_page(render(gather(directory, sections=topics)), page)
        size = page.stat().st_size / 1e6
        lines.append(
            f"| report page, {size:.1f} MB, topics beside the fit | "
            f"{time.perf_counter() - start:.1f} |"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    lines.append(f"\nPeak memory of the process so far: {peak:.1f} GiB.")
    return "\n".join(lines)


def _margins() -> str:
    """Tails of a year of hours, on one core: both sides and priors, four chains, no backtest."""
    plan = MarginPlan(walk(8760), block=7, refits=0)
    with tempfile.TemporaryDirectory() as scratch, local_executor(1) as executor:
        start = time.perf_counter()
        margin_study(plan, Path(scratch) / "margin", executor, progress=False)
        seconds = time.perf_counter() - start
    return f"| margins, {len(plan.cells())} posteriors of 52 blocks | {seconds:.1f} |"
