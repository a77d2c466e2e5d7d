"""Published liquidation prices.

One row per vector: source, contract to use, rules' date, arguments, printed price, tolerance.
Sources: freqtrade (github.com/freqtrade/freqtrade, GPL-3.0; numbers only, read in 2026) quotes
the worked examples of Binance's FAQ and, for Hyperliquid, real positions of 2024; Bybit and dYdX
numbers are the worked examples of their own pages.
"""

from dataclasses import dataclass, field
from typing import Any

BINANCE = "freqtrade tests/exchange/test_binance.py (Binance FAQ numbers)"
EXCHANGE = "freqtrade tests/exchange/test_exchange.py, test_get_liquidation_price"
HYPERLIQUID = "freqtrade tests/exchange/test_hyperliquid.py (real positions, 2024)"
BYBIT_USDT = "Bybit help centre, Liquidation price (USDT contract)"
BYBIT_UTA = "Bybit help centre, Liquidation price under isolated mode (UTA), 2024"
DYDX = "dYdX v4 docs, isolated liquidation price"


@dataclass(frozen=True)
class Vector:
    """One published number; `rel` and `abs` are the tolerances."""

    id: str
    source: str
    contract: str
    side: str
    entry: float
    quantity: float
    price: float
    rate: float
    margins: dict[str, Any]
    amount: float = 0.0
    fee: float | None = None
    at: str | None = None
    rel: float = 1e-6
    abs: float = 0.0
    others: dict[str, float] = field(default_factory=dict)


ETH_BTC_WALLET = 1535443.01
ETH_TMM, ETH_UPNL = 356512.508, -448192.89  # of the ETH leg, as the test states them
BTC_TMM, BTC_UPNL = 71200.81144, -56354.57  # of the BTC leg

_BINANCE = [
    Vector(
        "BN-LIN-ISO-1",
        BINANCE,
        "binance:ETHUSDT",
        "long",
        1456.84,
        3683.979,
        1114.78,
        0.1,
        {"margin": ETH_BTC_WALLET},
        135365.0,
        abs=0.005,
    ),
    Vector(
        "BN-LIN-ISO-2",
        BINANCE,
        "binance:BTCUSDT",
        "long",
        32481.98,
        109.488,
        18778.73,
        0.025,
        {"margin": ETH_BTC_WALLET},
        16300.0,
        abs=0.005,
    ),
    Vector(
        "BN-LIN-CRS-1",
        BINANCE,
        "binance:ETHUSDT",
        "long",
        1456.84,
        3683.979,
        1153.26,
        0.1,
        {"wallet_balance": ETH_BTC_WALLET},
        135365.0,
        abs=0.005,
        others={"maintenance_other": BTC_TMM, "unrealised_pnl_other": BTC_UPNL},
    ),
    Vector(
        "BN-LIN-CRS-2",
        BINANCE,
        "binance:BTCUSDT",
        "long",
        32481.98,
        109.488,
        26316.89,
        0.025,
        {"wallet_balance": ETH_BTC_WALLET},
        16300.0,
        abs=0.005,
        others={"maintenance_other": ETH_TMM, "unrealised_pnl_other": ETH_UPNL},
    ),
]

# id, side, entry, quantity, wallet (stake), price; rate .01 and amount .01
_BINANCE_UNIT = [
    ("BN-LIN-FT-1", "short", 10, 1.0, 2.0, 11.89108910891089),
    ("BN-LIN-FT-2", "short", 10, 1.0, 3.3333333333333335, 13.211221122079207),
    ("BN-LIN-FT-3", "short", 8, 1.0, 1.6, 9.514851485148514),
    ("BN-LIN-FT-4", "short", 10, 0.6, 1.2, 11.897689768976898),
    ("BN-LIN-FT-5", "long", 10, 1.0, 2.0, 8.070707070707071),
    ("BN-LIN-FT-6", "long", 8, 1.0, 1.6, 6.454545454545454),
    ("BN-LIN-FT-7", "long", 10, 1.0, 3.3333333333333335, 6.723905723905723),
    ("BN-LIN-FT-8", "long", 10, 0.6, 1.2, 8.063973063973064),
]

