"""Exceptions raised by liqbayes.

Every message says what was given, what is allowed and what to do.
"""


class LiqbayesError(Exception):
    """Base class of every error raised by liqbayes."""


class InputError(LiqbayesError, ValueError):
    """Input or usage that cannot be accepted: nothing was computed."""


class UnknownContractError(InputError):
    """A contract name that no shipped or given contract file defines."""


class NotDeterminedError(InputError):
    """A venue rule that no source read for this package establishes."""


class SpecError(InputError):
    """A model specification that is malformed or does not fit the panel."""


class SamplingError(LiqbayesError, RuntimeError):
    """A sampler that could not run; no other sampler is tried in its place."""
