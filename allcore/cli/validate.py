"""``python -m allcore validate``: what may be claimed of a model at another laboratory."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, BadParameter, Option

from allcore import settings
from allcore.cli import options, terminal
from allcore.notice import RESEARCH_USE

if TYPE_CHECKING:
    from allcore.evaluation.site_validation import SiteValidation
    from allcore.inference.site_answers import SiteAnswers
    from allcore.site_profile import SiteProfile

Rule = Literal["youden", "weighted_f1", "sensitivity", "cost"]


def validate(
    data: Annotated[Path | None, Argument(help="Labelled data set: a folder or CSV.")] = None,
    model: options.ModelName = None,
    out: Annotated[Path | None, Option(help="Folder for validation.json and the answers.")] = None,
    fields: options.FieldMode = "never",
    labels: options.Labels = None,
    width: Annotated[
        float, Option(min=0.01, max=1, help="Width of interval that sizes are computed for.")
    ] = 0.1,
    rule: Annotated[Rule, Option(help="Rule of the laboratory's threshold.")] = "youden",
    site: Annotated[
        str | None, Option(help="Name of the site profile; by default that of the data set.")
    ] = None,
    device: options.Device = None,
    as_json: options.JsonFlag = False,
    list_all: Annotated[
        bool, Option("--list", help="List the saved site profiles, and nothing else.")
    ] = False,
    delete: Annotated[
        str | None, Option(help="Delete a site profile, NAME or NAME@VERSION, and nothing else.")
    ] = None,
) -> None:
    """Measure a model on labelled cells of a laboratory, and say what may be claimed there.

    Where something may be claimed, the calibration and threshold for this laboratory are saved as
    a site profile, for `predict --profile`; the model stays as it is.
    """
    if list_all or delete:
        if data is not None:
            raise BadParameter("takes no DIR", param_hint="--list" if list_all else "--delete")
        _list(as_json=as_json) if list_all else _delete(delete or "")
        return
    if data is None:
        raise BadParameter("give a labelled data set", param_hint="DIR")
    from allcore import model_folder, site_profile
    from allcore.data import readers
    from allcore.evaluation import site_validation

    if site is not None:
        site = site_profile.checked_name(site)
    if out:
        terminal.require_writable(out, "--out", kind="folder")
    chosen = settings.load()
    installed = model_folder.resolve(model or chosen.model)
    options.decide_labels(data, labels)
    images = readers.read(data)
    terminal.emit(RESEARCH_USE, file=sys.stderr)
    predictor = options.load_predictor(installed, device or chosen.device)
    from allcore.inference import site_answers

    with options.progress_bar(len(images)) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        answers = site_answers.answer(
            images,
            installed,
            predictor,
            mode=None if fields == "never" else fields,
            progress=progress,
        )
    validation = site_validation.validate_site(answers, installed, width=width, rule=rule)
    profile = _save(validation, site)
    _write(validation, answers, profile, out)
    _print(validation, profile, out, as_json=as_json)


def _save(validation: "SiteValidation", site: str | None) -> "SiteProfile | None":
    """Save the site profile where something may be claimed."""
    from allcore import site_profile
    from allcore.evaluation import site_validation

    if not validation.can_be_saved:
        return None
    name = site or site_profile.suggested_name(validation.data)
    command = options.command_line()
    return site_profile.save(site_validation.make_profile(validation, name=name, command=command))


def _write(
    validation: "SiteValidation",
    answers: "SiteAnswers",
    profile: "SiteProfile | None",
    out: Path | None,
) -> None:
    from allcore.inference import site_answers
    from allcore.reports import site_validation

    if out is None:
        return
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(site_validation.validation_json(validation, profile), indent=2)
    (out / site_validation.FILE).write_text(text + "\n", encoding="utf-8")
    site_answers.write(answers, out / site_validation.ANSWERS)


def _print(
    validation: "SiteValidation", profile: "SiteProfile | None", out: Path | None, *, as_json: bool
) -> None:
    from allcore.reports import site_validation

    if as_json:
        fields = site_validation.validation_json(validation, profile)
        terminal.emit(json.dumps(fields, indent=2, ensure_ascii=False))
    else:
        terminal.emit("\n".join(site_validation.text_lines(validation)))
    if profile is not None:
        terminal.emit(
            f"Saved as the site profile {profile.key}: 'predict --profile \"{profile.key}\"' "
            "applies it.",
            file=sys.stderr,
        )
    else:
        terminal.emit("No site profile is saved, since nothing can be claimed.", file=sys.stderr)
    if out:
        terminal.emit(f"Written to {out}.", file=sys.stderr)


def _list(*, as_json: bool) -> None:
    from allcore import site_profile

    profiles, damaged = site_profile.list_profiles()
    if as_json:
        terminal.emit(json.dumps([json.loads(one.to_json()) for one in profiles], indent=2))
    for profile in () if as_json else profiles:
        terminal.emit(f"{profile.key:24} {profile.model:20} {profile.created:26} {profile.mark}")
    if not profiles:
        terminal.emit("No site profile is saved.", file=sys.stderr)
    for name in damaged:
        terminal.emit(f"{name} can't be read: delete it from the profiles.", file=sys.stderr)


def _delete(name: str) -> None:
    from allcore import site_profile

    profile = site_profile.find(name)
    site_profile.delete(profile)
    terminal.emit(f"The site profile {profile.key} is deleted.")
