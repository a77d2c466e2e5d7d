"""Stored studies: read from their files, put into words and tables, never computed."""

from liqbayes.validate.studies.kinds import KINDS
from liqbayes.validate.studies.read import Studies, Study, read_studies

__all__ = ["KINDS", "Studies", "Study", "read_studies"]
