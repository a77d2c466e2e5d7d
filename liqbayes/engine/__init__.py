"""Cohort engine: arrays in, arrays out.

``geometry`` turns a price path into touches (which share of what was opened in a bar is first
reached in which later bar), ``kernel`` runs the open-interest recursion forward and in reverse,
``book`` reads the living book off a recorded run.
"""
