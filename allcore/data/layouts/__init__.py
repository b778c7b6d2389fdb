"""The layouts of data sets that can be read: one file a layout."""
