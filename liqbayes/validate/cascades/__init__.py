"""Whether cascades are of the size that the agent market's own are."""
