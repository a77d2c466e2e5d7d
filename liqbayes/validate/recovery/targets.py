"""What recovery has to reach: written before any run."""

from types import MappingProxyType

# Share of the 90 % intervals that hold the truth, over all markets, for each output.
COVERAGE = (0.85, 0.96)
# In a regime: only a Wilson interval that lies outside speaks against the model.
REGIME_COVERAGE = (0.85, 0.97)
# A share of fewer markets is shown and not judged.
LEAST_MARKETS = 20
# Lumps are drawn from continuous laws, whose draws come as small as 1e-100 of open interest and
# never to zero. Ends below this share, far below any position, are nothing.
NOTHING = 1e-9
# An exact zero is counted apart where the interval's upper end is below this share.
NEXT_TO_NOTHING = 0.001
# Median width of an interval over that of the prior predictive: family to arm to limit.
WIDTH: MappingProxyType[str, MappingProxyType[str, float]] = MappingProxyType(
    {
        "at_risk": MappingProxyType({"feed": 0.75, "none": 0.9}),
        "total": MappingProxyType({"feed": 0.3, "none": 0.3}),
    }
)
WIDTH_AIM = MappingProxyType({"at_risk": 0.6})
# Mean interval score over that of the prior, and over that of each rule.
SCORE = 1.0
# Shipped models that give a point and no interval, whose score the intervals have to beat.
POINT_RULES = ("fixed-mix",)
