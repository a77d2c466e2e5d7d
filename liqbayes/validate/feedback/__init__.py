"""Traders who act on the published map: what becomes of the map and of cascades."""
