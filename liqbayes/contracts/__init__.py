"""Contracts and margin rules: units, dated tiers, liquidation prices.

Facts are TOML files in `venues/`, each with its source. What no source establishes raises
`NotDeterminedError`.
"""

from liqbayes.contracts.aggregate import AggregateContract, AnyContract, contract_from_dict
from liqbayes.contracts.contract import Contract
from liqbayes.contracts.distance import KINDS, SIDES, level_log_offset, leverage_from_level
from liqbayes.contracts.formulas import FORMULAS, Formula
from liqbayes.contracts.ladder import Ladder, partial_liquidation_ladder
from liqbayes.contracts.load import list_contracts, load_contract
from liqbayes.contracts.margin import (
    bankruptcy_price,
    leverage_from_liquidation_price,
    liquidation_price,
    margin_from_liquidation_price,
)
from liqbayes.contracts.rules import FeedRegime, FeeSchedule, FormulaRule, LadderRule, LeverageCap
from liqbayes.contracts.tiers import Tier, TierTable, recurrence

__all__ = [
    "FORMULAS",
    "KINDS",
    "SIDES",
    "AggregateContract",
    "AnyContract",
    "Contract",
    "FeeSchedule",
    "FeedRegime",
    "Formula",
    "FormulaRule",
    "Ladder",
    "LadderRule",
    "LeverageCap",
    "Tier",
    "TierTable",
    "bankruptcy_price",
    "contract_from_dict",
    "level_log_offset",
    "leverage_from_level",
    "leverage_from_liquidation_price",
    "liquidation_price",
    "list_contracts",
    "load_contract",
    "margin_from_liquidation_price",
    "partial_liquidation_ladder",
    "recurrence",
]
