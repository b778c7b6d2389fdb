"""``python -m allcore info``: versions, device, models, database and data sets."""

import json
import platform
import shlex
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from allcore import notice, settings
from allcore.cli import options, terminal
from allcore.errors import DataError

PACKAGES = (
    "streamlit", "streamlit-authenticator", "torch", "torchvision", "lightning", "scikit-learn",
    "pillow", "plotly", "sqlalchemy",
)  # fmt: skip


def info(as_json: options.JsonFlag = False) -> None:
    """Home folder, versions, device, models found, database and data sets."""
    facts = _facts()
    if as_json:
        terminal.emit(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    for key, value in facts.items():
        if isinstance(value, dict):
            value = ", ".join(f"{name} {text}" for name, text in value.items()) or "none"
        terminal.emit(f"{key:<10} {value}")


def _facts() -> dict[str, Any]:
    from sqlalchemy import make_url

    import allcore
    from allcore import model_folder
    from allcore.inference import devices
    from allcore.store import database

    chosen = settings.load()
    return {
        "allscope": allcore.__version__,
        "notice": notice.RESEARCH_USE,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "device": devices.described(chosen.device, chosen.threads),
        "home": str(chosen.home),
        "dashboard": shlex.join(["streamlit", "run", str(settings.APP_FOLDER / "app.py")]),
        "models": {
            name: f"({model.architecture}, threshold {model.threshold:.3f})"
            for name in model_folder.names(chosen.models)
            if (model := model_folder.read_info(chosen.models / name))
        },
        "database": database.label(make_url(chosen.database)),
        "datasets": _datasets(chosen),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _datasets(chosen: Any) -> dict[str, str]:
    from allcore.data import readers

    texts = {}
    for name, path in {"data": chosen.data, "demo": chosen.demo_set}.items():
        if path is None:
            continue
        try:
            texts[name] = f"{len(readers.read(path))} images in {path}"
        except DataError:
            texts[name] = f"nothing usable in {path}"
    return texts
