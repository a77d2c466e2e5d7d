"""What a map of liquidation levels adds to the strongest forecasts without one."""
