"""The Compare page: networks side by side, and experiments on what they learn."""
