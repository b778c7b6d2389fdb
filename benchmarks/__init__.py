"""Benchmarks: one file each, ours and a reference timed in one run."""
