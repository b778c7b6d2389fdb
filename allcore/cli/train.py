"""``python -m allcore train``: training from a data set to a model folder."""

from pathlib import Path
from typing import Annotated

from typer import BadParameter, Option

from allcore.cli import options, terminal
from allcore.errors import Stopped


def train(
    data: Annotated[Path, Option(help="Folder or CSV file of labelled cells.")],
    arch: Annotated[str, Option(help="Architecture, such as qcresnet or resnet18.")],
    out: Annotated[Path, Option(help="Model folder to write, such as models/mine.")],
    split: Annotated[
        str,
        Option(
            metavar="subject|image|FILE",
            help="Unseen subjects, the paper's split, or a CSV with the columns image_id and "
            "split (train, validation, test or excluded).",
        ),
    ] = "subject",
    init: options.Init = "imagenet",
    folds: Annotated[int, Option(min=3, help="Parts that subjects are dealt into.")] = 10,
    fold: Annotated[int, Option(min=0, help="The part that is tested.")] = 0,
    size: Annotated[int, Option(min=32, help="Side of the network's input, pixels.")] = 224,
    window: options.Window = 280,
    normalisation: options.Normalisation = "imagenet",
    epochs: Annotated[int | None, Option(min=1)] = None,
    seed: Annotated[int, Option(min=0)] = 0,
    freeze: Annotated[
        str, Option(help="Comma-separated starts of parameter names that stay fixed.")
    ] = "",
    out_of_fold: Annotated[
        bool,
        Option(
            "--out-of-fold",
            help="Predict each fold by a network trained without it, then train on all subjects.",
        ),
    ] = False,
    unlabelled: Annotated[
        Path | None, Option(help="Unlabelled cells to learn from, as --teacher calls them.")
    ] = None,
    teacher: Annotated[
        Path | None, Option(help="Model folder of the network that labels --unlabelled.")
    ] = None,
    confidence: Annotated[
        float, Option(min=0.5, max=1.0, help="How sure the teacher must be of a cell.")
    ] = 0.95,
    control: Annotated[
        bool, Option("--control", help="Train without --unlabelled too, and compare the two.")
    ] = False,
    config: Annotated[
        str, Option(help='Architecture arguments as JSON, such as {"dropout": 0.5}.')
    ] = "{}",
    recipe: options.RecipeFields = "{}",
    labels: options.Labels = None,
    device: options.TrainingDevice = "auto",
) -> None:
    """Train a network and write its model folder; asked again after a kill, it goes on."""
    from allcore.data.preprocessing import Preprocessing
    from allcore.evaluation import model_evaluation
    from allcore.nets import registry
    from allcore.reports import trained_model
    from allcore.research import semi_supervised
    from allcore.training import out_of_fold as out_of_fold_training
    from allcore.training import run
    from allcore.training.plan import TrainingPlan

    if arch in set(registry.names()) - set(registry.trainable()):
        raise BadParameter(
            f"'{arch}' is put together of trained networks: compare makes it.", param_hint="--arch"
        )
    if (unlabelled is None) != (teacher is None):
        raise BadParameter("goes with --teacher.", param_hint="--unlabelled")
    if out_of_fold and unlabelled:
        raise BadParameter("does not go with --unlabelled.", param_hint="--out-of-fold")
    if out_of_fold and split != "subject":
        raise BadParameter("goes with --split subject.", param_hint="--out-of-fold")
    if split not in ("subject", "image") and not Path(split).is_file():
        raise BadParameter(f"'{split}' is neither subject, image nor a file.", param_hint="--split")
    fields = options.json_object(recipe, "--recipe") | {"seed": seed}
    fields |= {"epochs": epochs} if epochs else {}
    fields |= {"freeze": tuple(freeze.split(","))} if freeze else {}
    options.decide_labels(data, labels)
    plan = TrainingPlan(
        data=data,
        out=out,
        architecture=arch,
        config=options.json_object(config, "--config"),
        init=init,
        split=split if split in ("subject", "image") else Path(split),
        folds=folds,
        fold=fold,
        preprocessing=Preprocessing(size=size, window=window, normalisation=normalisation),
        recipe=options.recipe(fields),
        device=device,
        command=options.command_line(),
    )
    terminal.require_writable(out, "--out", kind="folder")
    if unlabelled and teacher:
        request = semi_supervised.SemiSupervisedRequest(
            unlabelled, teacher, confidence, control=control
        )
        terminal.emit(semi_supervised.train(plan, request))
        return
    try:
        result = (out_of_fold_training if out_of_fold else run).train(plan)
    except KeyboardInterrupt:
        raise Stopped(
            f"Stopped: {out} keeps what was trained up to the last whole epoch, if there was one, "
            "and the same command goes on from there."
        ) from None
    if result is not None:  # None in all processes of torchrun but the first
        info = trained_model.write(result)
        separation = model_evaluation.separate_subjects(result.held_out, info)
        terminal.emit(f"Written to {out}. {separation.sentence}")