# id, contract, side, entry, quantity, leverage, price; rate .01 and fee .0006
_GATE_OKX = [
    ("OKGT-LIN-1", "gate:BTC_USDT", "short", 10, 1.0, 5, 11.87413417771621),
    ("OKGT-LIN-2", "gate:BTC_USDT", "short", 10, 2.0, 5, 11.87413417771621),
    ("OKGT-LIN-4", "gate:BTC_USDT", "short", 8, 1.0, 5, 9.499307342172967),
    ("OKGT-LIN-6", "gate:BTC_USDT", "long", 10, 1.0, 5, 8.085708510208207),
    ("OKGT-LIN-7", "gate:BTC_USDT", "long", 10, 1.0, 3, 6.738090425173506),
    ("OKGT-LIN-8", "okx:BTC-USDT-SWAP", "long", 10, 1.0, 3, 6.738090425173506),
]

# id, side, leverage, price; entry 10, quantity 1, rate .01
_BYBIT_UNIT = [
    ("BB-LIN-FT-1", "long", 1, 0.1),
    ("BB-LIN-FT-2", "long", 3, 6.7666666),
    ("BB-LIN-FT-3", "long", 5, 8.1),
    ("BB-LIN-FT-4", "long", 10, 9.1),
    ("BB-LIN-FT-5", "short", 1, 19.9),
    ("BB-LIN-FT-6", "short", 3, 13.233333),
    ("BB-LIN-FT-7", "short", 5, 11.9),
    ("BB-LIN-FT-8", "short", 10, 10.9),
]

_OTHERS = [
    Vector(
        "BB-LIN-HELP-1",
        BYBIT_USDT + ", example 1",
        "bybit:BTCUSDT",
        "long",
        20000,
        1,
        19700,
        0.005,
        {"leverage": 50},
    ),
    Vector(
        "BB-LIN-HELP-2",
        BYBIT_USDT + ", example 2 (3,000 USDT added)",
        "bybit:BTCUSDT",
        "short",
        20000,
        1,
        23300,
        0.005,
        {"margin": 400 + 3000},
    ),
    # The page's result is cut off in the copy; the number follows from its printed inputs.
    Vector(
        "BB-INV-HELP-1",
        BYBIT_UTA,
        "bybit:BTCUSD",
        "short",
        50000,
        60000,
        60000 / (1.2 - (0.12 - 0.006)),
        0.005,
        {"leverage": 10},
        at="2024-06-01",
    ),
    Vector(
        "BB-INV-CRS-1",
        "Bybit help centre, liquidation price (inverse contract), 2020",
        "bybit:BTCUSD",
        "long",
        8000,
        10000,
        5739.50,
        0.005,
        {"wallet_balance": 0.5},
        fee=0.00075,
        at="2020-06-01",
        abs=0.5,
    ),  # 5739.08, printed rounded outwards to a tick
    Vector(
        "DY-1",
        DYDX,
        "dydx:BTC-USD",
        "short",
        3000,
        3,
        3174.603174603,
        0.05,
        {"wallet_balance": 1000},
    ),
    Vector(
        "UNK-1",
        EXCHANGE + "1 (NEAR/USDT, venue not stated)",
        "bybit:BTCUSDT",
        "long",
        18.884,
        8 * 0.1,
        17.47,
        0.025,
        {"margin": 1.51072},
        abs=0.005,
    ),
]

