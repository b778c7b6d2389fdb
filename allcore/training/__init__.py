"""Training: recipe, fit loop, checkpoints, out-of-fold runs."""
