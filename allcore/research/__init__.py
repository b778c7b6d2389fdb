"""Development of the models: comparison, experiments and semi-supervised training."""
