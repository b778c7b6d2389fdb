"""Training: the recipe, the fit loop, and what is written at its end."""
