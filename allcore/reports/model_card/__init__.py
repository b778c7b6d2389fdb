"""Generator of ``CARD.md`` of a model folder."""
