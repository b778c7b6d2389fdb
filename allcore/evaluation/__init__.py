"""Statistics of predictions: arrays in, frozen results out."""
