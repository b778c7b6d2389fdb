"""ALLScope's library: classifying acute lymphoblastic leukemia (ALL) cells. Research use only."""

__version__ = "0.1.0"
