"""The registry of benchmarks: name to module, imported only when it runs."""

import importlib
from dataclasses import dataclass
from typing import Literal

from benchmarks.timing import Result, Scale


@dataclass(frozen=True)
class Benchmark:
    """One entry: the module whose ``run(scale)`` gives the figures, and their aim.

    Attributes:
        module: in this package.
        least: least value aimed at; None for none.
        most: largest value aimed at; None for none.
        of: which value that is: the ratio, or our own figure.
    """

    module: str
    least: float | None = None
    most: float | None = None
    of: Literal["ratio", "ours"] = "ratio"

    def run(self, scale: Scale) -> Result:
        """Run it."""
        measured: Result = importlib.import_module(f"benchmarks.{self.module}").run(scale)
        return measured

    @property
    def aim(self) -> str:
        """The aim in words."""
        own = "ours " if self.of == "ours" else ""
        if self.least is None and self.most is None:
            return "none"
        if self.least is None:
            return f"{own}{self.most:g} or less"
        if self.most is None:
            return f"{own}{self.least:g} or more"
        return f"{own}{self.least:g} to {self.most:g}"

    def is_met(self, measured: Result) -> bool:
        """True if a result meets the aim."""
        value = measured.ratio if self.of == "ratio" else measured.ours
        low, high = self.least, self.most
        return (low is None or value >= low) and (high is None or value <= high)


BENCHMARKS = {
    "batch": Benchmark("batch", least=0.95),
    "precision": Benchmark("precision", least=2),
    "agreement": Benchmark("agreement", most=1),
    "single": Benchmark("single", most=1.1),
    "sessions": Benchmark("sessions", least=1),
    "gradcam": Benchmark("gradcam", most=1.5),
    "training": Benchmark("training", least=0.9),
    "startup": Benchmark("startup"),
    "memory": Benchmark("memory", most=1.02),
    "indexing": Benchmark("indexing", least=0.9),
    "neighbours": Benchmark("neighbours", most=1),
    "scale": Benchmark("scale"),
    "gradio": Benchmark("gradio_demo", least=1),
    "check": Benchmark("predict_page", most=1),
    "pages": Benchmark("page_times", most=1.5, of="ours"),
    "threshold": Benchmark("threshold", most=150, of="ours"),
    "selection": Benchmark("selection", most=1, of="ours"),
    "intervals": Benchmark("intervals", most=1, of="ours"),
    "dataset_page": Benchmark("dataset_page", most=200, of="ours"),
    "opening": Benchmark("opening", most=1),
    "import": Benchmark("peer_import", most=1),
    "explorer": Benchmark("import_page", most=1),
    "cutting": Benchmark("segmentation_speed", most=1.25),
    "evidence": Benchmark("explanation", most=1.5, of="ours"),
    "sign_in": Benchmark("sign_in", least=0.9, most=1.1),
}
