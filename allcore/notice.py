"""The sentence that stands on every page and in every export."""

RESEARCH_USE = "Research use only: not for diagnosis or treatment decisions."
