"""The directory that a fit is reported in: numbers, tables and figures, written in one piece."""

from liqbayes.report.compare import compare_with_truth
from liqbayes.report.directory import check_target, grid_of, read_summary, write_directory
from liqbayes.report.results import Results, compute_results
from liqbayes.report.summary import summarise
from liqbayes.report.tables import delta_table, entry_table, levels_table, leverage_table
from liqbayes.report.write import FILES, write_report

__all__ = [
    "FILES",
    "Results",
    "check_target",
    "compare_with_truth",
    "compute_results",
    "delta_table",
    "entry_table",
    "grid_of",
    "levels_table",
    "leverage_table",
    "read_summary",
    "summarise",
    "write_directory",
    "write_report",
]
