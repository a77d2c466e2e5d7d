"""Cohort engine: arrays in, arrays out.

``path`` reads a price path, ``touches`` turns it into which share of what was opened in a bar is
first reached in which later bar, ``recursion`` runs the open interest of one side and ``adjoint``
its derivative, ``book`` runs both sides at a model's parameters, ``rule`` fills the same tapes by a
rule with leverage fixed by hand. ``standing`` and ``heat`` place the living book on a grid of
prices.
"""
