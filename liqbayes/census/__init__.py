"""Positions that are public, beside the posterior: level fate, comparison and fusion."""

from liqbayes.census.compare import CensusPlan, compare_with_positions
from liqbayes.census.exam import census_exam, exam_verdicts
from liqbayes.census.fate_report import FILES as FATE_FILES
from liqbayes.census.fate_report import FateResult, level_fate, write_fate
from liqbayes.census.fits import Settings
from liqbayes.census.fuse import fuse as fuse_positions
from liqbayes.census.snapshots import fits_table
from liqbayes.census.table import CENSUS_COLUMNS, Census, census_of, read_census
from liqbayes.census.verdicts import verdicts
from liqbayes.census.write import FUSE_FILES, positions_of, write_fused, write_tables

__all__ = [
    "CENSUS_COLUMNS",
    "FATE_FILES",
    "FUSE_FILES",
    "Census",
    "CensusPlan",
    "FateResult",
    "Settings",
    "census_exam",
    "census_of",
    "compare_with_positions",
    "exam_verdicts",
    "fits_table",
    "fuse_positions",
    "level_fate",
    "positions_of",
    "read_census",
    "verdicts",
    "write_fate",
    "write_fused",
    "write_tables",
]
