"""What an experiment is asked for."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ExperimentOptions:
    """The command's options; 0 or empty leaves the choice to the experiment.

    Attributes:
        data: the data set.
        work: folder of what a killed run goes on from.
        command: the command line that asked.
        size: side of the networks' input, pixels.
        seeds: repetitions, from seed 0 up.
        folds: parts that subjects are dealt into.
        epochs: of each training.
        samples: cells drawn an epoch.
        init: none, imagenet or a safetensors file.
        device: auto, cpu, cuda or cuda:<n>.
        models: installed models to look at; none for all.
        variants: names of the variants to run; none for all.
        cells: cells to look at where not all are.
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
