"""Every kind of study, by the schema of its files without the number."""

from collections.abc import Mapping

from liqbayes.validate.studies.kind import Kind
from liqbayes.validate.studies.kinds import calibration, forecasts, margins, positions, readings

KINDS: Mapping[str, Kind] = {
    **calibration.KINDS,
    **forecasts.KINDS,
    **positions.KINDS,
    **readings.KINDS,
    **margins.KINDS,
}
