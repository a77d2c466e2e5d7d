"""Clusters of liquidation levels: found in every draw, matched, with the age of their levels."""

from liqbayes.analysis.clusters.ages import AGES, cluster_ages
from liqbayes.analysis.clusters.find import (
    BANDWIDTH,
    SHARE,
    WITHIN,
    find_clusters,
    match_clusters,
)
from liqbayes.analysis.clusters.topic import section

__all__ = [
    "AGES",
    "BANDWIDTH",
    "SHARE",
    "WITHIN",
    "cluster_ages",
    "find_clusters",
    "match_clusters",
    "section",
]
