"""Notice for every page and every export."""

RESEARCH_USE = "Research use only: not for diagnosis or treatment decisions."
