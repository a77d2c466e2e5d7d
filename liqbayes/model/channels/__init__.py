"""Observation channels: each adds one likelihood to the graph and says what it needs."""
