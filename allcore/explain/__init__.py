"""Explanations of a prediction: saliency maps, deletion check, neighbours and augmented views."""
