"""Trainings of a head on statistics that a frozen body reads of every cell once."""

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor

from allcore.data import decoded_cells
from allcore.data.preprocessing import Preprocessing
from allcore.data.splits import EXCLUDED, Split
from allcore.errors import AllScopeError
from allcore.evaluation.metrics import Floats
from allcore.nets import registry
from allcore.nets.qcresnet import QCResNet
from allcore.research.comparison import budget
from allcore.research.experiments import trials
from allcore.research.experiments.options import Options
from allcore.research.experiments.trials import BALANCED, WINDOW, Bench
from allcore.training import frozen_features, run
from allcore.training.plan import Material, Plan
from allcore.training.recipe import Recipe

STAGES = ("layer1", "layer2", "layer3")
RATE, BATCH = 3e-3, 64
QUARTERS = 4
LEAST_TAUGHT = 4
"""Folds: one tested, one validated on, one that a teacher answers and one that it learns."""
Answer = Literal["one", "turned", "ensemble", "taught"]
"""Whose answer counts: one network's, its mean over quarter turns, the mean of networks of all
seeds, or that of a network that learned from others' answers too."""


@dataclass(frozen=True)
class Asked:
    """One choice: fields of the recipe, arguments of the network, side of the input, answer."""

    changes: Mapping[str, Any]
    config: Mapping[str, Any]
    size: int
    answer: Answer


@dataclass(frozen=True)
class Scores:
    """AUROC on the validation cells of one fold, seeds averaged."""

    balanced: float
    cell: float
    last_balanced: float


@dataclass(frozen=True)
class _Run:
    """What one training leaves: log-odds of the validation cells, at the chosen epoch."""

    logits: list[float]
    last_balanced: float


def scores(*, asked: Asked, bench: Bench, options: Options, epochs: int) -> list[Scores]:
    """Train one choice for every fold and seed: one row a fold.

    Raises:
        ModelError: the initial weights can't be had.
        AllScopeError: there are too few folds for teachers.
    """
    if asked.answer == "taught" and options.folds < LEAST_TAUGHT:
        raise AllScopeError(f"Teachers need {LEAST_TAUGHT} folds or more: give --folds 5.")
    work = _Work(asked, bench, options, epochs)
    return [work.fold(split) for split in bench.splits]


