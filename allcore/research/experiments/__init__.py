"""Controlled experiments: one factor varied at a time, with a prediction written beforehand."""
