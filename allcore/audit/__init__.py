"""Index and findings of a data set."""
