"""Clusters of liquidation levels: found in every draw, matched, with the age of their levels."""

from liqbayes.analysis.clusters.ages import AGES, cluster_ages
from liqbayes.analysis.clusters.find import (
    BANDWIDTH,
    NEAR,
    NEAR_BANDWIDTH,
    SHARE,
    WITHIN,
    find_clusters,
    match_clusters,
    settings,
)
from liqbayes.analysis.clusters.topic import section

__all__ = [
    "AGES",
    "BANDWIDTH",
    "NEAR",
    "NEAR_BANDWIDTH",
    "SHARE",
    "WITHIN",
    "cluster_ages",
    "find_clusters",
    "match_clusters",
    "section",
    "settings",
]