@dataclass(frozen=True)
class _Work:
    """One choice on its way."""

    asked: Asked
    bench: Bench
    options: Options
    epochs: int

    def fold(self, split: Split) -> Scores:
        runs = [self._run(split, seed) for seed in range(self.options.seeds)]
        last = float(np.mean([each.last_balanced for each in runs]))
        logits = [np.array(each.logits) for each in runs]
        if self.asked.answer == "ensemble":
            logits = [np.mean(logits, axis=0)]
        balanced, cell = np.mean([self._auroc(split, each) for each in logits], axis=0)
        return Scores(float(balanced), float(cell), last)

    def _auroc(self, split: Split, logits: Floats) -> tuple[float, float]:
        material = self.bench.material(split)
        labels = self.bench.targets[split.mask(self.bench.manifest, "validation")]
        weights = material.weights("validation", subject_strength=run.VALIDATION_STRENGTH)
        return (
            float(roc_auc_score(labels, logits, sample_weight=weights)),
            float(roc_auc_score(labels, logits)),
        )

    def _run(self, split: Split, seed: int) -> _Run:
        # An ensemble is of the networks that answer alone in base.
        answer = "one" if self.asked.answer == "ensemble" else self.asked.answer
        fields = {
            "answer": answer,
            "recipe": self._recipe(seed).to_dict(),
            "split": budget.digest({str(image): part for image, part in split.parts.items()}),
        } | self._read_as(0)
        kept = trials.kept(self.bench.work, fields, lambda: asdict(self._train(split, seed)))
        return _Run(**kept)

    def _train(self, split: Split, seed: int) -> _Run:
        material = replace(self.bench.material(split), statistics=self._statistics(0))
        if self.asked.answer == "taught":
            learned = (material.targets + self._taught(material, seed)) / 2
            material = replace(material, learned=learned)
        network, history = self._learned(material, seed)
        turns = range(QUARTERS if self.asked.answer == "turned" else 1)
        chosen = torch.tensor(split.mask(self.bench.manifest, "validation"))
        found = [frozen_features.predict(network, self._statistics(turn)[chosen]) for turn in turns]
        return _Run(torch.stack(found).mean(0).tolist(), history[-1][BALANCED])

    def _taught(self, material: Material, seed: int) -> Floats:
        """(N,) probabilities; a training cell's by a network trained without its subject."""
        answers = material.targets.copy()
        trained = material.split.mask(material.manifest, "train")
        for other in self.bench.splits:
            held = trained & other.mask(material.manifest, "test")
            if held.any():
                network, _ = self._learned(_teacher_of(material, held), seed)
                logits = frozen_features.predict(network, self._statistics(0)[torch.tensor(held)])
                answers[held] = torch.sigmoid(logits).numpy()
        return answers

    def _learned(self, material: Material, seed: int) -> tuple[QCResNet, list[dict[str, float]]]:
        torch.manual_seed(seed)
        network = cast(QCResNet, registry.build("qcresnet", **self._config()))
        with tempfile.TemporaryDirectory() as folder:
            plan = self._plan(Path(folder), seed)
            done = frozen_features.learned(network, plan, material, self.bench.fabric)
        return cast(QCResNet, done.network), done.history

    def _statistics(self, turn: int) -> Tensor:
        """(N, F) what the body reads of every cell, turned by so many quarters; read once."""
        path = self.bench.work / f"{budget.digest(self._read_as(turn))}.npy"
        if not path.is_file():
            read = self._read(turn)
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part.npy")
            np.save(part, read.numpy())
            part.replace(path)
        return torch.from_numpy(np.load(path))

    def _read(self, turn: int) -> Tensor:
        cells = self.bench.cells
        if self.asked.size != self.options.size:
            cells = decoded_cells.decode(self.bench.manifest.paths(), self._preprocessing())
        if turn:
            cells = replace(
                cells, pixels=np.ascontiguousarray(np.rot90(cells.pixels, turn, axes=(2, 3)))
            )
        material = replace(self.bench.material(self.bench.splits[0]), cells=cells)
        plan = self._plan(self.bench.work, seed=0)
        return cast(Tensor, frozen_features.read(plan, material, self.bench.fabric).statistics)

    def _read_as(self, turn: int) -> dict[str, Any]:
        """All that what is read of a cell hangs on."""
        return {
            "stages": STAGES,
            "config": {key: list(value) for key, value in self._config().items()},
            "preprocessing": self._preprocessing().to_dict(),
            "init": budget.init_digest(self.options.init),
            "data": self.bench.digest,
            "turn": turn,
        }

    def _config(self) -> dict[str, Any]:
        return {"stages": STAGES, **self.asked.config}

    def _preprocessing(self) -> Preprocessing:
        return Preprocessing(size=self.asked.size, window=WINDOW)

    def _recipe(self, seed: int) -> Recipe:
        base: Mapping[str, Any] = {
            "freeze": frozen_features.FROZEN, "learning_rate": RATE,
            "batch_size": BATCH, "seed": seed,
            "ema_decay": 0.99,
        }  # fmt: skip
        return trials.recipe(self.options, epochs=self.epochs, **{**base, **self.asked.changes})

    def _plan(self, out: Path, seed: int) -> Plan:
        return Plan(
            data=self.bench.manifest.root,
            out=out,
            architecture="qcresnet",
            config=self._config(),
            init=self.options.init,
            split="subject",
            folds=self.options.folds,
            fold=0,
            preprocessing=self._preprocessing(),
            recipe=self._recipe(seed),
            device=self.bench.fabric.device.type,
            command="",
        )


def _teacher_of(material: Material, held: NDArray[np.bool_]) -> Material:
    """The material where some training cells (N,) are validated on instead of what was."""
    images = material.manifest.table["image_id"].to_numpy()
    parts = material.split.parts.copy()
    parts[images[material.split.mask(material.manifest, "validation")]] = EXCLUDED
    parts[images[held]] = "validation"
    return replace(material, split=replace(material.split, parts=parts))
