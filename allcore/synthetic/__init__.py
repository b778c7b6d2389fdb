"""The synthetic demonstration set: cells drawn by the program, faults planted with known truth."""
