"""Networks: one file an architecture, one registry."""
