"""Plotly figures: data in, figure out, without colours of a theme."""
