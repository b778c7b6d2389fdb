"""Plots of the Evaluation page, one module a view."""
