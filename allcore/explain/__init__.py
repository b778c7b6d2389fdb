"""Explanations of an answer: Grad-CAM, integrated gradients, deletion check, neighbours, views."""
