"""Every network under both protocols: one budget, one table."""
