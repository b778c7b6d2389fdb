"""Inference: upload validation, gate, segmentation, predictor, batching and jobs."""
