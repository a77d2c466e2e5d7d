"""A position looked at from all sides: the tables of `liqbayes position`."""

import numpy as np
import pandas as pd

from liqbayes import outputs
from liqbayes.analysis.forward.reach import reach_probability
from liqbayes.analysis.position.fills import after_fills
from liqbayes.analysis.position.level import Held, Position, hold
from liqbayes.analysis.position.orders import order_events
from liqbayes.analysis.position.stops import before_stop, stop_beyond, stops_for
from liqbayes.analysis.section import Section
from liqbayes.analysis.workspace import Workspace
from liqbayes.contracts import AnyContract, Contract, load_contract
from liqbayes.errors import InputError
from liqbayes.outputs.windows import duration_seconds
from liqbayes.report.reduce import interval

_TITLE = "Position"
# Times after a fill at which returns are compared, of those that are whole bars.
AFTER = ("1h", "4h", "1d")
# Draws whose mean book past bars are given; the mean of so many is close enough for a quarter.
_MAP_DRAWS = 100


def assess_position(
    work: Workspace, position: Position, *, contract: AnyContract | str | None = None
) -> Section:
    """Liquidation, stop and orders of a position, each with its interval.

    Parameters
    ----------
    work : Workspace
        Its options say the horizons; one that is not supported is an error here.
    position : Position
    contract : Contract or str, optional
        Or its name, such as ``"binance:BTCUSDT"``; whose margin rules hold; default: the fit's.

    Returns
    -------
    Section
        Tables ``liquidation`` (by horizon), ``stops_for`` (by probability), ``stop`` (by cluster),
        ``orders`` (by horizon and event), ``after_fill`` (by order, group and time); those that
        the position asks for.

    Raises
    ------
    InputError
        As `hold`, on a horizon that is not supported, or if the contract is of another coin.
    """
    context = work.context
    if isinstance(contract, str):
        contract = load_contract(contract)
    rules = _rules(contract or context.contract, context.contract)
    edges = work.levels
    priced = (float(edges["price_low"].min()), float(edges["price_high"].max()))
    held = hold(rules, position, context.mark_price, at=context.as_of, priced=priced)
    bars, reasons = work.horizons()
    if reasons:
        told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise InputError(f"a horizon is not supported: {told}. Choose another --horizon.")
    tables = {"liquidation": _liquidation(work, held, bars, priced)}
    findings = [_of_level(held, rules), *_of_liquidation(held, tables["liquidation"])]
    if held.note:
        findings.append(f"Margin tiers: {held.note}.")
    if position.stop is not None:
        searched = {within: stop_beyond(held, found) for within, found in work.clusters.items()}
        tables["stop"] = _by_search({within: table for within, (table, _) in searched.items()})
        findings += _of_stop(
            work, held, tables["stop"], {within: p for within, (_, p) in searched.items()}
        )
    tables["stops_for"] = _by_search(
        {within: stops_for(held, found) for within, found in work.clusters.items()}
    )
    if position.limit is not None or position.take_profit is not None or position.stop is not None:
        tables["orders"] = order_events(held, work.paths, bars)
        findings += _of_orders(held, _fees(rules, context.as_of), tables["orders"])
    if position.limit is not None or position.take_profit is not None:
        day = max(1, 86_400 // context.panel.bar_seconds)
        tables["after_fill"] = _after_fills(work, held, rules, min(max(bars.values()), day))
        findings += _of_fills(tables["after_fill"], _fees(rules, context.as_of))
    return Section(
        "position",
        _TITLE,
        tables,
        tuple(findings),
        (),
        {"level": context.contract.quote_unit, "price": context.contract.quote_unit},
    )


def _rules(contract: AnyContract, own: AnyContract) -> Contract:
    if not isinstance(contract, Contract):
        raise InputError(
            f"{contract.name} mixes venues and has no margin rules; name a venue's contract with "
            f"--venue, such as binance:{contract.base}USDT."
        )
    if contract.base != own.base:
        raise InputError(
            f"the position is in {contract.base} ({contract.name}), the fit in {own.base}; use a "
            f"contract of {own.base}."
        )
    return contract


def _fees(rules: Contract, at: np.datetime64) -> tuple[float, float]:
    """Maker and taker fee at a date; NaN where not determined."""
    if not rules.fees:
        return float("nan"), float("nan")
    fees, _ = rules.fees_at(str(np.datetime_as_string(at, unit="s")))
    maker, taker = (float("nan") if fee is None else fee for fee in (fees.maker, fees.taker))
    return maker, taker


def _liquidation(
    work: Workspace, held: Held, bars: dict[str, int], priced: tuple[float, float]
) -> pd.DataFrame:
    """Probability that price is at the level within each horizon, whatever stops do."""
    if held.reachable:
        reach = reach_probability(work.paths, [held.level], bars).to_numpy()[0]
        reason = "" if priced[0] <= held.level <= priced[1] else "level outside the priced range"
    else:
        reach = np.zeros((len(bars), 3))
        reason = "no price liquidates it"
    return pd.DataFrame(
        {
            "horizon": list(bars),
            "level": held.level,
            "distance": held.distance,
            "low": reach[:, 0],
            "median": reach[:, 1],
            "high": reach[:, 2],
            "reason": reason,
        }
    )


def _after_fills(work: Workspace, held: Held, rules: Contract, wait: int) -> pd.DataFrame:
    p, s = held.position, held.sign
    panel = work.context.panel.slice(until=work.context.as_of)
    maker, taker = _fees(rules, work.context.as_of)
    book = outputs.liquidation_heatmap(
        outputs.thin(work.fit, _MAP_DRAWS),
        bins=work.options.bins,
        price_range=work.options.price_range,
        kind="expected",
    )
    lengths = {name: duration_seconds(name) for name in AFTER}
    seconds = panel.bar_seconds
    after = {name: n // seconds for name, n in lengths.items() if n % seconds == 0}
    out = []
    # what opens is closed again by a market order; what closes is one trade
    for name, price, buy, fee in (
        ("limit", p.limit, s > 0, maker + taker),
        ("take-profit", p.take_profit, s < 0, maker),
    ):
        if price is None or (name == "take-profit" and s * (price - held.mark_price) <= 0):
            # a target on this side of the price stands only once the limit has filled
            continue
        table = after_fills(
            panel,
            work.volatility,
            book,
            buy=buy,
            price=price,
            mark_price=held.mark_price,
            wait=wait,
            after=after,
            fee=float(fee),
        )
        table.insert(0, "order", name)
        out.append(table)
    return pd.concat(out, ignore_index=True) if out else pd.DataFrame({"group": []})


def _by_search(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Tables of the wide and of the fine search for clusters, one below the other."""
    for within, table in tables.items():
        table.insert(0, "within", within)
    return pd.concat(tables.values(), ignore_index=True)


def _of_level(held: Held, rules: Contract) -> str:
    p = held.position
    what = f"A {p.side} of {p.quantity:g} {rules.quantity_unit} entered at {held.entry:g}"
    if not held.reachable:
        return f"{what} has no liquidation level: no price liquidates it ({rules.name})."
    move = 100 * held.distance
    return (
        f"{what} is liquidated at {held.level:.6g} by the rules of {rules.name}, a "
        f"{'fall' if held.sign > 0 else 'rise'} of {move:.3g} % from {held.mark_price:.6g}; "
        "funding still to be paid is left out."
    )


def _of_liquidation(held: Held, table: pd.DataFrame) -> list[str]:
    if not held.reachable:
        return []
    return [
        f"Price is at its liquidation level within {row['horizon']} with probability "
        f"{row['median']:.2g} ({row['low']:.2g} to {row['high']:.2g})."
        for row in table.to_dict("records")
    ]


def _of_stop(
    work: Workspace, held: Held, table: pd.DataFrame, p_any: dict[str, float]
) -> list[str]:
    stop = held.position.stop
    assert stop is not None
    low, middle, high = (
        float(x[0]) for x in interval(before_stop(held, work.levels, stop).expand_dims("price"))
    )
    unit = work.context.contract.quote_unit
    spread = f" ({low:.3g} to {high:.3g})" if low == low else " (one book, no interval)"
    out = [
        f"{held.position.side.capitalize()}s with levels worth {middle:.3g}{spread} {unit} stand "
        f"between the mark price and the stop at {stop:g}."
    ]
    if not len(table):
        return [*out, f"No cluster of {held.position.side} levels is found."]
    nearest = table.iloc[int(table["gap"].abs().argmin())]
    out.append(
        f"The nearest cluster, {nearest['price_low']:.6g} to {nearest['price_high']:.6g}, begins "
        f"{100 * abs(nearest['gap']):.2g} % {'before' if nearest['gap'] > 0 else 'beyond'} it."
    )
    return out + [
        f"The stop lies beyond a cluster found within {within} with probability {p:.2g}, over the "
        "draws."
        for within, p in p_any.items()
        if p == p
    ]


def _of_orders(held: Held, fees: tuple[float, float], table: pd.DataFrame) -> list[str]:
    out = []
    for horizon, rows in table.groupby("horizon", sort=False):
        told = ", ".join(
            f"{row['event']} {row['median']:.2g} ({row['low']:.2g} to {row['high']:.2g})"
            for row in rows.to_dict("records")
        )
        out.append(f"Within {horizon}: {told}.")
    return [*out, *_of_odds(held, *fees)]


def _of_odds(held: Held, maker: float, taker: float) -> list[str]:
    """How often the take-profit must come first for the pair of orders to pay its fees."""
    p, s = held.position, held.sign
    if p.stop is None or p.take_profit is None:
        return []
    if not np.isfinite(maker + taker):
        return ["Fees of the contract are not determined; the break-even share is not identified."]
    # the position is valued from here on: a limit still has its own fee to pay
    now = held.mark_price if p.limit is None else p.limit
    opening = 0.0 if p.limit is None else maker
    gain = s * (p.take_profit / now - 1) - maker - opening
    loss = s * (1 - p.stop / now) + taker + opening
    if gain <= 0:
        return [f"The take-profit does not pay its fees: {100 * gain:.2g} % of the value."]
    return [
        f"The take-profit gains {100 * gain:.3g} % of the value net of fees, the stop loses "
        f"{100 * loss:.3g} %: one in {1 + gain / loss:.3g} must be a take-profit to break even."
    ]


def _of_fills(table: pd.DataFrame, fees: tuple[float, float]) -> list[str]:
    out = []
    if not np.isfinite(sum(fees)) and len(table):
        return ["Returns after a fill are not identified: fees of the contract are not determined."]
    for row in table[table["group"] == "near a cluster"].to_dict("records"):
        start = f"{row['after']} after a {row['order']} filled near a cluster"
        if not np.isfinite(row["difference_low"]):
            out.append(f"{start}: not identified, {row['fills']} fills in the panel.")
            continue
        out.append(
            f"{start} the mean return is {100 * row['median']:.2g} % "
            f"({100 * row['low']:.2g} to {100 * row['high']:.2g}) net of fees, "
            f"{100 * row['difference']:.2g} points ({100 * row['difference_low']:.2g} to "
            f"{100 * row['difference_high']:.2g}) from matched fills elsewhere; {row['fills']} "
            "overlapping fills."
        )
    return out
