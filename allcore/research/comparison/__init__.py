"""Comparison of all networks under both protocols, with one shared budget."""
