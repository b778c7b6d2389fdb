"""The registry of benchmarks: name to module, imported only when it runs."""

import importlib
from dataclasses import dataclass

from benchmarks.timing import Result, Scale


@dataclass(frozen=True)
class Benchmark:
    """One entry: the module whose ``run(scale)`` gives the figures, and what is aimed at.

    The aim is of the ratio, or of our own figure where it says so.
    """

    module: str
    aim: str

    def run(self, scale: Scale) -> Result:
        """Run it."""
        measured: Result = importlib.import_module(f"benchmarks.{self.module}").run(scale)
        return measured


BENCHMARKS = {
    "batch": Benchmark("batch", "0.9 or more"),
    "single": Benchmark("single", "1.25 or less"),
    "sessions": Benchmark("sessions", "1 or more"),
    "gradcam": Benchmark("gradcam", "1.5 or less"),
    "training": Benchmark("training", "0.9 or more"),
    "startup": Benchmark("startup", "as near to 1 as it gets"),
    "memory": Benchmark("memory", "1.05 or less"),
    "indexing": Benchmark("indexing", "0.9 or more"),
    "gradio": Benchmark("gradio_demo", "1 or more"),
    "check": Benchmark("predict_page", "below 1"),
    "threshold": Benchmark("threshold", "ours 150 ms or less"),
    "selection": Benchmark("selection", "ours 1 s or less"),
    "intervals": Benchmark("intervals", "ours 1 s or less"),
    "dataset_page": Benchmark("dataset_page", "ours 200 ms or less"),
    "import": Benchmark("peer_import", "1 or less"),
    "explorer": Benchmark("import_page", "1 or less"),
    "cutting": Benchmark("segmentation_speed", "1.25 or less"),
    "evidence": Benchmark("explanation", "ours 1.5 s or less"),
    "sign_in": Benchmark("sign_in", "0.9 to 1.1"),
}
