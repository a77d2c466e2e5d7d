"""The result of one topic."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd


@dataclass(frozen=True)
class Section:
    """Tables of one topic, and what they say.

    Attributes
    ----------
    name : str
        Topic, lower case; also the prefix of its files.
    title : str
        Heading.
    tables : mapping of str to DataFrame
        By name. Intervals are columns ``low``, ``median``, ``high`` (5, 50 and 95 % quantiles),
        prefixed where a table has several; units in column names or in ``units``.
    findings : tuple of str
        Sentences that state a result with its interval.
    conventions : tuple of str
        What traders usually read into the quantity; printed as convention, not as result.
    units : mapping of str to str
        Column name to unit, for those whose name does not say it.
    cautions : tuple of str
        What is known to be wrong with the quantity, or has not been shown; read first.
    """

    name: str
    title: str
    tables: Mapping[str, pd.DataFrame]
    findings: tuple[str, ...] = ()
    conventions: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    cautions: tuple[str, ...] = ()
