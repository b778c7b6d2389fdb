"""Options of an experiment."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ExperimentOptions:
    """Options of the command; 0 or empty selects the experiment's default.

    Attributes:
        data: the data set.
        work: folder of intermediate results, for resuming.
        command: the command line.
        size: side of the networks' input, pixels.
        seeds: repetitions, from seed 0 up.
        folds: number of folds of the subjects.
        epochs: of each training.
        samples: cells sampled an epoch.
        init: none, imagenet or a safetensors file.
        device: auto, cpu, cuda or cuda:<n>.
        models: installed models to evaluate; empty for all.
        variants: names of the variants to run; empty for all.
        cells: maximum number of cells to evaluate.
        threads: CPU threads of a forward pass.
    """

    data: Path
    work: Path
    command: str
    size: int = 112
    seeds: int = 3
    folds: int = 5
    epochs: int = 0
    samples: int = 1440
    init: str = "imagenet"
    device: str = "auto"
    models: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    cells: int = 600
    threads: int | None = None
