"""ALLScope's library: classification of acute lymphoblastic leukemia (ALL) cells. Research only."""

__version__ = "0.1.0"
