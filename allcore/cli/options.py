"""Options, parsers and helpers that several commands share."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

from typer import BadParameter, Option

from allcore import settings
from allcore.data import label_choice
from allcore.errors import DataError

if TYPE_CHECKING:
    from tqdm import tqdm

    from allcore.data.label_choice import LabelChoice
    from allcore.inference.predictor import Predictor
    from allcore.model_folder import InstalledModel
    from allcore.training.recipe import Recipe

JsonFlag = Annotated[bool, Option("--json", help="Print as JSON.")]
ModelName = Annotated[str | None, Option(help="Name of an installed model.")]
Device = Annotated[str | None, Option(help="auto, cpu, cuda or cuda:<n>.")]
TrainingDevice = Annotated[str, Option(help="auto, cpu, cuda or cuda:<n>.")]
Init = Annotated[
    str,
    Option(
        help="none, imagenet, a safetensors file of ResNet-18 weights, or for train a model folder "
        "of the same network and split."
    ),
]
Window = Annotated[int, Option(min=0, help="Least side of the cut, pixels.")]
Normalisation = Annotated[
    Literal["imagenet", "cell"], Option(help="Fixed, or by each cell's own colours.")
]
Labels = Annotated[
    str | None,
    Option(
        "--labels",
        metavar="NAME=CLASS,...",
        help="Classes of the data set's labels or folders, such as 0=all,1=hem; 'names' where "
        "file names are right. Kept for the data set.",
    ),
]
FieldMode = Annotated[
    Literal["auto", "never", "always"],
    Option(
        help="Pictures read as smear fields, with an answer for each white cell: those that do "
        "not show one cell on black, none, or all."
    ),
]
RecipeFields = Annotated[
    str, Option(help='Other fields of the recipe as JSON, such as {"batch_size": 64}.')
]


def json_object(text: str, option: str) -> dict[str, Any]:
    """Parse a JSON object in an option; anything else is a usage error."""
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise BadParameter('is not a JSON object such as {"key": 1}', param_hint=option)
    return fields


def recipe(fields: dict[str, Any]) -> "Recipe":
    """Return a recipe with these fields and defaults; an unknown field is a usage error."""
    from allcore.data.augmentation import Augmentation
    from allcore.training.recipe import Recipe

    try:
        if "augmentation" in fields:
            fields = fields | {"augmentation": Augmentation(**fields["augmentation"])}
        return Recipe(**fields)
    except TypeError as error:
        raise BadParameter(str(error), param_hint="--recipe") from error


def decide_labels(data: Path, labels: str | None) -> None:
    """Keep the classes that ``--labels`` gives to the labels of a data set."""
    if labels is not None:
        label_choice.save(data, label_option(labels))


def label_option(labels: str) -> "LabelChoice":
    """Parse ``--labels``; an unclear text is a usage error."""
    try:
        return label_choice.parse(labels)
    except DataError as error:
        raise BadParameter(str(error), param_hint="--labels") from error


def names(text: str) -> tuple[str, ...]:
    """Split a comma-separated list."""
    return tuple(filter(None, (part.strip() for part in text.split(","))))


def command_line() -> str:
    """Return the command line, for records in output files."""
    return shlex.join(["python", "-m", "allcore", *sys.argv[1:]])


def progress_bar(total: int, title: str | None = None) -> "tqdm[NoReturn]":
    """Return a bar that counts cells, silent when not on a terminal."""
    from tqdm import tqdm

    return tqdm(total=total, desc=title, unit="cell", disable=not sys.stderr.isatty())


def load_predictor(model: "InstalledModel", device: str, *, gated: bool = True) -> "Predictor":
    """Load the predictor of a model, with its site profile.

    Without its gate it predicts every cell, in float32: figures do not depend on the machine.
    """
    from allcore.inference.predictor import Predictor

    predictor = Predictor.load(
        model.folder,
        device,
        threads=settings.load().threads,
        gated=gated,
        precision=None if gated else "fp32",
    )
    return predictor.with_profile(model.profile)


def data_set(
    data: Path | None,
    *,
    quick_folder: Path | None,
    quick_size: dict[str, int],
    labels: str | None = None,
) -> Path:
    """Return the given data set, a small synthetic one, that of the settings, or the demo set.

    ``labels`` is the decision of ``--labels``, kept for the data set.
    """
    from allcore.synthetic import demo

    if data is None and quick_folder is not None:
        return demo.ensure_demo(quick_folder, **quick_size).root
    chosen = data or settings.load().data or demo.ensure_demo().root
    decide_labels(chosen, labels)
    return chosen
