"""Every network under both protocols: trained alike, tabled side by side."""