# id, coin, side, entry, leverage, size, collateral, price. Half the initial margin at the
# maximum leverage then: 50x for BTC and ETH (1 %), 20x for SOL and DOGE (2.5 %).
_HYPERLIQUID = [
    ("HL-FT-01", "ETH", "long", 2458.5, 1, 0.015, 36.864593, 0.86915825),
    ("HL-FT-02", "BTC", "long", 63287.0, 1, 0.00039, 24.673292, 22.37166537),
    ("HL-FT-03", "SOL", "long", 146.82, 1, 0.16, 23.482979, 0.05269872),
    ("HL-FT-04", "SOL", "long", 145.83, 2, 0.33, 24.045107, 74.83696193),
    ("HL-FT-05", "ETH", "long", 2459.5, 2, 0.0199, 24.454895, 1243.0411908),
    ("HL-FT-06", "BTC", "long", 62739.0, 2, 0.00077, 24.137992, 31708.03843631),
    ("HL-FT-07", "DOGE", "long", 0.11586, 2, 437.0, 25.29769, 0.05945697),
    ("HL-FT-08", "ETH", "short", 2642.8, 2, 0.019, 25.091876, 3924.18322043),
    ("HL-FT-09", "SOL", "short", 155.89, 2, 0.32, 24.924941, 228.07847866),
    ("HL-FT-10", "DOGE", "short", 0.14333, 2, 351.0, 25.136807, 0.20970228),
    ("HL-FT-11", "BTC", "short", 68595.0, 2, 0.00069, 23.64871, 101849.99354283),
    ("HL-FT-12", "BTC", "short", 65536.0, 3, 0.00099, 21.604172, 86493.46174617),
    ("HL-FT-13", "SOL", "long", 173.06, 5, 0.6, 20.735658, 142.05186667),
    ("HL-FT-14", "ETH", "long", 2545.5, 4, 0.0329, 20.909894, 1929.23322895),
    ("HL-FT-15", "BTC", "short", 67400.0, 1, 0.00031, 20.887308, 133443.97317151),
    ("HL-FT-16", "ETH", "short", 2552.0, 4, 0.0327, 20.833393, 3157.53150453),
    ("HL-FT-17", "BTC", "long", 66930.0, 5, 0.0015, 20.043862, 54108.51043771),
    ("HL-FT-18", "BTC", "long", 67033.0, 4, 0.00121, 20.251817, 50804.00091827),
    ("HL-FT-19", "ETH", "long", 2521.9, 3, 0.0237, 19.902091, 1699.14071943),
    ("HL-FT-20", "BTC", "short", 68139.0, 5, 0.00145, 19.72573, 80933.61590987),
]


def _hyperliquid(row: tuple[Any, ...]) -> Vector:
    name, coin, side, entry, leverage, size, collateral, price = row
    rate = 0.01 if coin in ("BTC", "ETH") else 0.025
    contract = f"hyperliquid:{'SOL' if coin == 'DOGE' else coin}"  # DOGE shares SOL's rule here
    # A 1x long's price is near 0, where rounding of the printed entry decides.
    near_zero = side == "long" and leverage == 1
    return Vector(
        name,
        HYPERLIQUID,
        contract,
        side,
        entry,
        size,
        price,
        rate,
        {"margin": collateral},
        rel=0.0 if near_zero else 1e-4,
        abs=2e-3 * entry if near_zero else 0.0,
    )


VECTORS: list[Vector] = [
    *_BINANCE,
    *(
        Vector(
            i, EXCHANGE, "binance:BTCUSDT", side, entry, q, price, 0.01, {"margin": wallet}, 0.01
        )
        for i, side, entry, q, wallet, price in _BINANCE_UNIT
    ),
    *(
        Vector(i, EXCHANGE, name, side, entry, q, price, 0.01, {"leverage": leverage}, fee=0.0006)
        for i, name, side, entry, q, leverage, price in _GATE_OKX
    ),
    *(
        Vector(i, EXCHANGE, "bybit:BTCUSDT", side, 10, 1, price, 0.01, {"leverage": leverage})
        for i, side, leverage, price in _BYBIT_UNIT
    ),
    *_OTHERS,
    *(_hyperliquid(row) for row in _HYPERLIQUID),
]
