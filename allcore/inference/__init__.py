"""Inference: upload checks, gate, segmentation, predictor, batching and jobs."""
