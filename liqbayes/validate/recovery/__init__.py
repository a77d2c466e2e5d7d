"""Recovery on agent markets, which share no code with the likelihood."""
