"""Findings: faults of a data set, from its index and manifest."""
