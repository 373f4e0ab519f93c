"""Romanian dates."""
