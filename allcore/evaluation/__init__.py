"""Evaluation: arrays in, frozen results out. No model, no image and no web page is needed here."""
