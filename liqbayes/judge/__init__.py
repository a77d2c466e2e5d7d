"""Whether a map of liquidation levels says where liquidations happen: any tool's, or a fit's."""

from liqbayes.judge.checks import Ruling
from liqbayes.judge.files import write_judgement, write_map
from liqbayes.judge.own import fit_level_map
from liqbayes.judge.reader import map_of_table, read_map
from liqbayes.judge.referee import Judgement, judge_fit, judge_map, swept_by_bar

__all__ = [
    "Judgement",
    "Ruling",
    "fit_level_map",
    "judge_fit",
    "judge_map",
    "map_of_table",
    "read_map",
    "swept_by_bar",
    "write_judgement",
    "write_map",
]
