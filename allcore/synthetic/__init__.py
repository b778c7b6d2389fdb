"""The synthetic demonstration set: synthetic cells with planted faults of known truth."""
