"""How the models came about: comparison, experiments and semi-supervised training."""
