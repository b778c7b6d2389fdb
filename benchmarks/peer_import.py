"""Import of a folder of cells, against LightlyStudio."""

from benchmarks import import_page, timing
from benchmarks.timing import Result, Scale


def run(scale: Scale) -> Result:
    """Seconds from the command until all cells are imported; see `import_page`."""
    ours, theirs = import_page.both(scale)
    return timing.result("import", ours=ours.imported, reference=theirs.imported, unit="s")
