"""Deliberate faults of the fitted model, which calibration has to find."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from liqbayes.model.data import ModelData

LIQUIDATION_FACTOR = 1.3


def no_same_bar_touches(data: ModelData) -> ModelData:
    """A model in which nothing that is opened in a bar is liquidated in it."""
    inside = (data.start != 1)[:, None]
    legs = tuple(
        replace(
            leg,
            touches={
                side: replace(touches, alive=np.where(inside, 1.0, touches.alive))
                for side, touches in leg.touches.items()
            },
        )
        for leg in data.legs
    )
    return replace(data, legs=legs)


def liquidations_too_large(data: ModelData) -> ModelData:
    """A model that takes reported liquidations for 1.3 times what they are."""
    feeds = {
        side: replace(feed, reported=LIQUIDATION_FACTOR * feed.reported)
        for side, feed in data.feeds.items()
    }
    return replace(data, feeds=feeds)


FAULTS: dict[str, Callable[[ModelData], ModelData]] = {
    "no-same-bar-touches": no_same_bar_touches,
    "liquidations-times-1.3": liquidations_too_large,
}
