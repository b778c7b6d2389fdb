"""A folder of cells until it is imported: ours against LightlyStudio."""

from benchmarks import explorer_peer, timing
from benchmarks.timing import Result, Scale


def run(scale: Scale) -> Result:
    """Seconds from the command until all cells are imported; see `explorer_peer`."""
    ours, theirs = explorer_peer.both(scale)
    return timing.result("import", ours=ours.imported, reference=theirs.imported, unit="s")
