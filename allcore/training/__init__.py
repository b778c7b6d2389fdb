"""Training: recipe, fit loop, calibration, checkpoints, out-of-fold runs."""
