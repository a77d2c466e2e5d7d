"""Positions that are public, beside the posterior: level fate, comparison and fusion."""

from liqbayes.census.fate_report import FILES as FATE_FILES
from liqbayes.census.fate_report import FateResult, level_fate, write_fate
from liqbayes.census.table import CENSUS_COLUMNS, Census, census_of, read_census

__all__ = [
    "CENSUS_COLUMNS",
    "FATE_FILES",
    "Census",
    "FateResult",
    "census_of",
    "level_fate",
    "read_census",
    "write_fate",
]
