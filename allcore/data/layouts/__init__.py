"""Supported layouts of data sets, one file a layout."""
