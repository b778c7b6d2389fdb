"""Options of an experiment."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ExperimentOptions:
    """Options of the command; 0 or empty selects the experiment's default."""

    data: Path  # the data set
    work: Path  # folder of intermediate results, for resuming
    command: str  # the command line
    size: int = 112  # side of the networks' input, pixels
    seeds: int = 3  # repetitions, from seed 0 up
    folds: int = 5  # number of folds of the subjects
    epochs: int = 0  # of each training
    samples: int = 1440  # cells sampled an epoch
    init: str = "imagenet"  # none, imagenet or a safetensors file
    device: str = "auto"  # auto, cpu, cuda or cuda:<n>
    models: tuple[str, ...] = ()  # installed models to evaluate; empty for all
    variants: tuple[str, ...] = ()  # names of the variants to run; empty for all
    cells: int = 600  # maximum number of cells to evaluate
    threads: int | None = None  # CPU threads of a forward pass
