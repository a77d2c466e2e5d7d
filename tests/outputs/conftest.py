"""Fits of a linear, an inverse and an aggregate contract; made once."""

import pytest

from tests.outputs import fits

MADE = {}


def _made(name):
    if name not in MADE:
        MADE[name] = getattr(fits, f"{name}_fit")()
    return MADE[name]


@pytest.fixture
def linear():
    return _made("linear")


@pytest.fixture(params=["linear", "inverse", "aggregate"])
def any_fit(request):
    return _made(request.param)
