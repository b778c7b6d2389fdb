"""ALLScope's library: classification of acute lymphoblastic leukemia cells. Research use only."""

__version__ = "0.1.0"
