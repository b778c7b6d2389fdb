"""Findings: what is wrong with a data set, from its index and manifest."""
