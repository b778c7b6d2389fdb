"""Controlled experiments: one thing varied at a time, the prediction written before the run."""
