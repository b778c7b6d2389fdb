"""A whole training run: data set in, model folder out."""

import time
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor
from tqdm import tqdm

from allcore import model_folder
from allcore.data.preprocessing import Preprocessing
from allcore.errors import ModelError
from allcore.inference import devices
from allcore.nets import registry
from allcore.training import checkpoint, fit, initialisation, model_writer
from allcore.training import fabric as processes
from allcore.training import plan as plans
from allcore.training.fit import Examples, Fitted, OnStep
from allcore.training.plan import Material, Plan

INITIAL_CELLS = 256
VALIDATION_STRENGTH = 0.5
"""Subject balance of the validation score: the same for every recipe, so that recipes compare."""


def train(plan: Plan) -> None:
    """Train, choose temperature and threshold on validation cells, write the model folder.

    A run that was killed goes on from its last whole epoch when asked again.

    Raises:
        DataError: the data set can't be used.
        ModelError: unknown architecture or weights, or the folder holds another run.
    """
    started = time.perf_counter()
    refuse_finished(plan)
    fabric = processes.launch(devices.choose(plan.device))
    material = plans.gather(plan, show=fabric.is_global_zero)
    plan.out.mkdir(parents=True, exist_ok=True)
    keep_split(plan, material, write=fabric.is_global_zero)
    done = fitted(plan, material, fabric)
    if fabric.is_global_zero:
        model_writer.write(
            plan, material, done, device=fabric.device, seconds=time.perf_counter() - started
        )
    fabric.barrier()


def keep_split(plan: Plan, material: Material, *, write: bool) -> None:
    """Write ``split.csv``; a run that goes on must go on with the split it began with.

    Args:
        plan: the run.
        material: what it learns from.
        write: whether this process is the one that writes.

    Raises:
        ModelError: the folder holds a run that began with another.
    """
    path = plan.out / model_folder.SPLIT
    text = material.split.parts.rename_axis("image_id").to_csv()
    if (plan.out / checkpoint.FILE_NAME).exists() and path.exists():
        if path.read_text(encoding="utf-8") != text:
            raise ModelError(
                f"{plan.out} holds a run that began with another split: repeat that one, remove "
                "the folder, or choose another --out."
            )
    elif write:
        path.write_text(text, encoding="utf-8")


def refuse_finished(plan: Plan) -> None:
    """Raise a ModelError where the folder to write holds a trained model."""
    if (plan.out / model_folder.INFO).exists():
        raise ModelError(f"{plan.out} holds a trained model: remove it or choose another --out.")


def fitted(
    plan: Plan,
    material: Material,
    fabric: Fabric,
    *,
    until: int | None = None,
    shown: bool = True,
) -> Fitted:
    """Build, initialise and train the network of ``plan`` on the training part of ``material``.

    Args:
        plan: what is asked for; ``out`` holds the checkpoint meanwhile.
        material: the cells and their split.
        fabric: launched.
        until: stop after so many of the recipe's epochs.
        shown: whether a terminal gets a progress bar.

    Raises:
        ModelError: unknown architecture or weights, or the folder holds another run.
    """
    recipe = plan.recipe
    if recipe.distilled and not plan.nested:
        raise ModelError("distilled needs --out-of-fold and --nested: give them, or leave it out.")
    if recipe.subject_shrinkage:
        raise ModelError(
            "subject_shrinkage needs a frozen body that is read once: give --freeze body, "
            "--out-of-fold and a network with stages, or leave it out."
        )
    train_part = material.examples("train", subject_strength=recipe.subject_strength)
    torch.manual_seed(recipe.seed)
    network = registry.build(plan.architecture, **plan.config)
    initialisation.initialise(network, plan.init, _some(train_part, plan.preprocessing))
    with tqdm(desc="Training", unit="step", disable=_hidden(fabric, shown)) as bar:
        return fit.fit(
            network,
            train=train_part,
            validation=validation_examples(material),
            preprocessing=plan.preprocessing,
            recipe=recipe,
            fabric=fabric,
            folder=plan.out,
            until=until,
            on_step=_shown(bar),
        )


def validation_examples(material: Material) -> Examples | None:
    """The validation cells, or None where there are none; weighed alike for every recipe."""
    if not material.split.mask(material.manifest, "validation").any():
        return None
    return material.examples("validation", subject_strength=VALIDATION_STRENGTH)


def _some(part: Examples, preprocessing: Preprocessing) -> Tensor:
    """A balanced draw of normalised cells, for the statistics of norm layers."""
    drawn = torch.multinomial(part.weights, INITIAL_CELLS, replacement=True)
    return preprocessing.normalise(part.pixels[drawn])


def _hidden(fabric: Fabric, shown: bool) -> bool | None:
    """True for all processes but the first; None leaves it to tqdm to ask for a terminal."""
    return None if shown and fabric.is_global_zero else True


def _shown(bar: "tqdm[Any]") -> OnStep:
    def show(done: int, steps: int) -> None:
        bar.total = steps
        bar.update(done - bar.n)

    return show
