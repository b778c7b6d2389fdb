"""Plots of the Evaluation page, one module per view."""
