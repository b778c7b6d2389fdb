"""``CARD.md`` of a model folder, generated."""
