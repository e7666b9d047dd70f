"""The catalogue, one file for each area."""
