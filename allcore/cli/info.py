"""``python -m allcore info``: versions, device, models, database and data sets."""

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer

PACKAGES = (
    "streamlit", "streamlit-authenticator", "torch", "torchvision", "lightning", "scikit-learn",
    "pillow", "plotly", "sqlalchemy",
)  # fmt: skip


def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Versions, device, models found, database and data sets."""
    facts = collect()
    if as_json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    for key, value in facts.items():
        if isinstance(value, dict):
            value = ", ".join(f"{name} {text}" for name, text in value.items()) or "none"
        print(f"{key:<10} {value}")


def collect() -> dict[str, Any]:
    """Collect the facts that ``info`` prints, as JSON types."""
    import allcore
    from allcore import model_folder, notice, settings
    from allcore.inference import devices

    chosen = settings.load()
    return {
        "allscope": allcore.__version__,
        "notice": notice.RESEARCH_USE,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "device": devices.described(chosen.device, chosen.threads),
        "models": {
            name: f"({model.architecture}, threshold {model.threshold:.3f})"
            for name in model_folder.names(chosen.models)
            if (model := model_folder.read_info(chosen.models / name))
        },
        "database": _database(chosen.database),
        "datasets": _datasets(chosen),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _database(address: str) -> str:
    from sqlalchemy import make_url

    from allcore.store import database

    return database.label(make_url(address))


def _datasets(chosen: Any) -> dict[str, str]:
    from allcore.data import readers
    from allcore.errors import DataError

    texts = {}
    for name, path in {"data": chosen.data, "demo": chosen.demo_set}.items():
        if path is None:
            continue
        try:
            texts[name] = f"{len(readers.read(path))} images in {path}"
        except DataError:
            texts[name] = f"nothing usable in {path}"
    return texts
