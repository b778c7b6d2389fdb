"""Plotly figures without theme colours: functions from data to a figure."""
